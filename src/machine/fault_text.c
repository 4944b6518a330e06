/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "base/number.h"
#include "machine/fault_schedule.h"

/* Numbers and times in rules. */

static const struct {
    const char *name;
    uint64_t ns;
} units[] = {{"s", 1000000000}, {"ms", 1000000}, {"us", 1000}};

#define UNITS (sizeof units / sizeof *units)

int fault_number_parse(struct slice w, uint64_t max, bool hex_too, uint64_t *out)
{
    bool hex = hex_too && w.len > 2 && slice_starts(w, "0x");
    uint64_t value = 0;

    if (!w.len)
        return -EINVAL;
    for (size_t i = hex ? 2 : 0; i < w.len; i++) {
        int digit = number_hex_digit(w.at[i]);

        if (digit < 0 || (digit >= 10 && !hex))
            return -EINVAL;
        if (value <= max)
            value = value * (hex ? 16 : 10) + (unsigned)digit;
    }
    if (value > max)
        return -ERANGE;
    *out = value;
    return 0;
}

int fault_time_parse(struct slice w, uint64_t *out, struct text *why)
{
    static const char remedy[] = ", such as 500ms, 2s or 40us, at most 86400s";
    size_t digits = 0;
    uint64_t value;
    int rc = -EINVAL;

    while (digits < w.len && w.at[digits] >= '0' && w.at[digits] <= '9')
        digits++;
    for (size_t i = 0; i < UNITS && rc == -EINVAL; i++) {
        if (!slice_is(slice_from(w, digits), units[i].name))
            continue;
        rc = fault_number_parse((struct slice){w.at, digits}, FAULT_TIME_MAX / units[i].ns, false,
                                &value);
        if (rc == 0 && value == 0)
            rc = -ERANGE;
        if (rc == 0)
            *out = value * units[i].ns;
    }
    if (!w.len)
        return slice_refuse(why, rc, "the time is missing", w, remedy);
    if (rc == -ERANGE)
        return slice_refuse(why, rc, "", w,
                            " is out of range; write a time above 0 and up to 86400s");
    if (rc < 0)
        return slice_refuse(why, rc, "", w,
                            " is not a time; write a number and a unit, such as 500ms, "
                            "2s or 40us");
    return 0;
}

void fault_time_format(uint64_t ns, struct text *out)
{
    size_t i = 0;

    while (ns % units[i].ns)
        i++;
    text_addf(out, " %llu%s", (unsigned long long)(ns / units[i].ns), units[i].name);
}
