/* SPDX-License-Identifier: MIT */
#include "step.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mask256.h"

/* The names of the world, and steps as lines of text. */

const uint8_t apids[APIDS] = {0, 4, 5, 6, 0x0e, 0x3f, 0xff};
const uint8_t apqis[APQIS] = {0, 4, 5, 0x0f, 0x47, 0xff};

const char *const driver_names[DRIVER_NAMES] = {"cex4card",   "cex4queue", "vfio_ap",   "cex2acard",
                                                "cex2aqueue", "cex2card",  "cex2cqueue"};
const char *const node_masks[NODE_MASKS] = {"ioctlmask", "apmask", "aqmask", "admask"};

static const char *const kinds[STEP_KINDS] = {
    "store",  "se",     "lpar",   "sclp",  "checkstop", "set",     "start",   "stop",
    "attach", "detach", "move",   "timer", "cancel",    "look",    "connect", "reset",
    "insn",   "zcrypt", "giveup", "job",   "fault",     "unfault", "time"};
static const char *const targets[TARGETS] = {"bus",  "card", "queue", "driver",
                                             "mdev", "type", "class", "node"};

int world_apid(uint64_t apid)
{
    for (int i = 0; i < APIDS; i++)
        if (apids[i] == apid)
            return i;
    return -1;
}

int world_apqi(uint64_t apqi)
{
    for (int i = 0; i < APQIS; i++)
        if (apqis[i] == apqi)
            return i;
    return -1;
}

void world_uuid(unsigned number, char out[37])
{
    snprintf(out, 37, "69aa1a8a-0000-4000-8000-00000000000%x", number & 0xf);
}

const char *world_guest(unsigned number)
{
    static const char *const names[] = {"Guest1", "Guest2", "Guest3", "Guest4"};

    return number < GUESTS ? names[number] : "no/name";
}

const char *node_name(unsigned number)
{
    static const char *const names[] = {"my1", "my2", "zcrypt_0", "zcrypt_1"};

    return names[number % 4];
}

void step_path(const struct step *s, char *out, size_t size)
{
    static const char *const parents[TARGETS] = {
        [AT_BUS] = "bus/ap/", [AT_CLASS] = "class/zcrypt/"};
    char uuid[37];
    int n = 0;

    if (parents[s->target])
        n = snprintf(out, size, "%s", parents[s->target]);
    else if (s->target == AT_CARD)
        n = snprintf(out, size, "devices/ap/card%02x/", apids[s->object]);
    else if (s->target == AT_QUEUE)
        n = snprintf(out, size, "devices/ap/card%02x/%02x.%04x/", apids[s->object / 16],
                     apids[s->object / 16], apqis[s->object % 16]);
    else if (s->target == AT_DRIVER)
        n = snprintf(out, size, "bus/ap/drivers/%s/", driver_names[s->object]);
    else if (s->target == AT_NODE)
        n = snprintf(out, size, "class/zcrypt/%s/", node_name(s->object));
    else if (s->target == AT_TYPE)
        n = snprintf(out, size, "devices/vfio_ap/matrix/mdev_supported_types/vfio_ap-passthrough/");
    world_uuid(s->object, uuid);
    if (s->target == AT_MDEV)
        n = snprintf(out, size, "devices/vfio_ap/matrix/%s/", uuid);
    snprintf(out + n, size - (size_t)n, "%s", s->attr);
}

/* Percent-encoding as in a URL, so that any data is one word. */
static void data_format(const char *data, FILE *out)
{
    putc('=', out);
    for (; *data; data++) {
        if (*data > ' ' && *data < 0x7f && *data != '%' && *data != '#')
            putc(*data, out);
        else
            fprintf(out, "%%%02x", (unsigned char)*data);
    }
}

static void comment(const struct step *s, FILE *out)
{
    static const char *const what[] = {"adapter", "domain", "control-domain"};
    const char *guest = world_guest(s->object);
    unsigned value = (unsigned)s->value;
    char path[160], uuid[37];

    world_uuid((unsigned)(s->value >> 4), uuid);
    step_path(s, path, sizeof path);
    fputs("  # ", out);
    if (s->tree)
        fprintf(out, "apus guest exec %s -- ", world_guest(s->tree - 1));
    if (s->kind == STEP_STORE) {
        fputs("printf '", out);
        for (const char *at = s->data; *at; at++)
            fprintf(out, *at == '\n' ? "\\n" : "%c", *at);
        fprintf(out, "' > /sys/%s", path);
    } else if (s->kind == STEP_SE_ADAPTER || s->kind == STEP_CHECKSTOP) {
        fprintf(out, "apus %s 0x%x %s", s->kind == STEP_CHECKSTOP ? "checkstop" : "se adapter",
                value, s->on ? "on" : "off");
    } else if (s->kind == STEP_SE_LPAR) {
        fprintf(out, "apus se lpar %s %s 0x%x%s", s->on ? "add" : "remove", what[s->object], value,
                s->force ? " --force" : "");
    } else if (s->kind == STEP_FAULT) {
        fprintf(out, "apus fault add '%s'", s->data);
    } else if (s->kind == STEP_START || s->kind == STEP_ATTACH) {
        fprintf(out, "apus guest %s %s %s", kinds[s->kind], guest,
                s->on || s->kind == STEP_ATTACH ? uuid : "");
    } else if (s->kind >= STEP_STOP && s->kind <= STEP_MIGRATE) {
        fprintf(out, "apus guest %s %s", kinds[s->kind], guest);
    } else {
        fprintf(out, "%s 0x%" PRIx64, kinds[s->kind], s->value);
    }
}

void step_format(const struct step *s, FILE *out)
{
    fprintf(out, "%s %u %s %u %s %" PRIu64 " 0x%" PRIx64 " %d %d ", kinds[s->kind], s->tree,
            targets[s->target], s->object, *s->attr ? s->attr : "-", s->token, s->value, s->on,
            s->force);
    data_format(s->data, out);
    comment(s, out);
}

static int word_index(const char *word, const char *const *words, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(word, words[i]) == 0)
            return i;
    return -1;
}

static bool object_fits(const struct step *s)
{
    static const unsigned limits[TARGETS] = {1,          APIDS, 16 * APIDS, DRIVER_NAMES,
                                             NOBODY + 1, 1,     1,          4};

    if (s->kind == STEP_SE_LPAR)
        return s->object < 3;
    if (s->kind != STEP_STORE)
        return s->object <= NOBODY;
    return s->object < limits[s->target] && (s->target != AT_QUEUE || s->object % 16 < APQIS);
}

int step_parse(const char *line, struct step *out)
{
    char kind[16], target[16], data[3 * STEP_DATA + 2];
    struct step s = {0};
    int k, t, on, force;
    size_t n = 0;

    if (sscanf(line, "%15s %u %15s %u %23s %" SCNu64 " %" SCNx64 " %d %d %625s", kind, &s.tree,
               target, &s.object, s.attr, &s.token, &s.value, &on, &force, data) != 10)
        return -EINVAL;
    k = word_index(kind, kinds, STEP_KINDS);
    t = word_index(target, targets, TARGETS);
    if (k < 0 || t < 0 || *data != '=' || s.tree > GUESTS)
        return -EINVAL;
    s.kind = (enum step_kind)k;
    s.target = (enum target)t;
    s.on = on;
    s.force = force;
    if (strcmp(s.attr, "-") == 0)
        *s.attr = '\0';
    for (const char *at = data + 1; *at; at++) {
        unsigned byte = (unsigned char)*at;

        if (*at == '%') {
            if (sscanf(at + 1, "%2x", &byte) != 1 || !byte)
                return -EINVAL;
            at += 2;
        }
        if (n + 1 == sizeof s.data)
            return -EINVAL;
        s.data[n++] = (char)byte;
    }
    if (!object_fits(&s))
        return -EINVAL;
    *out = s;
    return 0;
}
