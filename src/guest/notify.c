/* SPDX-License-Identifier: MIT */
/* What a guest is told. Each thing is remembered once, so a client that does not read costs
 * nothing. */
#include <stdlib.h>

#include "guest/session.h"

enum { FC_AQIC = 3 };
#define AQIC_ENABLE (UINT64_C(1) << 47)

void guest_session_note_aqic(struct guest_session *s, const struct guest_insn *insn, uint8_t cc)
{
    unsigned apid = insn->gr[0] >> 8 & 0xff, apqi = insn->gr[0] & 0xff;

    if (insn->opcode != GUEST_OPCODE_PQAP || (insn->gr[0] >> 24 & 0xff) != FC_AQIC || cc)
        return;
    if (!s->interrupts[apid])
        s->interrupts[apid] = xcalloc(AP_IDS, sizeof(*s->interrupts[apid]));
    s->interrupts[apid][apqi] = (struct guest_interrupt){
        .nib = insn->gr[2], .isc = insn->gr[1] & 7, .enabled = insn->gr[1] & AQIC_ENABLE};
}

static void note_reply(struct guest_session *s, ap_qn qn)
{
    struct guest_interrupt *of = s->interrupts[AP_QN_APID(qn)];

    if (!of || !of[AP_QN_APQI(qn)].enabled)
        return;
    of[AP_QN_APQI(qn)].pending = true;
    s->interrupt_pending = true;
}

static void note(struct guest_session *s, const struct effect *effect)
{
    switch (effect->kind) {
    case EFFECT_GUEST_NOTIFY:
        s->config_pending |= effect->value == NEWS_CONFIG;
        s->detach_pending |= effect->value == NEWS_RELEASE;
        if (effect->value == NEWS_REPLY)
            note_reply(s, (ap_qn)effect->node);
        return;
    case EFFECT_GUEST_DETACHED:
        s->config_pending = true;
        return;
    case EFFECT_GUEST_STOPPED:
        s->connected = false;
        s->gone = true;
        return;
    }
}

bool guest_session_has_news(const struct guest_session *s)
{
    return s->config_pending || s->detach_pending || s->interrupt_pending || s->gone;
}

bool guest_sessions_effects(struct guest_sessions *all, const struct effects *effects)
{
    bool any = false;

    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *e = &effects->v[i];

        if (e->kind != EFFECT_GUEST_NOTIFY && e->kind != EFFECT_GUEST_DETACHED &&
            e->kind != EFFECT_GUEST_STOPPED)
            continue;
        for (struct guest_session *s = all->first; s; s = s->next)
            if (s->connected && s->guest == e->id) {
                note(s, e);
                any = true;
            }
    }
    return any;
}

static void send_notify(struct guest_session *s, struct guest_notify notify)
{
    struct guest_frame frame = {.type = GUEST_NOTIFY, .notify = notify};

    guest_session_send(s, &frame);
}

/* The first interrupt that is pending. */
static bool take_interrupt(struct guest_session *s)
{
    for (unsigned qn = 0; s->interrupt_pending && qn < AP_APQNS; qn++) {
        struct guest_interrupt *of = s->interrupts[AP_QN_APID(qn)], *one;

        if (!of) {
            qn |= AP_IDS - 1;
            continue;
        }
        one = &of[AP_QN_APQI(qn)];
        if (!one->pending)
            continue;
        one->pending = false;
        send_notify(
            s, (struct guest_notify){GUEST_NOTIFY_INTERRUPT, one->isc, (uint16_t)qn, one->nib});
        return true;
    }
    s->interrupt_pending = false;
    return false;
}

bool guest_session_notify(struct guest_session *s)
{
    if (s->config_pending) {
        s->config_pending = false;
        send_notify(s, (struct guest_notify){.kind = GUEST_NOTIFY_CONFIG});
        return true;
    }
    if (s->detach_pending) {
        s->detach_pending = false;
        s->asked = true;
        send_notify(s, (struct guest_notify){.kind = GUEST_NOTIFY_DETACH});
        return true;
    }
    return s->interrupt_pending && s->granted & GUEST_FEATURE_APQI && take_interrupt(s);
}
