/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "machine/fault_schedule.h"
#include "message/cprbx.h"
#include "message/older.h"
#include "message/type50.h"
#include "message/type6.h"

/* Offsets of the CPRBX in a type 86 reply, and of the codes in the CPRBX [messages-type86]. */
#define TYPE86_CPRBX 48u
#define CPRBX_RTCODE 144u
#define CPRBX_RSCODE 146u

#define TYPE_UNKNOWN 0x42

static void damage_service(const struct fault *f, uint8_t *reply, size_t len)
{
    if (len < TYPE86_CPRBX + CPRBX_RSCODE + 2 || reply[1] != REPLY_TYPE86)
        return;
    be16_put(reply + TYPE86_CPRBX + CPRBX_RTCODE, f->code);
    be16_put(reply + TYPE86_CPRBX + CPRBX_RSCODE, f->reason);
}

/* A CCA coprocessor's reply with the older block. */
static void older_block(const struct outcome *o, struct buffer *out)
{
    struct type86_writer w;
    struct cprbx new;
    struct cprb old = {.func_id = "T1"};

    if (cprbx_parse_reply(o->control, &new) < 0)
        return;
    old.rtcode = new.rtcode;
    old.rscode = new.rscode;
    old.params = new.params;
    type86_start(&w, out);
    if (cprb_format(&old, CPRB_REPLY, out) < 0)
        return;
    if (o->data.len) {
        type86_start_data(&w, out);
        buffer_add_span(out, o->data);
    }
    type86_finish(&w, out);
}

/* Both older forms are shorter. A reply that has no older form stays as it is. */
static void damage_older(uint8_t *reply, size_t *len)
{
    struct span whole = span_of(reply, *len);
    uint8_t *room = xcalloc(1, *len + 1);
    struct buffer out = buffer_of(room, *len);
    struct outcome o = type86_judge_cprb(whole, CPRBX_VERSION);

    if (*len >= TYPE80_HEADER_BYTES && reply[1] == REPLY_TYPE80)
        type84_format(span_last(whole, *len - TYPE80_HEADER_BYTES), &out);
    else if (!o.error)
        older_block(&o, &out);
    if (out.len) {
        memcpy(reply, room, out.len);
        *len = out.len;
    }
    explicit_bzero(room, out.len);
    free(room);
}

void fault_damage_reply(const struct fault *f, uint8_t *reply, size_t *len)
{
    switch (f->damage) {
    case DAMAGE_TYPE:
        if (*len > 1)
            reply[1] = TYPE_UNKNOWN;
        return;
    case DAMAGE_LENGTH:
        *len -= *len > 0;
        return;
    case DAMAGE_SHORT:
        *len = *len < TYPE80_HEADER_BYTES ? *len : TYPE80_HEADER_BYTES;
        if (*len == TYPE80_HEADER_BYTES && reply[1] == REPLY_TYPE80)
            be16_put(reply + 2, TYPE80_HEADER_BYTES);
        return;
    case DAMAGE_OLDER:
        damage_older(reply, len);
        return;
    case DAMAGE_CODE:
        if (*len < ERROR_REPLY_BYTES)
            return;
        *len = ERROR_REPLY_BYTES;
        memset(reply, 0, ERROR_REPLY_BYTES);
        reply[1] = REPLY_TYPE82;
        reply[4] = (uint8_t)f->code;
        return;
    case DAMAGE_SERVICE:
        damage_service(f, reply, *len);
        return;
    }
}

void fault_list_done(struct fault_list *l)
{
    free(l->v);
    *l = (struct fault_list){0};
}

static void note(struct fault_list *l, struct fault_entry *e)
{
    e->changed = l->changed = true;
}

static void schedule(const struct fault_list *l, struct fault_entry *e)
{
    const struct fault *f = &e->rule;

    e->seen = f->seen;
    e->phase = f->at ? FAULT_WAITS : FAULT_ACTIVE;
    e->next = f->at ? l->now + f->at : f->lasts ? l->now + f->lasts : 0;
}

int fault_list_add(struct fault_list *l, const struct fault *rule, uint32_t *number)
{
    if (l->count == FAULTS_MAX)
        return -ENOSPC;
    l->v = xrealloc(l->v, (l->count + 1) * sizeof *l->v);
    l->v[l->count] =
        (struct fault_entry){.rule = *rule, .number = ++l->last_number, .left = rule->count};
    note(l, &l->v[l->count]);
    schedule(l, &l->v[l->count++]);
    *number = l->last_number;
    return 0;
}

void fault_list_restore(struct fault_list *l, const struct fault_entry *v, unsigned count,
                        uint32_t last_number)
{
    uint64_t now = l->now;

    fault_list_done(l);
    l->now = now;
    l->v = xcalloc(count + 1, sizeof *l->v);
    memcpy(l->v, v, count * sizeof *l->v);
    for (unsigned i = 0; i < count; i++) {
        note(l, &l->v[i]);
        schedule(l, &l->v[i]);
    }
    l->count = count;
    l->last_number = last_number;
}

int fault_list_restore_one(struct fault_list *l, const struct fault_entry *e)
{
    uint32_t before = l->count ? l->v[l->count - 1].number : 0;

    if (l->count == FAULTS_MAX || e->number <= before)
        return -EINVAL;
    l->v = xrealloc(l->v, (l->count + 1) * sizeof *l->v);
    l->v[l->count] = *e;
    schedule(l, &l->v[l->count++]);
    if (e->number > l->last_number)
        l->last_number = e->number;
    return 0;
}

const struct fault_entry *fault_list_find(const struct fault_list *l, uint32_t number)
{
    for (unsigned i = 0; i < l->count; i++)
        if (l->v[i].number == number)
            return &l->v[i];
    return NULL;
}

int fault_list_remove(struct fault_list *l, uint32_t number, struct fault *out)
{
    for (unsigned i = 0; i < l->count; i++) {
        if (l->v[i].number != number)
            continue;
        *out = l->v[i].rule;
        memmove(&l->v[i], &l->v[i + 1], (l->count - i - 1) * sizeof *l->v);
        l->count--;
        return 0;
    }
    return -ENOENT;
}

const struct fault_entry *fault_list_pass(struct fault_list *l, uint64_t now)
{
    l->now = now;
    for (unsigned i = 0; i < l->count; i++) {
        struct fault_entry *e = &l->v[i];

        if (!e->next || e->next > now)
            continue;
        e->next = e->phase == FAULT_WAITS && e->rule.lasts ? e->next + e->rule.lasts : 0;
        e->phase = e->phase == FAULT_WAITS ? FAULT_ACTIVE : FAULT_OVER;
        note(l, e);
        return e;
    }
    return NULL;
}

uint64_t fault_list_next(const struct fault_list *l)
{
    uint64_t next = 0;

    for (unsigned i = 0; i < l->count; i++)
        if (l->v[i].next && (!next || l->v[i].next < next))
            next = l->v[i].next;
    return next;
}

/* Rounded up, as rules have no less than a microsecond. */
static uint64_t until(const struct fault_list *l, uint64_t then)
{
    uint64_t ns = then > l->now ? then - l->now : 1;

    return (ns + 999) / 1000 * 1000;
}

struct fault fault_rest(const struct fault_list *l, const struct fault_entry *e, uint32_t *left)
{
    struct fault f = e->rule;

    *left = e->left;
    f.seen = e->seen;
    if (e->phase == FAULT_WAITS) {
        f.at = until(l, e->next);
        return f;
    }
    f.at = 0;
    if (e->phase == FAULT_ACTIVE) {
        f.lasts = e->next ? until(l, e->next) : 0;
        return f;
    }
    f.lasts = 0;
    *left = 0;
    if (f.count == FAULT_ALWAYS)
        f.count = 1;
    return f;
}

static bool is_for(const struct fault_entry *e, unsigned kinds, ap_qn qn)
{
    return e->phase == FAULT_ACTIVE && e->left && kinds & FAULT_BIT(e->rule.kind) &&
           fault_matches(&e->rule, qn);
}

/* Whether it is its turn. */
static bool count(struct fault_list *l, struct fault_entry *e)
{
    if (!fault_counts(&e->rule))
        return true;
    note(l, e);
    return fault_schedule_fits(&e->rule, ++e->seen);
}

static struct fault_entry *find_state(const struct fault_list *l, unsigned kinds, ap_qn qn)
{
    for (unsigned i = 0; i < l->count; i++) {
        struct fault_entry *e = &l->v[i];

        if (e->left == FAULT_ALWAYS && !fault_counts(&e->rule) && is_for(e, kinds, qn))
            return e;
    }
    return NULL;
}

static struct fault_entry *find(struct fault_list *l, unsigned kinds, ap_qn qn)
{
    for (unsigned i = 0; i < l->count; i++)
        if (is_for(&l->v[i], kinds, qn) && count(l, &l->v[i]))
            return &l->v[i];
    return NULL;
}

static const struct fault *charge(struct fault_list *l, struct fault_entry *e, ap_qn qn)
{
    if (!e)
        return NULL;
    e->hits++;
    if (e->left != FAULT_ALWAYS || e->hits == 1) {
        e->met = l->met = true;
        e->last = qn;
    }
    if (e->left != FAULT_ALWAYS) {
        e->left--;
        note(l, e);
    }
    return &e->rule;
}

const struct fault *fault_list_find_hit(struct fault_list *l, unsigned kinds, ap_qn qn)
{
    return charge(l, find(l, kinds, qn), qn);
}

const struct fault *fault_list_find_state(struct fault_list *l, unsigned kinds, ap_qn qn)
{
    return charge(l, find_state(l, kinds, qn), qn);
}

const struct fault *fault_list_look(const struct fault_list *l, unsigned kinds, ap_qn qn)
{
    const struct fault_entry *e = find_state(l, kinds, qn);

    return e ? &e->rule : NULL;
}
