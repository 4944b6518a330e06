/* SPDX-License-Identifier: MIT */
#include "machine/fault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "machine/fault_schedule.h"

static const char *const kind_names[] = {
    [FAULT_DECONFIGURED] = "deconfigured",
    [FAULT_CHECKSTOP] = "checkstop",
    [FAULT_BUSY] = "busy",
    [FAULT_RESET] = "reset",
    [FAULT_FULL] = "full",
    [FAULT_BAD_REPLY] = "bad-reply",
    [FAULT_DELAY] = "delay",
};

#define KINDS (sizeof kind_names / sizeof *kind_names)

static const char *const damage_names[] = {
    [DAMAGE_TYPE] = "type",
    [DAMAGE_LENGTH] = "length",
    [DAMAGE_SHORT] = "short",
    [DAMAGE_OLDER] = "older",
};

#define PLAIN_DAMAGES (sizeof damage_names / sizeof *damage_names)

static int hex_parse(struct slice w, size_t digits, uint8_t *out)
{
    unsigned value = 0;

    if (w.len != digits)
        return -EINVAL;
    for (size_t i = 0; i < digits; i++) {
        int digit = number_hex_lower(w.at[i]);

        if (digit < 0)
            return -EINVAL;
        value = value << 4 | (unsigned)digit;
    }
    if (value > 255)
        return -EINVAL;
    *out = (uint8_t)value;
    return 0;
}

/* "*", a number, or a range of numbers. */
static int ids_parse(struct slice w, size_t digits, uint8_t *first, uint8_t *last)
{
    struct slice from, to;
    bool range = slice_cut(w, '-', &from, &to);

    if (slice_is(w, "*")) {
        *first = 0;
        *last = 255;
        return 0;
    }
    if (hex_parse(from, digits, first) < 0)
        return -EINVAL;
    *last = *first;
    if (range && hex_parse(to, digits, last) < 0)
        return -EINVAL;
    return *first <= *last ? 0 : -EINVAL;
}

static int pattern_parse(struct slice w, struct fault *f, struct text *why)
{
    struct slice apid, apqi;
    bool dot = slice_cut(w, '.', &apid, &apqi);

    if (!w.len)
        return slice_refuse(why, -EINVAL, "the fault is empty", w,
                            "; write one such as '05.* 3 busy'");
    if (slice_is(w, "*")) {
        f->last_apid = f->last_apqi = 255;
        return 0;
    }
    if (!dot)
        return slice_refuse(why, -EINVAL, "", w,
                            " is not a pattern; write ADAPTER.DOMAIN, such as 05.0047, 05.*, "
                            "*.0004 or 04-06.*, or just *");
    if (ids_parse(apid, 2, &f->first_apid, &f->last_apid) < 0)
        return slice_refuse(
            why, -EINVAL, "the adapter in ", w,
            " must be two lower-case hexadecimal digits, an ascending range such as 04-06, "
            "or *");
    if (ids_parse(apqi, 4, &f->first_apqi, &f->last_apqi) < 0)
        return slice_refuse(
            why, -EINVAL, "the domain in ", w,
            " must be four lower-case hexadecimal digits up to 00ff, an ascending range such "
            "as 0004-0047, or *");
    return 0;
}

static int count_parse(struct slice w, struct fault *f, struct text *why)
{
    uint64_t count;
    int rc;

    if (!w.len)
        return slice_refuse(why, -EINVAL, "the count is missing after the pattern", w,
                            "; write 1 to 1000000000, or always, as in '05.* 3 busy'");
    if (slice_is(w, "always")) {
        f->count = FAULT_ALWAYS;
        return 0;
    }
    rc = fault_number_parse(w, FAULT_COUNT_MAX, false, &count);
    if (rc == 0 && count == 0)
        rc = -ERANGE;
    if (rc < 0)
        return slice_refuse(why, rc, "", w,
                            rc == -ERANGE ? " is out of range; write 1 to 1000000000, or always"
                                          : " is not a count; write 1 to 1000000000, or always");
    f->count = (uint32_t)count;
    return 0;
}

static int code_parse(struct slice w, struct fault *f, struct text *why)
{
    uint64_t code;
    int rc = fault_number_parse(slice_from(w, 5), 255, true, &code);

    if (rc < 0)
        return slice_refuse(why, rc, "", w,
                            " has no valid reply code; write 0 to 255, as in code=0x85");
    f->damage = DAMAGE_CODE;
    f->code = (uint16_t)code;
    return 0;
}

static int service_parse(struct slice w, struct fault *f, struct text *why)
{
    struct slice first, second;
    uint64_t code = 0, reason = 0;
    int rc = -EINVAL;

    if (slice_cut(slice_from(w, 8), '/', &first, &second))
        rc = fault_number_parse(first, 65535, true, &code);
    if (rc == 0)
        rc = fault_number_parse(second, 65535, true, &reason);
    if (rc < 0)
        return slice_refuse(
            why, rc, "", w,
            " has no valid return and reason codes; write two numbers from 0 to 65535, as in "
            "service=8/66");
    f->damage = DAMAGE_SERVICE;
    f->code = (uint16_t)code;
    f->reason = (uint16_t)reason;
    return 0;
}

static int damage_parse(struct slice w, struct fault *f, struct text *why)
{
    static const char remedy[] = "; write type, length, short, older, code=N or service=RC/RS";

    if (slice_starts(w, "code="))
        return code_parse(w, f, why);
    if (slice_starts(w, "service="))
        return service_parse(w, f, why);
    for (size_t i = 0; i < PLAIN_DAMAGES; i++) {
        if (slice_is(w, damage_names[i])) {
            f->damage = (enum fault_damage)i;
            return 0;
        }
    }
    if (!w.len)
        return slice_refuse(why, -EINVAL, "the damage to the reply is missing", w, remedy);
    return slice_refuse(why, -EINVAL, "unknown damage to a reply: ", w, remedy);
}

static bool takes_time(enum fault_kind kind)
{
    return kind == FAULT_RESET || kind == FAULT_DELAY;
}

static bool takes_parameter(struct slice kind)
{
    return slice_is(kind, kind_names[FAULT_RESET]) || slice_is(kind, kind_names[FAULT_DELAY]) ||
           slice_is(kind, kind_names[FAULT_BAD_REPLY]);
}

static int kind_parse(struct slice w, struct slice parameter, struct fault *f, struct text *why)
{
    static const char all[] = "deconfigured, checkstop, busy, reset T, full, bad-reply WHAT or "
                              "delay T";
    size_t i = 0;

    while (i < KINDS && !slice_is(w, kind_names[i]))
        i++;
    if (i == KINDS) {
        slice_refuse(why, -EINVAL,
                     w.len ? "unknown kind of fault "
                           : "the kind of fault is missing after the count",
                     w, "; write ");
        if (why)
            text_adds(why, all);
        return -EINVAL;
    }
    f->kind = (enum fault_kind)i;
    if (takes_time(f->kind))
        return fault_time_parse(parameter, &f->time, why);
    if (f->kind == FAULT_BAD_REPLY)
        return damage_parse(parameter, f, why);
    return 0;
}

int fault_parse(const char *text, size_t len, struct fault *out, struct text *why)
{
    struct slice all = {text, len}, kind, parameter = {"", 0};
    struct fault f = {0};
    int rc = pattern_parse(slice_word(&all), &f, why);

    if (rc == 0)
        rc = count_parse(slice_word(&all), &f, why);
    if (rc < 0)
        return rc;
    kind = slice_word(&all);
    if (takes_parameter(kind))
        parameter = slice_word(&all);
    rc = kind_parse(kind, parameter, &f, why);
    if (rc == 0)
        rc = fault_schedule_parse(all, &f, why);
    if (rc == 0)
        *out = f;
    return rc;
}

static void ids_format(unsigned first, unsigned last, int digits, struct text *out)
{
    if (first == 0 && last == 255) {
        text_adds(out, "*");
        return;
    }
    text_addf(out, "%0*x", digits, first);
    if (last != first)
        text_addf(out, "-%0*x", digits, last);
}

static void pattern_format(const struct fault *f, struct text *out)
{
    if (f->first_apid == 0 && f->last_apid == 255 && f->first_apqi == 0 && f->last_apqi == 255) {
        text_adds(out, "*");
        return;
    }
    ids_format(f->first_apid, f->last_apid, 2, out);
    text_adds(out, ".");
    ids_format(f->first_apqi, f->last_apqi, 4, out);
}

static void damage_format(const struct fault *f, struct text *out)
{
    if (f->damage == DAMAGE_CODE)
        text_addf(out, " code=0x%02x", f->code);
    else if (f->damage == DAMAGE_SERVICE)
        text_addf(out, " service=%u/%u", f->code, f->reason);
    else
        text_addf(out, " %s", damage_names[f->damage]);
}

void fault_format(const struct fault *f, struct text *out)
{
    pattern_format(f, out);
    if (f->count == FAULT_ALWAYS)
        text_adds(out, " always ");
    else
        text_addf(out, " %u ", f->count);
    text_adds(out, kind_names[f->kind]);
    if (takes_time(f->kind))
        fault_time_format(f->time, out);
    if (f->kind == FAULT_BAD_REPLY)
        damage_format(f, out);
    fault_schedule_format(f, out);
}

bool fault_equal(const struct fault *a, const struct fault *b)
{
    return a->first_apid == b->first_apid && a->last_apid == b->last_apid &&
           a->first_apqi == b->first_apqi && a->last_apqi == b->last_apqi && a->count == b->count &&
           a->kind == b->kind && a->time == b->time && a->damage == b->damage &&
           a->code == b->code && a->reason == b->reason && a->at == b->at && a->lasts == b->lasts &&
           a->every == b->every && a->chance == b->chance && a->seed == b->seed &&
           a->seen == b->seen;
}
