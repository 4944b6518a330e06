/* SPDX-License-Identifier: MIT */
/* Notifications. A pending one is a flag or a bit, so a client that does not read costs no memory.
 */
#include <stdlib.h>

#include "core/query.h"
#include "guest/session.h"

static void note_reply(struct guest_session *s, ap_qn qn)
{
    if (!s->interrupts)
        s->interrupts = xcalloc(AP_IDS, sizeof *s->interrupts);
    mask256_set(&s->interrupts[AP_QN_APID(qn)], AP_QN_APQI(qn));
    s->interrupt_pending = true;
}

/* Through VFIO its process is asked for the device, and gives it back without leaving us. */
static bool has_opened(const struct guest_session *s)
{
    struct guest_info guest;

    return core_guest_info(s->all->door->core, s->guest, &guest) == 0 && guest.opened;
}

static void note(struct guest_session *s, const struct effect *effect)
{
    switch (effect->kind) {
    case EFFECT_GUEST_NOTIFY:
        s->config_pending |= effect->value == NEWS_CONFIG;
        s->detach_pending |= effect->value == NEWS_RELEASE && !has_opened(s);
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

static bool next_interrupt(struct guest_session *s, ap_qn *qn)
{
    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        unsigned apqi = mask256_next(&s->interrupts[apid], 0);

        if (apqi == MASK256_BITS)
            continue;
        mask256_clear(&s->interrupts[apid], apqi);
        *qn = AP_QN(apid, apqi);
        return true;
    }
    return false;
}

/* Sends the first pending interrupt. Queues whose interruptions were disabled meanwhile are
 * skipped. */
static bool take_interrupt(struct guest_session *s)
{
    ap_qn qn;

    while (next_interrupt(s, &qn)) {
        struct ap_aqic aqic = core_queue_aqic(s->all->door->core, qn);

        if (!aqic.enable)
            continue;
        send_notify(s, (struct guest_notify){GUEST_NOTIFY_INTERRUPT, aqic.isc, qn, aqic.nib});
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
