/* SPDX-License-Identifier: MIT */
#include "base/synth.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/uuid.h"

/* The kernel's limits for the variables of a uevent, terminators included. SEQNUM is added last;
 * four digits are assumed. */
#define VARS_MAX    64
#define BYTES_MAX   2048
#define NUMBER_TEXT "SEQNUM=1234"

#define UUID_LEN (UUID_TEXT - 1)

static size_t without_end(const char *data, size_t len)
{
    return len && (data[len - 1] == '\n' || data[len - 1] == '\0') ? len - 1 : len;
}

static bool fits(size_t count, size_t bytes)
{
    return count <= VARS_MAX && bytes <= BYTES_MAX;
}

static size_t count_vars(const char *vars, size_t len, char end)
{
    size_t count = 0;

    for (size_t i = 0; i < len; i++)
        count += vars[i] == end;
    return count;
}

static int action_parse(const char *data, size_t len, char out[8])
{
    static const char *const actions[] = {"add",    "remove",  "change", "move",
                                          "online", "offline", "bind",   "unbind"};

    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (strlen(actions[i]) == len && memcmp(actions[i], data, len) == 0) {
            strcpy(out, actions[i]);
            return 0;
        }
    }
    return -EINVAL;
}

static bool alphanumeric(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c >= 0xc0 && c != 0xd7 && c != 0xf7);
}

static size_t word_len(const char *data, size_t len)
{
    size_t n = 0;

    while (n < len && alphanumeric((unsigned char)data[n]))
        n++;
    return n;
}

/* Parses one " KEY=VALUE". Returns its length, or 0. */
static size_t pair_parse(const char *data, size_t len, struct text *vars)
{
    size_t key, value;

    if (len < 2 || data[0] != ' ')
        return 0;
    key = word_len(data + 1, len - 1);
    if (!key || 1 + key == len || data[1 + key] != '=')
        return 0;
    value = word_len(data + 2 + key, len - 2 - key);
    if (!value)
        return 0;
    text_adds(vars, "SYNTH_ARG_");
    text_add(vars, data + 1, key + 1 + value);
    text_add(vars, "", 1);
    return 2 + key + value;
}

static int args_parse(const char *data, size_t len, struct text *vars)
{
    struct uuid uuid;

    if (len < UUID_LEN || uuid_parse(data, UUID_LEN, &uuid) < 0)
        return -EINVAL;
    text_adds(vars, "SYNTH_UUID=");
    text_add(vars, data, UUID_LEN);
    text_add(vars, "", 1);
    for (size_t at = UUID_LEN, n; at < len; at += n) {
        n = pair_parse(data + at, len - at, vars);
        if (!n)
            return -EINVAL;
    }
    return fits(count_vars(vars->data, vars->len, '\0'), vars->len) ? 0 : -EINVAL;
}

int synth_parse(const char *data, size_t len, struct synth *out)
{
    struct synth s = {0};
    const char *blank;
    size_t word;
    int rc;

    len = without_end(data, len);
    blank = len ? memchr(data, ' ', len) : NULL;
    word = blank ? (size_t)(blank - data) : len;
    rc = action_parse(data, word, s.action);
    if (rc == 0 && blank)
        rc = args_parse(blank + 1, len - word - 1, &s.vars);
    else if (rc == 0)
        text_add(&s.vars, "SYNTH_UUID=0", sizeof "SYNTH_UUID=0");
    if (rc < 0)
        text_done(&s.vars);
    else
        *out = s;
    return rc;
}

void synth_done(struct synth *s)
{
    text_done(&s->vars);
}

/* Whether the uevent would fit. Checked even if nobody listens, as the kernel does. */
static bool whole_fits(const struct synth *s, const char *devpath, const char *subsystem,
                       const char *lines)
{
    size_t count =
        4 + count_vars(s->vars.data, s->vars.len, '\0') + count_vars(lines, strlen(lines), '\n');
    size_t bytes = sizeof "ACTION=" + strlen(s->action) + sizeof "DEVPATH=/" + strlen(devpath) +
                   sizeof "SUBSYSTEM=" + strlen(subsystem) + s->vars.len + strlen(lines) +
                   sizeof NUMBER_TEXT;

    return fits(count, bytes);
}

static int synth_refuse(struct effects *fx, int err, const char *devpath, const char *why)
{
    return effects_refuse_at(fx, err, why, "%s%suevent", devpath, *devpath ? "/" : "");
}

int synth_store(const char *devpath, const char *subsystem, const char *lines, const char *data,
                size_t len, struct effects *fx)
{
    struct synth s;
    int rc = synth_parse(data, len, &s);

    if (rc < 0)
        return synth_refuse(
            fx, rc, devpath,
            "expected add, remove, change, move, online, offline, bind or unbind, optionally "
            "followed by a UUID and KEY=VALUE pairs");
    if (subsystem && !whole_fits(&s, devpath, subsystem, lines)) {
        rc = synth_refuse(fx, -ENOMEM, devpath, "the uevent is too long");
    } else if (subsystem && effects_uevent_begin(fx, s.action, devpath, subsystem)) {
        effects_uevent_vars(fx, s.vars.data, s.vars.len);
        effects_uevent_lines(fx, lines);
    }
    synth_done(&s);
    return rc;
}
