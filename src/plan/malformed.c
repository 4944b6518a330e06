/* SPDX-License-Identifier: MIT */
/* What is malformed in a value that was written. */
#include <string.h>

#include "base/number.h"
#include "base/slice.h"
#include "plan/alternative.h"

static void quote(struct slice s, struct text *out)
{
    text_add_quoted(out, s.at, s.len);
}

/* Of "0x...", the digits. */
static void hex_digits(struct slice digits, struct text *out)
{
    for (size_t i = 0; i < digits.len; i++) {
        if (number_hex_digit(digits.at[i]) >= 0)
            continue;
        quote((struct slice){digits.at + i, 1}, out);
        text_adds(out, " is no hexadecimal digit");
        return;
    }
    if (!digits.len)
        text_adds(out, "there is no digit after 0x");
    else if (digits.len > MASK256_BITS / 4)
        text_addf(out, "there are %zu digits after 0x, and a mask has up to %d", digits.len,
                  MASK256_BITS / 4);
}

static bool is_absolute(struct slice s)
{
    return slice_starts(s, "0x") || slice_starts(s, "0X");
}

static void mask(struct slice value, struct text *out)
{
    struct mask256 unused = {0};
    struct slice rest = value, one;

    if (is_absolute(value)) {
        hex_digits(slice_from(value, 2), out);
        return;
    }
    for (bool more = true; more && !out->len;) {
        more = slice_cut(rest, ',', &one, &rest);
        if (mask256_parse(one.at, one.len, &unused) == 0)
            continue;
        quote(one, out);
        text_adds(out, " is no part of a list such as +1-3,-0x47, with numbers from 0 to 255");
    }
}

static void number(struct slice value, unsigned max, const char *what, struct text *out)
{
    uint64_t id;
    int rc = number_parse_u64(value.at, value.len, 0, &id);

    if (rc == 0 && id <= max)
        return;
    quote(value, out);
    if (rc < 0)
        text_adds(out, " is not a number such as 5 or 0x47");
    else
        text_addf(out, " is above the highest %s, %u (0x%02x)", what, max, max);
}

static void one_mask(struct slice value, struct text *out)
{
    struct mask256 unused;

    if (mask256_parse_absolute(value.at, value.len, &unused) == 0)
        return;
    if (is_absolute(value)) {
        hex_digits(slice_from(value, 2), out);
        return;
    }
    quote(value, out);
    text_adds(out, " is no mask, which is up to 64 hexadecimal digits");
}

static void config(struct slice value, struct text *out)
{
    static const char *const names[] = {"adapters", "domains", "control domains"};
    struct slice rest = value, one;
    bool more = true;

    for (unsigned i = 0; i < 3 && !out->len; i++) {
        text_auto what = {0};

        if (!more) {
            text_addf(out, "there is no mask of the %s; three masks are needed", names[i]);
            return;
        }
        more = slice_cut(rest, ',', &one, &rest);
        one_mask(slice_trim(one, " \n"), &what);
        if (what.len)
            text_addf(out, "the mask of the %s: %s", names[i], what.data);
    }
}

static void uuid(struct slice value, struct text *out)
{
    struct uuid unused;

    if (uuid_parse(value.at, value.len, &unused) == 0)
        return;
    quote(value, out);
    text_addf(out,
              " is no UUID, which is 8-4-4-4-12 hexadecimal digits (as of uuidgen); this has "
              "%zu characters in place of %d",
              value.len, UUID_TEXT - 1);
}

static void device(const struct core *now, struct slice value, struct text *out)
{
    struct apqn_info q;
    struct adapter_info a;
    unsigned apid;
    char name[16] = "";
    ap_qn qn;

    if (value.len < sizeof name)
        memcpy(name, value.at, value.len);
    if (ap_qn_parse(name, &qn) == 0) {
        core_apqn_info(now, qn, &q);
        if (!q.device)
            text_addf(out, "there is no queue %s on the bus", name);
        return;
    }
    if (alternative_card(name, &apid)) {
        core_adapter_info(now, apid, &a);
        if (!a.device)
            text_addf(out, "there is no %s on the bus", name);
        return;
    }
    quote(value, out);
    text_adds(out, " is no queue such as 05.0004 and no card such as card05");
}

static void switch_value(struct slice value, struct text *out)
{
    if (slice_is(value, "0") || slice_is(value, "1"))
        return;
    quote(value, out);
    text_adds(out, " is neither 0 nor 1");
}

static bool one_of(struct slice name, const char *const *names)
{
    while (*names && !slice_is(name, *names))
        names++;
    return *names != NULL;
}

static bool is_below(const char *path, const char *folder)
{
    return strncmp(path, folder, strlen(folder)) == 0;
}

static void mdev_value(const struct host_info *host, struct slice file, struct slice value,
                       struct text *out)
{
    static const char *const adapters[] = {"assign_adapter", "unassign_adapter", NULL};
    static const char *const domains[] = {"assign_domain", "unassign_domain",
                                          "assign_control_domain", "unassign_control_domain", NULL};

    if (slice_is(file, "create"))
        uuid(value, out);
    else if (slice_is(file, "ap_config"))
        config(value, out);
    else if (one_of(file, adapters))
        number(value, host->max_adapter, "adapter", out);
    else if (one_of(file, domains))
        number(value, host->max_domain, "domain", out);
    else if (slice_is(file, "remove"))
        number(value, UINT32_MAX, "number", out);
}

void alternatives_malformed(const struct core *now, const char *path, const char *text,
                            struct text *out)
{
    static const char *const switches[] = {"online", "config", "poll_thread", NULL};
    static const char *const numbers[] = {"config_time", "poll_timeout", "ap_domain", NULL};
    static const char *const devices[] = {"bind", "unbind", "drivers_probe", NULL};
    const char *base = strrchr(path, '/');
    struct slice file = {base ? base + 1 : path, strlen(base ? base + 1 : path)};
    struct slice value = slice_trim((struct slice){text, strlen(text)}, "\n");
    struct host_info host;

    core_host_info(now, &host);
    if (slice_is(file, "apmask") || slice_is(file, "aqmask"))
        mask(value, out);
    else if (is_below(path, "devices/vfio_ap/"))
        mdev_value(&host, file, value, out);
    else if (is_below(path, "bus/ap/") && one_of(file, devices))
        device(now, value, out);
    else if (one_of(file, switches))
        switch_value(value, out);
    else if (one_of(file, numbers))
        number(value, UINT32_MAX, "number", out);
}
