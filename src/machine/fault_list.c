/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "machine/fault.h"
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

int fault_list_add(struct fault_list *l, const struct fault *rule, uint32_t *number)
{
    if (l->count == FAULTS_MAX)
        return -ENOSPC;
    l->v = xrealloc(l->v, (l->count + 1) * sizeof *l->v);
    l->v[l->count++] =
        (struct fault_entry){.rule = *rule, .number = ++l->last_number, .left = rule->count};
    *number = l->last_number;
    l->changed = true;
    return 0;
}

void fault_list_restore(struct fault_list *l, const struct fault_entry *v, unsigned count,
                        uint32_t last_number)
{
    fault_list_done(l);
    l->v = xcalloc(count + 1, sizeof *l->v);
    memcpy(l->v, v, count * sizeof *l->v);
    l->count = count;
    l->last_number = last_number;
    l->changed = true;
}

int fault_list_remove(struct fault_list *l, uint32_t number, struct fault *out)
{
    for (unsigned i = 0; i < l->count; i++) {
        if (l->v[i].number != number)
            continue;
        *out = l->v[i].rule;
        memmove(&l->v[i], &l->v[i + 1], (l->count - i - 1) * sizeof *l->v);
        l->count--;
        l->changed = true;
        return 0;
    }
    return -ENOENT;
}

static struct fault_entry *find(const struct fault_list *l, unsigned kinds, ap_qn qn, bool always)
{
    for (unsigned i = 0; i < l->count; i++) {
        struct fault_entry *e = &l->v[i];

        if (e->left && (!always || e->left == FAULT_ALWAYS) && kinds & FAULT_BIT(e->rule.kind) &&
            fault_matches(&e->rule, qn))
            return e;
    }
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
        l->changed = true;
    }
    return &e->rule;
}

const struct fault *fault_list_hit(struct fault_list *l, unsigned kinds, ap_qn qn)
{
    return charge(l, find(l, kinds, qn, false), qn);
}

const struct fault *fault_list_state(struct fault_list *l, unsigned kinds, ap_qn qn)
{
    return charge(l, find(l, kinds, qn, true), qn);
}

const struct fault *fault_list_look(const struct fault_list *l, unsigned kinds, ap_qn qn)
{
    const struct fault_entry *e = find(l, kinds, qn, true);

    return e ? &e->rule : NULL;
}
