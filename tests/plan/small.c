/* SPDX-License-Identifier: MIT */
#include "small.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/setup.h"

uint64_t small_seed = 1;

unsigned below(unsigned n)
{
    uint64_t z = (small_seed += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (unsigned)((z ^ z >> 31) % n);
}

unsigned small_options(int argc, char **argv, unsigned pairs)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--pairs") == 0)
            pairs = (unsigned)atoi(argv[i + 1]);
        else
            small_seed = strcmp(argv[i + 1], "clock") ? strtoull(argv[i + 1], NULL, 0)
                                                      : (uint64_t)time(NULL);
    }
    printf("seed %llu\n", (unsigned long long)small_seed);
    return pairs;
}

bool small_is_default(const struct small *s, unsigned a, unsigned q)
{
    return s->a >> a & 1 && s->q >> q & 1;
}

int small_owner(const struct small *s, unsigned a, unsigned q)
{
    for (int i = 0; i < MDEVS; i++)
        if (s->mdev_a[i] >> a & 1 && s->mdev_q[i] >> q & 1)
            return i;
    return small_is_default(s, a, q) ? 100 : -1;
}

bool small_collides(const struct small *s)
{
    for (unsigned a = 0; a < APIDS; a++) {
        for (unsigned q = 0; q < APQIS; q++) {
            int owners = small_is_default(s, a, q);

            for (int i = 0; i < MDEVS; i++)
                owners += s->mdev_a[i] >> a & 1 && s->mdev_q[i] >> q & 1;
            if (owners > 1)
                return true;
        }
    }
    return false;
}

void small_random(struct small *s)
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
    } while (small_collides(s));
}

void small_random_pair(struct small *s, struct small *t)
{
    small_random(s);
    do {
        small_random(t);
        if (below(2)) {
            t->exists[0] = s->exists[0];
            t->guest[0] = s->guest[0];
            t->mdev_a[0] = s->mdev_a[0];
            t->mdev_q[0] = s->mdev_q[0];
        }
    } while (small_collides(t));
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

static void mask(const struct small *s, const char *name, uint8_t value, unsigned width,
                 struct text *out)
{
    const char *comma = "";

    text_addf(out, "%s = ", name);
    if (s->all || !value) {
        text_adds(out, s->all ? "+0-255" : "0x0");
        comma = ",";
    }
    for (unsigned i = 0; i < width; i++) {
        if ((value >> i & 1) == s->all)
            continue;
        text_addf(out, "%s%c%u", comma, s->all ? '-' : '+', i);
        comma = ",";
    }
    text_adds(out, "\n");
}

static void overrides(const struct small *s, struct text *out)
{
    static const char *const drivers[] = {[VFIO_AP] = "vfio_ap", [ZCRYPT] = "cex4queue"};

    for (unsigned a = 0; a < APIDS; a++)
        for (unsigned q = 0; q < APQIS; q++)
            if (s->override[a][q] != NONE)
                text_addf(out, "[queue %02x.%04x]\ndriver-override = %s\n", a, q,
                          drivers[s->override[a][q]]);
}

struct core *small_core(const struct small *s, bool upstream)
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
    mask(s, "apmask", s->a, APIDS, &file);
    mask(s, "aqmask", s->q, APQIS, &file);
    overrides(s, &file);
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

void small_of(const struct core *c, struct small *out)
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

int fail(const struct search *w, const struct plan *p, const char *what)
{
    text_auto text = {0};
    struct core *from = small_core(&w->start, w->upstream), *to = small_core(&w->end, w->upstream);

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

bool keeps_guests(const struct search *w, const struct core *from, const struct core *core)
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
