/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/number.h"
#include "base/slice.h"
#include "machine/guest.h"
#include "store/machine_keys.h"
#include "store/setup_keys.h"

/* Reading a machine file with all of its sections. */

struct setup_reading {
    struct ini_reading in;
    struct setup *out;
    struct mask256 checkstopped;
};

static int value_uuid(const struct ini_reading *r, const struct ini_entry *e, struct uuid *out)
{
    return uuid_parse(e->value, strlen(e->value), out) == 0
               ? 0
               : ini_refuse_value(r, e, "expected a UUID as printed by uuidgen");
}

static bool feature_add(const char *word, size_t len, uint64_t *bits)
{
    for (unsigned i = 0; setup_features[i]; i++) {
        if (strlen(setup_features[i]) == len && memcmp(setup_features[i], word, len) == 0) {
            *bits |= 1u << i;
            return true;
        }
    }
    return false;
}

static int value_features(const struct ini_reading *r, const struct ini_entry *e, uint64_t *out)
{
    const char *at = e->value;

    *out = 0;
    while (*at) {
        size_t len = strcspn(at, ",");
        struct slice word = slice_trim((struct slice){at, len}, " \t");

        if (!feature_add(word.at, word.len, out))
            return ini_refuse_value(r, e,
                                    "expected ap, apft, apqci and apqi, separated by commas, or "
                                    "nothing");
        at += len + (at[len] == ',');
    }
    return 0;
}

static int value_name(const struct ini_reading *r, const struct ini_entry *e, char **out)
{
    free(*out);
    *out = setup_unescape(e->value, strlen(e->value));
    return *out && **out ? 0
                         : ini_refuse_value(r, e,
                                            "expected a name; %xx stands for a byte in two "
                                            "lower-case hexadecimal digits, but not for 00");
}

static int value_sized(const struct ini_reading *r, const struct ini_entry *e,
                       const struct setup_key *k, void *at)
{
    uint64_t value;
    int rc = ini_number(r, e, 0, k->max, &value);

    if (rc < 0)
        return rc;
    if (k->size == sizeof(uint32_t))
        *(uint32_t *)at = (uint32_t)value;
    else
        *(uint64_t *)at = value;
    return 0;
}

static int value_count(const struct ini_reading *r, const struct ini_entry *e,
                       const struct setup_key *k, uint64_t *out)
{
    *out = FAULT_ALWAYS;
    return strcmp(e->value, "always") == 0 ? 0 : ini_number(r, e, 0, k->max, out);
}

static int value_read(const struct ini_reading *r, const struct ini_entry *e,
                      const struct setup_key *k, struct setup_object *o)
{
    void *at = (char *)o + k->at;

    switch (k->type) {
    case KEY_MASK:
        return ini_mask(r, e, at);
    case KEY_LIST:
        return ini_list(r, e, AP_IDS - 1, "the highest number", at);
    case KEY_SWITCH:
        return ini_switch(r, e, at);
    case KEY_NUMBER:
        return value_sized(r, e, k, at);
    case KEY_UUID:
        return value_uuid(r, e, at);
    case KEY_FEATURES:
        return value_features(r, e, at);
    case KEY_NAME:
        return value_name(r, e, at);
    case KEY_TEXT:
        *(char **)at = xstrdup(e->value);
        return 0;
    case KEY_COUNT:
        return value_count(r, e, k, at);
    }
    abort();
}

static int keys_read(const struct setup_reading *r, const struct ini_section *s,
                     const struct setup_section *kind, struct setup_object *o)
{
    const struct ini_entry *found[SETUP_KEYS_MAX] = {NULL};
    const char *names[SETUP_KEYS_MAX + 1] = {NULL};
    int rc;

    for (unsigned i = 0; kind->keys[i].name; i++)
        names[i] = kind->keys[i].name;
    rc = ini_keys_collect(&r->in, s, names, found);
    for (unsigned i = 0; rc == 0 && names[i]; i++) {
        if (!found[i])
            continue;
        o->given |= 1u << i;
        rc = value_read(&r->in, found[i], &kind->keys[i], o);
    }
    return rc;
}

static int refuse_operand(const struct setup_reading *r, const struct ini_section *s,
                          const struct setup_section *kind)
{
    text_addf(r->in.error, "%s:%u: ", r->in.name, s->line);
    text_add_quoted(r->in.error, s->name, strlen(s->name));
    if (kind->operand)
        text_addf(r->in.error, ": %s is followed by %s", kind->word, kind->operand);
    else
        text_addf(r->in.error, ": nothing follows %s", kind->word);
    return -EINVAL;
}

/* What stands behind the section's word. */
static bool operand_read(const struct setup_section *kind, struct slice text,
                         struct setup_object *o)
{
    char copy[AP_QN_TEXT] = "";
    uint64_t number = 0;
    ap_qn qn = 0;

    switch (kind->kind) {
    case STATE_BUS:
        return !text.len;
    case STATE_CARD:
    case STATE_FAULT:
        if (number_parse_u64(text.at, text.len, 0, &number) < 0 ||
            number > (kind->kind == STATE_CARD ? AP_IDS - 1 : UINT32_MAX - 1))
            return false;
        o->s.of.id = (uint32_t)number;
        return true;
    case STATE_OVERRIDE:
        if (text.len >= sizeof copy)
            return false;
        memcpy(copy, text.at, text.len);
        if (ap_qn_parse(copy, &qn) < 0)
            return false;
        o->s.of.id = qn;
        return true;
    case STATE_MDEV:
        o->s.mdev.has_uuid = true;
        return uuid_parse(text.at, text.len, &o->s.mdev.uuid) == 0;
    default:
        o->name =
            text.len && !memchr(text.at, ' ', text.len) ? setup_unescape(text.at, text.len) : NULL;
        return o->name != NULL;
    }
}

/* The section of the word with which rest begins, which is taken off. */
static const struct setup_section *word_take(struct slice *rest)
{
    size_t len = 0;
    const struct setup_section *kind;

    while (len < rest->len && rest->at[len] != ' ' && rest->at[len] != '\t')
        len++;
    kind = setup_section_find(rest->at, len);
    *rest = slice_trim((struct slice){rest->at + len, rest->len - len}, " \t");
    return kind;
}

/* [guest NAME card 5]: the guest's name goes to *system, and rest is what follows it. */
static const struct setup_section *inner_take(struct slice *rest, char **system)
{
    const char *blank = rest->len ? memchr(rest->at, ' ', rest->len) : NULL;
    size_t len = blank ? (size_t)(blank - rest->at) : 0;

    if (!blank)
        return NULL;
    *system = setup_unescape(rest->at, len);
    *rest = slice_trim((struct slice){blank, rest->len - len}, " \t");
    return *system ? word_take(rest) : NULL;
}

static int refuse_section(const struct setup_reading *r, const struct ini_section *s)
{
    text_addf(r->in.error, "%s:%u: unknown section ", r->in.name, s->line);
    text_add_quoted(r->in.error, s->name, strlen(s->name));
    text_adds(r->in.error,
              "; expected [machine], [adapter 5], or several as in [adapter 4-6,0x47]; "
              "[bus], [card 5], [queue 05.0004], [node NAME], [mdev UUID], "
              "[guest NAME], [fault 1], or one of the first four of a guest, as in "
              "[guest NAME card 5]");
    return -EINVAL;
}

static struct setup_object *object_add(struct setup *out, const struct ini_section *s)
{
    struct setup_object *o;

    out->v = xrealloc(out->v, (out->count + 1) * sizeof *out->v);
    o = &out->v[out->count++];
    *o = (struct setup_object){.line = s->line, .features = GUEST_FEATURES_ALL, .left = UINT64_MAX};
    return o;
}

static int section_read(struct setup_reading *r, const struct ini_section *s)
{
    struct slice rest = {s->name, strlen(s->name)};
    const struct setup_section *kind = word_take(&rest), *inner;
    struct setup_object *o = object_add(r->out, s);
    struct slice behind = rest;
    char *system = NULL;

    if (!kind)
        return refuse_section(r, s);
    if (kind->kind == STATE_GUEST && (inner = inner_take(&behind, &system)) && inner->in_guest) {
        kind = inner;
        rest = behind;
        o->system = system;
    } else {
        free(system);
    }
    o->s.of.kind = (uint8_t)kind->kind;
    if (!operand_read(kind, rest, o))
        return refuse_operand(r, s, kind);
    return keys_read(r, s, kind, o);
}

static bool is_hardware(const struct ini_section *s)
{
    return strcmp(s->name, "machine") == 0 || strncmp(s->name, "adapter ", 8) == 0 ||
           strncmp(s->name, "adapter\t", 8) == 0;
}

static void add_checkstopped(struct setup_reading *r)
{
    mask256_for_each (apid, &r->checkstopped) {
        struct setup_object *o = object_add(r->out, &(struct ini_section){.line = 1});

        o->s.of = (struct change){.kind = STATE_ADAPTER, .id = apid};
        o->s.adapter.checkstopped = true;
        o->s.adapter.zeroized = "0*256";
    }
}

int setup_parse(const char *name, const char *data, size_t len, struct setup *out,
                struct text *error)
{
    struct setup_reading r = {.in = {name, error}, .out = out};
    ini_file_auto f = {0};
    int rc = ini_file_parse(name, data, len, &f, error);

    *out = (struct setup){.name = xstrdup(name)};
    if (rc == 0)
        rc = machine_sections_read(&r.in, &f, &out->machine, &r.checkstopped);
    for (size_t i = 0; rc == 0 && i < f.count; i++)
        if (!is_hardware(&f.sections[i]))
            rc = section_read(&r, &f.sections[i]);
    if (rc == 0)
        add_checkstopped(&r);
    else
        setup_done(out);
    return rc;
}

void setup_done(struct setup *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->v[i].name);
        free(s->v[i].system);
    }
    free(s->v);
    free(s->name);
    *s = (struct setup){0};
}
