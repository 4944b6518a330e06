/* SPDX-License-Identifier: MIT */
#include "requests.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "machine/fault.h"
#include "play.h"

/* Follows the contents of queues over the steps [ap-nqap] [ap-dqap] [ap-reset]. */

struct inside *inside_add(struct inside_queue *q)
{
    if (q->count == INSIDE_MAX)
        abort();
    q->v[q->count] = (struct inside){0};
    return &q->v[q->count++];
}

void inside_remove(struct inside_queue *q, struct inside *m)
{
    memmove(m, m + 1, (size_t)(q->v + q->count - (m + 1)) * sizeof *m);
    q->count--;
}

void queue_flushed(struct requests *r, unsigned ai, unsigned di)
{
    struct inside_queue *q = &r->queue[ai][di];

    for (unsigned i = 0; i < q->count; i++)
        if (q->v[i].state == COMPUTING)
            r->stale[r->stale_count++ % STALE_MAX] = q->v[i].job;
    r->ended_by_reset += q->count;
    q->count = 0;
    q->notify = NOTIFY_OFF;
    r->flush_observed = true;
}

const struct seen_guest *guest_seen(const struct requests *r, unsigned owner)
{
    for (int i = 0; i < GUESTS; i++)
        if (r->guest[i].exists && r->guest[i].serial + OWNER_GUEST == owner)
            return &r->guest[i];
    return NULL;
}

static bool reaches(const struct seen_guest *g, unsigned ai, unsigned di)
{
    return g->exists && mask256_test(&g->apcb.apm, apids[ai]) &&
           mask256_test(&g->apcb.aqm, apqis[di]);
}

bool owner_reaches(const struct requests *r, unsigned owner, unsigned ai, unsigned di)
{
    const struct seen_guest *g = guest_seen(r, owner);

    return owner == OWNER_LPAR || (g && reaches(g, ai, di));
}

bool zcrypt_cares(struct play *p, unsigned ai, unsigned di)
{
    const struct requests *r = &p->requests;

    for (int i = 0; i < GUESTS; i++)
        if (reaches(&r->guest[i], ai, di))
            return !r->guest[i].connected && core_tree(p->core, r->guest[i].number + 1);
    return r->queue[ai][di].driver == 1;
}

/* Queries of the core about guests, adapters and drivers. */

static void look_at_guests(struct play *p)
{
    struct requests *r = &p->requests;
    struct guest_info info;
    uint32_t cursor = 0;

    for (int i = 0; i < GUESTS; i++)
        r->guest[i].exists = false;
    while (core_guest_next(p->core, &cursor, &info)) {
        for (unsigned i = 0; i < GUESTS; i++) {
            if (strcmp(info.name, world_guest(i)) != 0)
                continue;
            r->guest[i] = (struct seen_guest){.exists = true,
                                              .attached = info.attached,
                                              .connected = info.connected,
                                              .number = info.number,
                                              .serial = p->model.guest[i].serial,
                                              .features = info.features,
                                              .apcb = {info.apm, info.aqm, info.adm}};
        }
    }
}

static uint8_t driver_of(const struct apqn_info *q)
{
    return !q->driver ? 0 : strcmp(q->driver, "vfio_ap") == 0 ? 2 : 1;
}

/* An adapter that is configured on or off, check-stopped, or replaced loses the contents of its
 * queues [ap-reset] [se-reset-on-configure]. */
static void look_at_adapters(struct play *p)
{
    struct requests *r = &p->requests;
    struct host_info host;

    core_host_info(p->core, &host);
    r->usage = host.aqm;
    r->control = host.adm;
    for (unsigned ai = 0; ai < APIDS; ai++) {
        struct seen_adapter is, *was = &r->adapter[ai];
        struct adapter_info a;

        core_adapter_info(p->core, apids[ai], &a);
        is = (struct seen_adapter){a.in_lpar, a.online, a.checkstopped, a.config->type,
                                   a.config->mode};
        for (unsigned di = 0; di < APQIS; di++)
            if (memcmp(&is, was, sizeof is) != 0)
                queue_flushed(r, ai, di);
        *was = is;
    }
}

const struct fault_entry *fault_first(struct play *p, unsigned kinds, unsigned ai, unsigned di,
                                      bool always)
{
    const struct fault_list *l = core_faults(p->core);

    for (unsigned i = 0; i < l->count; i++) {
        const struct fault_entry *e = &l->v[i];
        const struct fault *f = &e->rule;

        if (kinds >> f->kind & 1 && e->left && (!always || f->count == FAULT_ALWAYS) &&
            apids[ai] >= f->first_apid && apids[ai] <= f->last_apid && apqis[di] >= f->first_apqi &&
            apqis[di] <= f->last_apqi)
            return e;
    }
    return NULL;
}

/* Jobs and replies. */

static bool job_source(struct play *p, const struct core_job *job, unsigned owner, unsigned ai,
                       unsigned di)
{
    const struct requests *r = &p->requests;
    const struct seen_guest *g = guest_seen(r, owner);

    if (owner == OWNER_LPAR)
        return job->source == 0 || play_fail(p, "a job of the host is said to be a guest's");
    if (!g)
        return play_fail(p, "a job of owner %u, who does not exist", owner);
    if (!reaches(g, ai, di))
        return play_fail(p, "a job of a guest for %02x.%04x, which it does not have", apids[ai],
                         apqis[di]);
    return job->source == g->number + 1 || play_fail(p, "a guest's job is said to be another's");
}

static bool job_keys(struct play *p, struct inside_queue *q, const struct core_job *job)
{
    bool same = q->generation == job->key_generation;

    if (q->has_generation && same == q->rekeyed)
        return play_fail(p, q->rekeyed ? "the keys of a zeroized queue are the old ones"
                                       : "the keys of a queue changed without a zeroize");
    q->generation = job->key_generation;
    q->has_generation = true;
    q->rekeyed = false;
    return true;
}

static bool number_inside(const struct requests *r, uint32_t number)
{
    for (unsigned i = 0; i < APIDS * APQIS; i++)
        for (unsigned k = 0; k < r->queue[i / APQIS][i % APQIS].count; k++)
            if (r->queue[i / APQIS][i % APQIS].v[k].number == number &&
                !r->queue[i / APQIS][i % APQIS].v[k].orphan)
                return true;
    return false;
}

static bool job_new(struct play *p, uint64_t id)
{
    struct requests *r = &p->requests;
    struct inside_queue *q;
    struct inside *m;
    struct core_job job;
    struct call *call;
    unsigned owner;
    uint32_t number;
    int ai, di;

    if (core_job_get(p->core, id, &job) < 0)
        return play_fail(p, "a job that is announced does not exist");
    ai = world_apid(AP_QN_APID(job.qn));
    di = world_apqi(AP_QN_APQI(job.qn));
    if (ai < 0 || di < 0 || !tag_find(job.request, job.len, &owner, &number))
        return play_fail(p, "a job of nobody");
    q = &r->queue[ai][di];
    if (!job_source(p, &job, owner, (unsigned)ai, (unsigned)di) || !job_keys(p, q, &job))
        return false;
    call = call_by_number(r, number);
    if (call) {
        if (call->owner != owner || number_inside(r, number))
            return play_fail(p, "a request is inside queues twice");
        m = inside_add(q);
        *m = (struct inside){.zcrypt = true, .owner = owner, .number = number, .job = id};
        return q->count <= job.card->depth + 1u || play_fail(p, "more is inside than fits");
    }
    if (!q->count || q->v[q->count - 1].number != number || number != r->sent)
        return play_fail(p, "a job for a message that nobody sent");
    r->sent = 0;
    q->v[q->count - 1].job = id;
    return q->count <= job.card->depth + 1u || play_fail(p, "more is inside than fits");
}

static bool follow_effect(struct play *p, const struct effect *e)
{
    int ai, di;

    if (e->kind == EFFECT_JOB)
        return job_new(p, e->node);
    if (e->kind == EFFECT_REPLY && e->node >= TOKEN_FIRST)
        return call_replied(p, e->node, e->value, e->len ? effect_text(&p->fx, e) : "", e->len);
    if (e->kind != EFFECT_GUEST_NOTIFY || e->value != NEWS_REPLY)
        return true;
    ai = world_apid(AP_QN_APID(e->node));
    di = world_apqi(AP_QN_APQI(e->node));
    if (ai < 0 || di < 0 || !p->requests.queue[ai][di].told)
        return play_fail(p, "a guest is told of a reply in %04x that is not new", (int)e->node);
    p->requests.queue[ai][di].told--;
    return true;
}

/* Held replies become due. */
static void follow_time(struct play *p)
{
    for (unsigned i = 0; i < APIDS * APQIS; i++) {
        struct inside_queue *q = &p->requests.queue[i / APQIS][i % APQIS];

        for (unsigned k = 0; k < q->count; k++) {
            struct inside *m = &q->v[k];

            if (m->state != HELD || m->due > p->now)
                continue;
            m->state = READY;
            if (!owner_reaches(&p->requests, m->owner, i / APQIS, i % APQIS))
                continue;
            if (m->zcrypt)
                inside_remove(q, m), k--;
            else if (is_told(q, m))
                q->told++;
        }
    }
}

/* A fault rule that is a state of its queues empties them when it is added and when it is removed.
 */
static void follow_fault(struct play *p, const struct fault *f)
{
    if (f->count != FAULT_ALWAYS || (f->kind != FAULT_DECONFIGURED && f->kind != FAULT_CHECKSTOP))
        return;
    for (unsigned i = 0; i < APIDS * APQIS; i++) {
        unsigned apid = apids[i / APQIS], apqi = apqis[i % APQIS];

        if (p->requests.adapter[i / APQIS].type && apid >= f->first_apid && apid <= f->last_apid &&
            apqi >= f->first_apqi && apqi <= f->last_apqi)
            queue_flushed(&p->requests, i / APQIS, i % APQIS);
    }
}

/* The LPAR tests all of its queues; that also completes pending zeroizes. */
static void test_queue(struct play *p, unsigned ai, unsigned di)
{
    struct inside_queue *q = &p->requests.queue[ai][di];
    struct ap_insn_result tapq = insn_tapq(p, apids[ai], apqis[di]);
    struct apqn_info info;
    uint8_t was = q->driver;

    q->apqsw = (uint32_t)tapq.gr[1];
    q->rc = tapq.program_check ? AP_RC_Q_NOT_AVAIL : q->apqsw >> 16 & 0xff;
    if (!q->rc)
        q->seen_notifying = q->apqsw & APQSW_IRQ;
    core_apqn_info(p->core, AP_QN(apids[ai], apqis[di]), &info);
    q->driver = driver_of(&info);
    if (info.zeroized != q->zeroized || (was != 1 && q->driver == 1))
        queue_flushed(&p->requests, ai, di);
    q->rekeyed |= info.zeroized != q->zeroized;
    q->zeroized = info.zeroized;
}

static enum ap_rc rc_wanted(struct play *p, unsigned ai, unsigned di)
{
    const struct requests *r = &p->requests;
    const struct seen_adapter *a = &r->adapter[ai];
    const struct fault_entry *f;

    if (!a->type || !a->in_lpar || !mask256_test(&r->usage, apqis[di]))
        return AP_RC_Q_NOT_AVAIL;
    if (!a->online)
        return AP_RC_DECONFIGURED;
    if (a->checkstopped)
        return AP_RC_CHECKSTOPPED;
    f = fault_first(p, FAULT_BIT(FAULT_DECONFIGURED) | FAULT_BIT(FAULT_CHECKSTOP), ai, di, true);
    if (f)
        return f->rule.kind == FAULT_CHECKSTOP ? AP_RC_CHECKSTOPPED : AP_RC_DECONFIGURED;
    return AP_RC_NORMAL;
}

static bool check_rc(struct play *p, unsigned ai, unsigned di)
{
    const struct inside_queue *q = &p->requests.queue[ai][di];
    enum ap_rc wanted = rc_wanted(p, ai, di);

    if (wanted == AP_RC_NORMAL && q->rc == AP_RC_RESET_IN_PROGRESS && p->requests.resets_take)
        return true;
    if (wanted == AP_RC_NORMAL && fault_first(p, FAULT_BIT(FAULT_BUSY), ai, di, true))
        wanted = AP_RC_BUSY;
    return q->rc == wanted || play_fail(p, "%02x.%04x has response code %02x, %02x is right",
                                        apids[ai], apqis[di], q->rc, wanted);
}

/* With faults a driver resets a queue when it can, so a loss of its contents is observed, not
 * predicted. */
static void drop_unseen(struct play *p, unsigned ai, unsigned di)
{
    struct inside_queue *q = &p->requests.queue[ai][di];
    struct core_job job;

    for (unsigned i = 0; i < q->count; i++) {
        struct inside *m = &q->v[i];
        bool empty = q->rc == 0 && q->apqsw & APQSW_EMPTY;
        bool gone = m->state == COMPUTING ? m->job && core_job_get(p->core, m->job, &job) < 0
                                          : empty && p->requests.faulty;

        m->orphan |= m->zcrypt && !owner_reaches(&p->requests, m->owner, ai, di);
        if (!gone || (!m->zcrypt && !p->requests.faulty))
            continue;
        if (m->state == COMPUTING)
            p->requests.stale[p->requests.stale_count++ % STALE_MAX] = m->job;
        p->requests.flush_observed = true;
        p->requests.ended_by_reset++;
        inside_remove(q, m);
        i--;
    }
}

static bool check_status(struct play *p, unsigned ai, unsigned di)
{
    struct inside_queue *q = &p->requests.queue[ai][di];
    uint32_t wanted = q->count ? 0 : APQSW_EMPTY;
    struct adapter_info a;

    if (q->rc)
        return true;
    core_adapter_info(p->core, apids[ai], &a);
    for (unsigned i = 0; i < q->count; i++)
        if (q->v[i].state == READY)
            wanted |= APQSW_REPLIES;
    if (q->count > a.config->depth)
        wanted |= APQSW_FULL;
    if (q->notify == NOTIFY_UNKNOWN)
        wanted |= q->apqsw & APQSW_IRQ;
    else if (q->notify == NOTIFY_ON)
        wanted |= APQSW_IRQ;
    return q->apqsw == wanted || play_fail(p, "%02x.%04x has status %08x, %08x is right", apids[ai],
                                           apqis[di], q->apqsw, wanted);
}

/* It has already lost everything, and is zeroized when released. */
static bool asked_to_release(const struct seen_guest *g)
{
    return g->attached && mask256_empty(&g->apcb.apm) && mask256_empty(&g->apcb.adm);
}

/* The messages in a queue are allowed there, each has its job, and no notification is missing. */
static bool check_inside(struct play *p, unsigned ai, unsigned di)
{
    struct inside_queue *q = &p->requests.queue[ai][di];
    struct core_job job;

    for (unsigned i = 0; i < q->count; i++) {
        const struct inside *m = &q->v[i];
        const struct seen_guest *g = guest_seen(&p->requests, m->owner);

        if (m->state == COMPUTING && core_job_get(p->core, m->job, &job) < 0)
            return play_fail(p, "a message in %02x.%04x is lost", apids[ai], apqis[di]);
        if (q->rc || owner_reaches(&p->requests, m->owner, ai, di) || (g && asked_to_release(g)))
            continue;
        return play_fail(p, "%02x.%04x holds a message of a guest that has lost it", apids[ai],
                         apqis[di]);
    }
    if (q->told)
        return play_fail(p, "nobody is told of a reply in %02x.%04x", apids[ai], apqis[di]);
    return true;
}

static bool check_stale(struct play *p)
{
    const struct requests *r = &p->requests;
    struct core_job job;

    for (unsigned i = 0; i < r->stale_count && i < STALE_MAX; i++)
        if (core_job_get(p->core, r->stale[i], &job) == 0)
            return play_fail(p, "a job that is over can be computed");
    return true;
}

static void host_reset(struct play *p, const struct step *s, int result)
{
    unsigned ai = s->object / 16, di = s->object % 16;
    struct inside_queue *q = &p->requests.queue[ai % APIDS][di % APQIS];

    if (s->tree || s->target != AT_QUEUE || strcmp(s->attr, "reset") != 0 || result != 0 ||
        !p->model.bus.card[ai % APIDS].queue[di % APQIS].runs)
        return;
    if (!p->requests.faulty)
        queue_flushed(&p->requests, ai, di);
    else
        q->notify = NOTIFY_UNKNOWN; /* if the queue is not busy */
}

bool requests_follow(struct play *p, const struct step *s, int result)
{
    struct requests *r = &p->requests;

    follow_time(p);
    r->flush_observed = false;
    look_at_guests(p);
    look_at_adapters(p);
    if (s && s->kind == STEP_STORE)
        host_reset(p, s, result);
    if (s)
        calls_orphan(p, s, result);
    for (unsigned i = 0;
         s && s->kind == STEP_CONNECT && s->object == LPAR && s->on && !result && i < APIDS * APQIS;
         i++)
        if (!r->queue[i / APQIS][i % APQIS].rc)
            queue_flushed(r, i / APQIS, i % APQIS);
    if (p->fault_changed)
        follow_fault(p, &p->fault);
    p->fault_changed = false;
    for (unsigned i = 0; i < APIDS * APQIS; i++) {
        test_queue(p, i / APQIS, i % APQIS);
        drop_unseen(p, i / APQIS, i % APQIS);
    }
    for (size_t i = 0; i < p->fx.count; i++)
        if (!follow_effect(p, &p->fx.v[i]))
            return false;
    for (unsigned i = 0; i < APIDS * APQIS; i++) {
        unsigned ai = i / APQIS, di = i % APQIS;

        if (zcrypt_cares(p, ai, di))
            r->queue[ai][di].notify = NOTIFY_UNKNOWN;
        if (!check_rc(p, ai, di) || !check_status(p, ai, di) || !check_inside(p, ai, di))
            return false;
    }
    return check_stale(p) && calls_count(p);
}

void requests_init(struct play *p)
{
    p->requests = (struct requests){0};
    look_at_guests(p);
    look_at_adapters(p);
    for (unsigned i = 0; i < APIDS * APQIS; i++) {
        test_queue(p, i / APQIS, i % APQIS);
        p->requests.queue[i / APQIS][i % APQIS].rekeyed = false;
        p->requests.queue[i / APQIS][i % APQIS].notify =
            zcrypt_cares(p, i / APQIS, i % APQIS) ? NOTIFY_UNKNOWN : NOTIFY_OFF;
    }
}

/* The end. */

static uint64_t any_job(const struct requests *r)
{
    for (unsigned i = 0; i < APIDS * APQIS; i++)
        for (unsigned k = 0; k < r->queue[i / APQIS][i % APQIS].count; k++)
            if (r->queue[i / APQIS][i % APQIS].v[k].state == COMPUTING)
                return r->queue[i / APQIS][i % APQIS].v[k].job;
    return 0;
}

static bool all_ended(struct play *p)
{
    for (unsigned ai = 0; ai < APIDS; ai++) {
        for (unsigned di = 0; di < APQIS; di++) {
            const struct inside_queue *q = &p->requests.queue[ai][di];

            for (unsigned i = 0; i < q->count; i++)
                if (q->v[i].state != READY || (q->v[i].zcrypt && !q->v[i].orphan))
                    return play_fail(p, "%02x.%04x never gets idle", apids[ai], apqis[di]);
            if (q->rc == AP_RC_BUSY || q->rc == AP_RC_RESET_IN_PROGRESS)
                return play_fail(p, "%02x.%04x never gets ready", apids[ai], apqis[di]);
        }
    }
    return calls_idle(p);
}

#define LONG_TIME UINT64_C(90000000000000) /* more than a day */

bool requests_drain(struct play *p)
{
    struct command calm = {.kind = CMD_FAULT_REMOVE, .now = p->now};
    struct command tick = {.kind = CMD_TIMER, .timer = {.id = TIMER_ALARM}};
    int rc;

    p->requests.faulty |= core_faults(p->core)->count > 0;
    while (core_faults(p->core)->count) {
        p->fault = core_faults(p->core)->v[0].rule;
        calm.fault.number = core_faults(p->core)->v[0].number;
        rc = play_execute(p, &calm);
        p->fault_changed = true;
        if (rc != 0 || !requests_follow(p, NULL, rc))
            return play_fail(p, "a fault cannot be removed: %d", rc);
    }
    for (unsigned i = 0; i < 20; i++) {
        for (unsigned k = 0; k < 2000 && any_job(&p->requests); k++)
            if (!answer_now(p, any_job(&p->requests)) || !requests_follow(p, NULL, 0))
                return false;
        p->now += LONG_TIME;
        tick.now = p->now;
        rc = play_execute(p, &tick);
        if (!requests_follow(p, NULL, rc))
            return false;
    }
    return all_ended(p);
}
