/* SPDX-License-Identifier: MIT */
#include "machine/fault_schedule.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define PERCENT 10000u /* FAULT_CERTAIN is 100% */

enum word { AT, FOR, EVERY, CHANCE, SEED, SEEN, WORDS };

static const char *const words[] = {[AT] = "at",         [FOR] = "for",   [EVERY] = "every",
                                    [CHANCE] = "chance", [SEED] = "seed", [SEEN] = "seen"};

/* "2.5%", with up to four decimals. */
static int chance_parse(struct slice w, uint32_t *out)
{
    struct slice whole, decimals;
    uint64_t value, part = 0;

    if (!w.len || w.at[w.len - 1] != '%')
        return -EINVAL;
    w.len--;
    if (slice_cut(w, '.', &whole, &decimals)) {
        if (decimals.len > 4 || fault_number_parse(decimals, 9999, false, &part) < 0)
            return -EINVAL;
        for (size_t i = decimals.len; i < 4; i++)
            part *= 10;
    }
    if (fault_number_parse(whole, 100, false, &value) < 0)
        return -EINVAL;
    value = value * PERCENT + part;
    if (value < 1 || value > FAULT_CERTAIN)
        return -ERANGE;
    *out = (uint32_t)value;
    return 0;
}

static int number_refuse(int rc, struct slice w, const char *remedy, struct text *why)
{
    if (rc < 0 && !w.len)
        return slice_refuse(why, rc, "a number is missing", w, strchr(remedy, ';'));
    return rc < 0 ? slice_refuse(why, rc, "", w, remedy) : 0;
}

static int value_parse(enum word word, struct slice w, struct fault *f, struct text *why)
{
    uint64_t number = 0;
    int rc;

    switch (word) {
    case AT:
        return fault_time_parse(w, &f->at, why);
    case FOR:
        return fault_time_parse(w, &f->lasts, why);
    case EVERY:
        rc = fault_number_parse(w, FAULT_COUNT_MAX, false, &number);
        if (rc == 0 && number < 2)
            rc = -ERANGE;
        f->every = (uint32_t)number;
        return number_refuse(rc, w,
                             " is not what follows 'every'; write 2 to 1000000000, as in "
                             "every 100",
                             why);
    case CHANCE:
        return number_refuse(chance_parse(w, &f->chance), w,
                             " is not a probability; write 0.0001% to 100%, as in chance 2.5%",
                             why);
    case SEED:
        return number_refuse(fault_number_parse(w, UINT32_MAX, false, &f->seed), w,
                             " is not a seed; write 0 to 4294967295", why);
    default:
        return number_refuse(fault_number_parse(w, FAULT_SEEN_MAX, false, &f->seen), w,
                             " is not what follows 'seen'; write a number", why);
    }
}

static int check(const struct fault *f, unsigned given, struct text *why)
{
    const struct slice none = {"", 0};

    if (f->every && f->chance)
        return slice_refuse(why, -EINVAL, "'every' and 'chance' exclude each other", none, "");
    if (given & 1u << SEED && !f->chance)
        return slice_refuse(why, -EINVAL, "'seed' goes with 'chance'", none, "");
    if (given & 1u << SEEN && !f->every && !f->chance)
        return slice_refuse(why, -EINVAL, "'seen' goes with 'every' or 'chance'", none, "");
    if ((f->every || f->chance) && fault_is_state(f)) /* not for some instructions only */
        return slice_refuse(why, -EINVAL,
                            "with 'always' this kind is a state of the queue, which has no 'every' "
                            "and no 'chance'; write a count, such as 1000000000",
                            none, "");
    return 0;
}

int fault_schedule_parse(struct slice rest, struct fault *f, struct text *why)
{
    unsigned given = 0;

    for (;;) {
        struct slice w = slice_word(&rest);
        unsigned i = 0;
        int rc;

        if (!w.len)
            return check(f, given, why);
        while (i < WORDS && !slice_is(w, words[i]))
            i++;
        if (i == WORDS)
            return slice_refuse(why, -EINVAL, "unexpected ", w,
                                "; behind the fault may stand at T, for T, every N, chance P% and "
                                "seed N");
        if (given & 1u << i)
            return slice_refuse(why, -EINVAL, "", w, " is there twice");
        given |= 1u << i;
        rc = value_parse((enum word)i, slice_word(&rest), f, why);
        if (rc < 0)
            return rc;
    }
}

static void chance_format(uint32_t chance, struct text *out)
{
    unsigned part = chance % PERCENT, digits = 4;

    text_addf(out, " chance %u", chance / PERCENT);
    while (part && part % 10 == 0) {
        part /= 10;
        digits--;
    }
    if (part)
        text_addf(out, ".%0*u", (int)digits, part);
    text_adds(out, "%");
}

void fault_schedule_format(const struct fault *f, struct text *out)
{
    if (f->at) {
        text_adds(out, " at");
        fault_time_format(f->at, out);
    }
    if (f->lasts) {
        text_adds(out, " for");
        fault_time_format(f->lasts, out);
    }
    if (f->every)
        text_addf(out, " every %" PRIu32, f->every);
    if (f->chance)
        chance_format(f->chance, out);
    if (f->seed)
        text_addf(out, " seed %" PRIu64, f->seed);
    if (f->seen)
        text_addf(out, " seen %" PRIu64, f->seen);
}

/* A number that looks random, of seed and place alone (splitmix64). */
static uint64_t draw(uint64_t seed, uint64_t place)
{
    uint64_t x = seed * UINT64_C(0xd1342543de82ef95) + place * UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

bool fault_schedule_fits(const struct fault *f, uint64_t seen)
{
    if (f->every)
        return seen % f->every == 0;
    return !f->chance || draw(f->seed, seen) % FAULT_CERTAIN < f->chance;
}
