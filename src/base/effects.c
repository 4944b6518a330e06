/* SPDX-License-Identifier: MIT */
#include "base/effects.h"

#include <stdlib.h>
#include <string.h>

void effects_clear(struct effects *e)
{
    e->count = e->change_count = 0;
    if (e->is_private)
        explicit_bzero(e->pool.data, e->pool.len);
    e->is_private = false;
    text_clear(&e->pool);
    text_clear(&e->refused_path);
    text_clear(&e->refused_value);
    text_clear(&e->refused_command);
}

void effects_done(struct effects *e)
{
    free(e->v);
    free(e->changes);
    text_done(&e->pool);
    text_done(&e->refused_path);
    text_done(&e->refused_value);
    text_done(&e->refused_command);
    *e = (struct effects){0};
}

struct effect *effects_add(struct effects *e, enum effect_kind kind)
{
    struct effect *one;

    if (e->count == e->capacity) {
        e->capacity = e->capacity ? e->capacity * 2 : 16;
        e->v = xrealloc(e->v, e->capacity * sizeof *e->v);
    }
    one = &e->v[e->count++];
    *one = (struct effect){.kind = kind, .tree = e->tree};
    return one;
}

/* Each text is stored with its terminator, so that it can be used as a C string. */
static void pool_add(struct effects *e, struct effect *one, const char *data, size_t len)
{
    one->text = (uint32_t)e->pool.len;
    one->len = (uint32_t)len;
    text_add(&e->pool, data, len);
    text_add(&e->pool, "", 1);
}

struct effect *effects_add_bytes(struct effects *e, enum effect_kind kind, const void *bytes,
                                 size_t len)
{
    struct effect *one = effects_add(e, kind);

    pool_add(e, one, bytes, len);
    return one;
}

void effects_gone(struct effects *e, uint64_t parent, const char *name)
{
    struct effect *one = effects_add(e, EFFECT_GONE);

    one->node = parent;
    pool_add(e, one, name, strlen(name));
}

void effects_reply(struct effects *e, uint64_t token, int64_t value)
{
    struct effect *one = effects_add(e, EFFECT_REPLY);

    one->node = token;
    one->value = value;
}

struct effect *effects_guest_notify(struct effects *e, uint32_t guest, enum guest_news news)
{
    struct effect *one = effects_add(e, EFFECT_GUEST_NOTIFY);

    one->id = guest;
    one->value = news;
    return one;
}

void effects_timer(struct effects *e, enum timer_id id, uint64_t at)
{
    struct effect *one = effects_add(e, EFFECT_TIMER);

    one->id = id;
    one->value = (int64_t)at;
}

#define CHANGES_SEEN 4u /* a command that goes through queues names the same few objects */

void effects_note_change(struct effects *e, enum state_kind kind, uint32_t id)
{
    bool of_tree = kind >= STATE_BUS && kind <= STATE_OWNER;
    struct change new = {.kind = (uint8_t)kind, .tree = of_tree ? e->tree : 0, .id = id};

    for (size_t i = e->change_count; i && i + CHANGES_SEEN > e->change_count; i--) {
        const struct change *old = &e->changes[i - 1];

        if (old->kind == new.kind && old->tree == new.tree && old->id == id)
            return;
    }
    if (e->change_count == e->change_capacity) {
        e->change_capacity = e->change_capacity ? e->change_capacity * 2 : 16;
        e->changes = xrealloc(e->changes, e->change_capacity * sizeof *e->changes);
    }
    e->changes[e->change_count++] = new;
}

static void log_begin(struct effects *e, enum log_level level)
{
    struct effect *one = effects_add(e, EFFECT_LOG);

    one->level = (uint8_t)level;
    one->text = (uint32_t)e->pool.len;
}

static void log_end(struct effects *e)
{
    struct effect *one = &e->v[e->count - 1];

    one->len = (uint32_t)e->pool.len - one->text;
    text_add(&e->pool, "", 1);
}

void effects_log(struct effects *e, enum log_level level, const char *format, ...)
{
    va_list args;

    log_begin(e, level);
    va_start(args, format);
    text_addv(&e->pool, format, args);
    va_end(args);
    log_end(e);
}

int effects_refuse(struct effects *e, int err, const char *what, const char *why, ...)
{
    va_list args;

    log_begin(e, LOG_LEVEL_WARNING);
    if (e->guest)
        text_addf(&e->pool, "guest %s: ", e->guest);
    text_addf(&e->pool, "%s refused (%s): ", what, strerrorname_np(-err));
    va_start(args, why);
    text_addv(&e->pool, why, args);
    va_end(args);
    log_end(e);
    return err;
}

int effects_refuse_at(struct effects *e, int err, const char *why, const char *what, ...)
{
    text_auto at = {0};
    va_list args;

    va_start(args, what);
    text_addv(&at, what, args);
    va_end(args);
    return effects_refuse(e, err, at.data, "%s", why);
}

static void uevent_add_string(struct effects *e, const char *key, const char *value)
{
    text_adds(&e->pool, key);
    text_add(&e->pool, value, strlen(value) + 1);
}

static void uevent_end(struct effects *e)
{
    struct effect *one = &e->v[e->count - 1];

    one->len = (uint32_t)e->pool.len - one->text;
}

bool effects_uevent_begin(struct effects *e, const char *action, const char *devpath,
                          const char *subsystem)
{
    if (!e->want_uevents)
        return false;
    effects_add(e, EFFECT_UEVENT)->text = (uint32_t)e->pool.len;
    uevent_add_string(e, "ACTION=", action);
    uevent_add_string(e, "DEVPATH=/", devpath);
    if (subsystem)
        uevent_add_string(e, "SUBSYSTEM=", subsystem);
    uevent_end(e);
    return true;
}

void effects_uevent_vars(struct effects *e, const char *vars, size_t len)
{
    text_add(&e->pool, vars, len);
    uevent_end(e);
}

void effects_uevent_lines(struct effects *e, const char *lines)
{
    static const char unbind[] = "ACTION=unbind", modalias[] = "MODALIAS=";
    bool unbound = strcmp(e->pool.data + e->v[e->count - 1].text, unbind) == 0;

    while (*lines) {
        size_t len = strcspn(lines, "\n");

        if (!unbound || strncmp(lines, modalias, sizeof modalias - 1) != 0) {
            text_add(&e->pool, lines, len);
            text_add(&e->pool, "", 1);
        }
        lines += len + (lines[len] == '\n');
    }
    uevent_end(e);
}

void effects_uevent(struct effects *e, const char *action, const char *devpath,
                    const char *subsystem, ...)
{
    va_list args;

    if (!effects_uevent_begin(e, action, devpath, subsystem))
        return;
    va_start(args, subsystem);
    for (const char *var; (var = va_arg(args, const char *));)
        effects_uevent_vars(e, var, strlen(var) + 1);
    va_end(args);
}
