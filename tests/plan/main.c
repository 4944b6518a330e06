/* SPDX-License-Identifier: MIT */
/*
 * Plans between random states of small machines. Each step is allowed when it comes; no APQN has on
 * the way an owner that it has at neither end; guests that the change does not concern keep what
 * they have; the end is the wanted state. Whether there is a plan, and how many writes it takes, is
 * checked by a search through all states, which has the rules in a second form. And for a random
 * write that is refused there are alternatives, each of which is accepted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plan/plan.h"
#include "plan/refusal.h"
#include "store/setup.h"

#define APIDS 3
#define APQIS 2
#define MDEVS 2

static uint64_t state_of_random;

static unsigned below(unsigned n)
{
    uint64_t z = (state_of_random += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (unsigned)((z ^ z >> 31) % n);
}

/* A state in small: masks, and what each device is assigned, as bits. */
struct small {
    uint8_t a, q, mdev_a[MDEVS], mdev_q[MDEVS];
    uint8_t lpar_a, lpar_q; /* what the LPAR has */
    bool exists[MDEVS], guest[MDEVS];
};

static bool is_default(const struct small *s, unsigned a, unsigned q)
{
    return s->a >> a & 1 && s->q >> q & 1;
}

static int owner(const struct small *s, unsigned a, unsigned q)
{
    for (int i = 0; i < MDEVS; i++)
        if (s->mdev_a[i] >> a & 1 && s->mdev_q[i] >> q & 1)
            return i;
    return is_default(s, a, q) ? 100 : -1;
}

/* An APQN is zcrypt's and a device's, or two devices'. */
static bool collides(const struct small *s)
{
    for (unsigned a = 0; a < APIDS; a++) {
        for (unsigned q = 0; q < APQIS; q++) {
            int owners = is_default(s, a, q);

            for (int i = 0; i < MDEVS; i++)
                owners += s->mdev_a[i] >> a & 1 && s->mdev_q[i] >> q & 1;
            if (owners > 1)
                return true;
        }
    }
    return false;
}

static void random_small(struct small *s)
{
    do {
        *s = (struct small){.a = (uint8_t)below(1 << APIDS),
                            .q = (uint8_t)below(1 << APQIS),
                            .lpar_a = (1 << APIDS) - 1,
                            .lpar_q = (1 << APQIS) - 1};
        for (int i = 0; i < MDEVS; i++) {
            s->exists[i] = below(8) != 0;
            s->guest[i] = s->exists[i] && below(2);
            s->mdev_a[i] = s->exists[i] ? (uint8_t)below(1 << APIDS) : 0;
            s->mdev_q[i] = s->exists[i] ? (uint8_t)below(1 << APQIS) : 0;
        }
    } while (collides(s));
}

/* One device often stays as it is, with its guest. */
static void random_pair(struct small *s, struct small *t)
{
    random_small(s);
    do {
        random_small(t);
        if (below(2)) {
            t->exists[0] = s->exists[0];
            t->guest[0] = s->guest[0];
            t->mdev_a[0] = s->mdev_a[0];
            t->mdev_q[0] = s->mdev_q[0];
        }
    } while (collides(t));
}

static void bits(uint8_t m, struct text *out)
{
    const char *comma = "";

    for (unsigned i = 0; i < 8; i++) {
        if (m >> i & 1) {
            text_addf(out, "%s%u", comma, i);
            comma = ",";
        }
    }
    text_adds(out, "\n");
}

static struct core *make(const struct small *s, bool upstream)
{
    text_auto file = {0}, why = {0};
    struct effects fx = {0};
    setup_auto setup = {0};
    struct core *core = NULL;

    text_addf(&file, "[machine]\nabi = %s\n", upstream ? "upstream" : "proposal");
    if (s->lpar_q) {
        text_adds(&file, "domains = ");
        bits(s->lpar_q, &file);
    }
    for (unsigned a = 0; a < APIDS; a++)
        text_addf(&file, "[adapter %u]\ntype = CEX7C\nlpar = %s\n", a,
                  s->lpar_a >> a & 1 ? "yes" : "no");
    text_adds(&file, "[bus]\n");
    text_addf(&file, "apmask = 0x%02x\naqmask = 0x%02x\n",
              (s->a & 1) << 7 | (s->a & 2) << 5 | (s->a & 4) << 3,
              (s->q & 1) << 7 | (s->q & 2) << 5);
    for (int i = 0; i < MDEVS; i++) {
        if (!s->exists[i])
            continue;
        text_addf(&file, "[mdev 69aa1a8a-0000-4000-8000-00000000000%d]\nadapters = ", i);
        bits(s->mdev_a[i], &file);
        text_adds(&file, "domains = ");
        bits(s->mdev_q[i], &file);
        if (s->guest[i])
            text_addf(&file, "[guest g%d]\nmdev = 69aa1a8a-0000-4000-8000-00000000000%d\n", i, i);
    }
    if (setup_parse("pair", file.data, file.len, &setup, &why) < 0 ||
        setup_core(&setup, &core, &fx, &why) < 0) {
        fprintf(stderr, "%s\n%s", why.data, file.data);
        abort();
    }
    effects_done(&fx);
    return core;
}

/* The search. */

#define STATES (1u << (APIDS + APQIS) * (1 + MDEVS))

static unsigned pack(const struct small *s)
{
    unsigned n = s->a | (unsigned)s->q << APIDS;

    for (int i = 0; i < MDEVS; i++)
        n |= (s->mdev_a[i] | (unsigned)s->mdev_q[i] << APIDS) << (APIDS + APQIS) * (i + 1);
    return n;
}

static void unpack(unsigned n, struct small *s)
{
    const unsigned a = (1 << APIDS) - 1, q = (1 << APQIS) - 1;

    s->a = n & a;
    s->q = n >> APIDS & q;
    for (int i = 0; i < MDEVS; i++) {
        unsigned m = n >> (APIDS + APQIS) * (i + 1);

        s->mdev_a[i] = m & a;
        s->mdev_q[i] = m >> APIDS & q;
    }
}

struct search {
    struct small start, end;
    bool upstream, frozen[MDEVS];
};

/* The rules of a write that changes s to t, one object at a time. */
static bool allowed(const struct search *w, const struct small *s, const struct small *t)
{
    if (collides(t))
        return false;
    for (int i = 0; i < MDEVS; i++) {
        bool differs = s->mdev_a[i] != t->mdev_a[i] || s->mdev_q[i] != t->mdev_q[i];

        if (differs && w->frozen[i])
            return false;
        if (w->upstream && s->mdev_a[i] && s->mdev_q[i] &&
            ((t->a & ~s->a & s->mdev_a[i]) || (t->q & ~s->q & s->mdev_q[i])))
            return false;
    }
    for (unsigned a = 0; a < APIDS; a++) {
        for (unsigned q = 0; q < APQIS; q++) {
            int o = owner(t, a, q);

            if (o != -1 && o != owner(&w->start, a, q) && o != owner(&w->end, a, q))
                return false;
        }
    }
    return true;
}

static uint8_t distance[STATES];
static unsigned queue[STATES];

/* The fewest writes, or -1. */
static int search(const struct search *w)
{
    unsigned head = 0, tail = 0, goal = pack(&w->end);
    const unsigned field = APIDS + APQIS;

    memset(distance, 0xff, sizeof distance);
    distance[queue[tail++] = pack(&w->start)] = 0;
    while (head < tail) {
        unsigned at = queue[head++];
        struct small s = w->start, t = w->start;

        if (at == goal)
            return distance[at];
        unpack(at, &s);
        for (unsigned object = 0; object < MDEVS + 2; object++) {
            unsigned shift = object < MDEVS ? field * (object + 1) : object == MDEVS ? 0 : APIDS;
            unsigned width = object < MDEVS ? field : object == MDEVS ? APIDS : APQIS;

            for (unsigned v = 0; v < 1u << width; v++) {
                unsigned to = (at & ~(((1u << width) - 1) << shift)) | v << shift;

                if (distance[to] != 0xff)
                    continue;
                unpack(to, &t);
                if (!allowed(w, &s, &t))
                    continue;
                distance[to] = (uint8_t)(distance[at] + 1);
                queue[tail++] = to;
            }
        }
    }
    return -1;
}

/* The plan. */

static void small_of(const struct core *c, struct small *out)
{
    struct host_info host;
    struct mdev_info m;
    uint32_t cursor = 0;

    core_host_info(c, &host);
    *out = (struct small){0};
    for (unsigned i = 0; i < APIDS; i++)
        out->a |= (uint8_t)(mask256_test(&host.apmask, i) << i);
    for (unsigned i = 0; i < APQIS; i++)
        out->q |= (uint8_t)(mask256_test(&host.aqmask, i) << i);
    while (core_mdev_next(c, &cursor, &m)) {
        unsigned n = m.uuid.bytes[15];

        for (unsigned i = 0; i < APIDS; i++)
            out->mdev_a[n] |= (uint8_t)(mask256_test(&m.apm, i) << i);
        for (unsigned i = 0; i < APQIS; i++)
            out->mdev_q[n] |= (uint8_t)(mask256_test(&m.aqm, i) << i);
    }
}

static int fail(const struct search *w, const struct plan *p, const char *what)
{
    text_auto text = {0};
    struct core *from = make(&w->start, w->upstream), *to = make(&w->end, w->upstream);

    fprintf(stderr, "%s\n", what);
    setup_format(from, &text);
    text_adds(&text, "\n-------- wanted\n");
    setup_format(to, &text);
    fprintf(stderr, "%s\n", text.data);
    for (size_t i = 0; i < p->count; i++)
        fprintf(stderr, "step %zu: %s (%s = %s)\n", i + 1, p->steps[i].what.data, p->steps[i].path,
                p->steps[i].value);
    core_free(from);
    core_free(to);
    return 1;
}

/* The search knows no devices without an assignment, and no guests. */
static bool is_counted(const struct plan_step *s, const struct small *before,
                       const struct small *after)
{
    return s->kind == PLAN_WRITE && pack(before) != pack(after);
}

static bool keeps_guests(const struct search *w, const struct core *from, const struct core *core)
{
    for (int i = 0; i < MDEVS; i++) {
        char name[] = {'g', (char)('0' + i), 0};
        struct guest_info a, b;

        if (!w->frozen[i])
            continue;
        if (core_guest_find(from, name, &a) < 0 || core_guest_find(core, name, &b) < 0 ||
            !mask256_equal(&a.apm, &b.apm) || !mask256_equal(&a.aqm, &b.aqm))
            return false;
    }
    return true;
}

static bool owners_fit(const struct search *w, const struct small *now)
{
    for (unsigned a = 0; a < APIDS; a++) {
        for (unsigned q = 0; q < APQIS; q++) {
            int o = owner(now, a, q);

            if (o != -1 && o != owner(&w->start, a, q) && o != owner(&w->end, a, q))
                return false;
        }
    }
    return true;
}

/* Plans that do not say that they are the shortest ones. */
static unsigned inexact;

static int follow(const struct search *w, const struct core *from, const struct core *to,
                  const struct plan *p, int fewest)
{
    struct core *core = setup_copy(from);
    struct small before = w->start;
    int writes = 0, rc = 0;
    text_auto what = {0};

    for (size_t i = 0; i < p->count && rc == 0; i++) {
        struct effects fx = {0};
        text_auto why = {0};
        struct small now;

        if (plan_step_execute(core, &p->steps[i], &fx, &why) < 0)
            rc = fail(w, p, why.data);
        effects_done(&fx);
        small_of(core, &now);
        writes += is_counted(&p->steps[i], &before, &now);
        before = now;
        if (rc == 0 && !owners_fit(w, &now))
            rc = fail(w, p, "an APQN has a foreign owner");
        if (rc == 0 && !keeps_guests(w, from, core))
            rc = fail(w, p, "a guest loses what it should keep");
    }
    if (rc == 0 && !plan_same(core, to, &what))
        rc = fail(w, p, what.data);
    inexact += !p->fewest;
    if (rc == 0 && fewest >= 0 && writes != fewest && (p->fewest || writes < fewest)) {
        fprintf(stderr, "%d writes, %d would do\n", writes, fewest);
        rc = fail(w, p, "not the fewest");
    }
    core_free(core);
    return rc;
}

static unsigned plans, refusals;

/* What was given up of the wanted masks cannot be had, bit by bit, as the search knows. */
static int check_given_up(const struct search *w, const struct small *got)
{
    struct search more = *w;
    int rc = got->a & ~w->end.a || got->q & ~w->end.q;

    for (unsigned i = 0; i < APIDS + APQIS && rc == 0; i++) {
        unsigned bit =
            i < APIDS ? (w->end.a & ~got->a) & 1u << i : (w->end.q & ~got->q) & 1u << (i - APIDS);

        more.end = *got;
        *(i < APIDS ? &more.end.a : &more.end.q) |= (uint8_t)bit;
        rc = bit && search(&more) >= 0;
    }
    return rc;
}

static int nearest(const struct search *w, const struct core *from, const struct core *to)
{
    struct search near = *w;
    struct core *core;
    struct plan p;
    text_auto given_up = {0};
    int rc = plan_nearest(from, to, false, &core, &p, &given_up) < 0;

    if (rc == 0) {
        small_of(core, &near.end);
        rc = check_given_up(w, &near.end);
    }
    if (rc == 0)
        rc = follow(&near, from, core, &p, search(&near));
    if (rc)
        fail(w, &p, "not the nearest state");
    plan_done(&p);
    core_free(core);
    return rc;
}

/* fewest: writes, -1 if there is no way. Where an interruption is allowed it may be -1 or fewer. */
static int pair(const struct search *w)
{
    struct core *from = make(&w->start, w->upstream), *to = make(&w->end, w->upstream);
    struct plan p;
    text_auto why = {0};
    int fewest = search(w), rc = 0;

    if (plan_make(from, to, false, &p, &why) == 0) {
        plans++;
        rc = fewest < 0 ? fail(w, &p, "there is no way, and here is a plan")
                        : follow(w, from, to, &p, fewest);
    } else {
        refusals++;
        rc = fewest >= 0 ? fail(w, &p, why.data) : nearest(w, from, to);
    }
    plan_done(&p);
    core_free(from);
    core_free(to);
    return rc;
}

/* The LPAR changes, too. */

/* Whether the LPAR has the queue, and who may use it then: 100 zcrypt, a device's number, or -1. */
static int real_owner(const struct small *s, unsigned a, unsigned q)
{
    return s->lpar_a >> a & 1 && s->lpar_q >> q & 1 ? owner(s, a, q) : -1;
}

static bool is_exposed(const struct search *w, const struct core *core)
{
    for (unsigned a = 0; a < APIDS; a++) {
        for (unsigned q = 0; q < APQIS; q++) {
            struct apqn_info info;
            int o;

            core_apqn_info(core, AP_QN(a, q), &info);
            o = !info.device ? -1 : info.zcrypt ? 100 : info.in_use ? info.mdev.bytes[15] : -1;
            if (o != -1 && o != real_owner(&w->start, a, q) && o != real_owner(&w->end, a, q))
                return true;
        }
    }
    return false;
}

static bool same_lpar(const struct core *x, const struct core *y)
{
    struct host_info a, b;
    bool same = true;

    core_host_info(x, &a);
    core_host_info(y, &b);
    for (unsigned apid = 0; apid < APIDS; apid++) {
        struct adapter_info c, d;

        core_adapter_info(x, apid, &c);
        core_adapter_info(y, apid, &d);
        same &= c.in_lpar == d.in_lpar && (!c.in_lpar || c.online == d.online);
    }
    return same && mask256_equal(&a.aqm, &b.aqm) && mask256_equal(&a.adm, &b.adm);
}

static int follow_lpar(const struct search *w, const struct core *from, const struct core *to,
                       const struct plan *p, bool interrupt)
{
    struct core *core = setup_copy(from);
    text_auto what = {0};
    int rc = 0;

    for (size_t i = 0; i < p->count && rc == 0; i++) {
        struct effects fx = {0};
        text_auto why = {0};

        if (plan_step_execute(core, &p->steps[i], &fx, &why) < 0)
            rc = fail(w, p, why.data);
        effects_done(&fx);
        if (rc == 0 && is_exposed(w, core))
            rc = fail(w, p, "an APQN has a foreign owner");
        if (rc == 0 && !interrupt && !keeps_guests(w, from, core))
            rc = fail(w, p, "a guest loses what it should keep");
    }
    if (rc == 0 && (!same_lpar(core, to) || !plan_same(core, to, &what)))
        rc = fail(w, p, "the end is not the wanted state");
    core_free(core);
    return rc;
}

static unsigned tasks;

/* Where guests may be interrupted there is a plan, with at most two tasks at the Support Element.
 */
static int lpar_pair(const struct search *w, bool interrupt)
{
    struct core *from = make(&w->start, w->upstream), *to = make(&w->end, w->upstream);
    struct plan p;
    text_auto why = {0};
    unsigned here = 0;
    int rc = 0;

    if (plan_make(from, to, interrupt, &p, &why) == 0) {
        for (size_t i = 0; i < p.count; i++)
            here += p.steps[i].kind == PLAN_SE_LPAR;
        rc = here > 2 ? fail(w, &p, "too many tasks") : follow_lpar(w, from, to, &p, interrupt);
        tasks += here;
    } else if (interrupt) {
        rc = fail(w, &p, why.data);
    }
    plan_done(&p);
    core_free(from);
    core_free(to);
    return rc;
}

static int random_lpar_pair(const struct search *w)
{
    struct search forth = *w, back;
    bool interrupt = below(2);

    forth.start.lpar_a = (uint8_t)below(1 << APIDS);
    forth.start.lpar_q = (uint8_t)below(1 << APQIS);
    forth.end.lpar_a = (uint8_t)below(1 << APIDS);
    forth.end.lpar_q = (uint8_t)below(1 << APQIS);
    back = forth;
    back.start = forth.end;
    back.end = forth.start;
    for (int i = 0; i < MDEVS; i++)
        forth.frozen[i] = back.frozen[i] = w->frozen[i] && forth.start.lpar_a == forth.end.lpar_a &&
                                           forth.start.lpar_q == forth.end.lpar_q;
    return lpar_pair(&forth, interrupt) || lpar_pair(&back, interrupt);
}

/* The undo of a plan is one, too. */
static int undo(const struct search *w)
{
    struct search back = *w;

    back.start = w->end;
    back.end = w->start;
    return pair(&back);
}

static bool steps_work(const struct core *from, const struct plan_step *steps, size_t count)
{
    struct core *core = setup_copy(from);
    bool good = count > 0;

    for (size_t i = 0; i < count && good; i++) {
        struct effects fx = {0};
        text_auto why = {0};

        good = plan_step_execute(core, &steps[i], &fx, &why) == 0;
        effects_done(&fx);
    }
    core_free(core);
    return good;
}

static void random_write(struct plan_step *s)
{
    static const char *const files[] = {"assign_adapter", "assign_domain"};
    unsigned half = below(2), id = below(half ? APQIS : APIDS);

    *s = (struct plan_step){.kind = PLAN_WRITE};
    if (below(3) == 0) {
        snprintf(s->path, sizeof s->path,
                 "devices/vfio_ap/matrix/69aa1a8a-0000-4000-8000-00000000000%u/ap_config",
                 below(MDEVS));
        snprintf(s->value, sizeof s->value, "0x%x0,0x%x0,0x0", below(8) << 1, below(4) << 2);
    } else if (below(2)) {
        snprintf(s->path, sizeof s->path, "bus/ap/%s", half ? "aqmask" : "apmask");
        snprintf(s->value, sizeof s->value, "+%u,+%u", id, below(APQIS));
    } else {
        snprintf(s->path, sizeof s->path,
                 "devices/vfio_ap/matrix/69aa1a8a-0000-4000-8000-00000000000%u/%s", below(MDEVS),
                 files[half]);
        snprintf(s->value, sizeof s->value, "%u", id);
    }
}

static unsigned refused_writes;

/* Whatever is refused has alternatives, unless its device does not exist; each is accepted. */
static int refused_write(const struct small *small, bool upstream)
{
    struct core *core = make(small, upstream);
    struct alternatives found;
    struct plan_step s;
    sysfs_ino ino;
    int rc;

    random_write(&s);
    alternatives_find(core, s.path, s.value, &found);
    rc = found.accepted != steps_work(core, &s, 1);
    if (!found.accepted && core_find_file(core, s.path, &ino) == 0) {
        refused_writes++;
        rc |= !found.count;
    }
    for (size_t i = 0; i < found.count; i++)
        rc |= !steps_work(core, found.v[i].steps, found.v[i].count) ||
              (i && found.v[i].moved < found.v[i - 1].moved);
    if (rc)
        fprintf(stderr, "echo %s > %s: %zu alternatives\n", s.value, s.path, found.count);
    alternatives_done(&found);
    core_free(core);
    return rc;
}

int main(int argc, char **argv)
{
    unsigned pairs = 300;

    state_of_random = 1;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--pairs") == 0)
            pairs = (unsigned)atoi(argv[i + 1]);
        else
            state_of_random = strcmp(argv[i + 1], "clock") ? strtoull(argv[i + 1], NULL, 0)
                                                           : (uint64_t)time(NULL);
    }
    printf("seed %llu\n", (unsigned long long)state_of_random);
    for (unsigned n = 0; n < pairs; n++) {
        struct search w = {.upstream = n & 1};

        random_pair(&w.start, &w.end);
        for (int i = 0; i < MDEVS; i++)
            w.frozen[i] = w.start.guest[i] && w.end.guest[i] && w.start.exists[i] &&
                          w.end.exists[i] && w.start.mdev_a[i] == w.end.mdev_a[i] &&
                          w.start.mdev_q[i] == w.end.mdev_q[i];
        if (pair(&w) || undo(&w) || random_lpar_pair(&w) || refused_write(&w.start, w.upstream)) {
            fprintf(stderr, "pair %u fails\n", n);
            return 1;
        }
    }
    printf("%u plans (%u may not be the shortest), %u refusals, %u tasks at the Support Element, "
           "%u refused writes\n",
           plans, inexact, refusals, tasks, refused_writes);
    return inexact * 50 > plans; /* they are rare */
}
