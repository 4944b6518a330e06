/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/number.h"
#include "import/read.h"

/*
 * The tables of lszcrypt, from s390-tools 2.16 on. Columns are found by their titles, which differ
 * between versions; numbers are hexadecimal. QDEPTH is not read: it shows one less or not,
 * depending on the versions of both tool and kernel. What a table does not list may be there
 * nevertheless.
 */
#define COLUMNS 20u

struct row {
    struct slice v[COLUMNS];
    unsigned count;
};

struct table {
    struct known *k;
    struct row titles;
    bool domains; /* the table of -d */
    struct mask256 usage, control;
    unsigned rows;
};

static void split(struct slice line, struct row *out)
{
    out->count = 0;
    while (out->count < COLUMNS) {
        struct slice word = slice_word(&line);

        if (!word.len)
            return;
        /* The one status of two words. */
        if (slice_is(word, "use") && out->count && slice_is(out->v[out->count - 1], "in"))
            out->v[out->count - 1] = (struct slice){"in-use", 6};
        else
            out->v[out->count++] = word;
    }
}

static struct slice cell(const struct table *t, const struct row *r, const char *title)
{
    for (unsigned i = 0; i < t->titles.count && i < r->count; i++)
        if (slice_is(t->titles.v[i], title))
            return r->v[i];
    return (struct slice){"", 0};
}

/* For a note. */
static int shown(struct slice s)
{
    return (int)(s.len < 100 ? s.len : 100);
}

/* What a queue has of its card, and what stands where there is nothing to say. */
static bool says_no_more(struct slice status)
{
    return !status.len || slice_is(status, "-") || slice_is(status, "deconfig") ||
           slice_is(status, "chkstop");
}

static void card_status(struct known *k, unsigned apid, struct slice status)
{
    bool online = slice_is(status, "online"), offline = slice_is(status, "offline");

    if (slice_is(status, "deconfig"))
        known_adapter(k, apid, ADAPTER_CONFIGURED, false);
    if (slice_is(status, "chkstop"))
        known_adapter(k, apid, ADAPTER_CHECKSTOPPED, true);
    if (!online && !offline && !says_no_more(status))
        known_note(k, NOTE_MISSING, k->now, "adapter 0x%02x: its status %.*s is unknown", apid,
                   shown(status), status.at);
    if (!online && !offline)
        return;
    known_adapter(k, apid, ADAPTER_CONFIGURED, true);
    known_adapter(k, apid, ADAPTER_CHECKSTOPPED, false);
    known_adapter(k, apid, ADAPTER_ONLINE, online);
}

static void card_row(const struct table *t, const struct row *r, unsigned apid)
{
    struct slice driver = cell(t, r, "DRIVER");
    uint64_t type;

    if (read_type(cell(t, r, "TYPE"), &type))
        known_adapter(t->k, apid, ADAPTER_TYPE, type);
    else
        known_note(t->k, NOTE_MISSING, t->k->now, "adapter 0x%02x: its type %.*s is unknown", apid,
                   shown(cell(t, r, "TYPE")), cell(t, r, "TYPE").at);
    card_status(t->k, apid, cell(t, r, "STATUS"));
    if (driver.len)
        known_adapter(t->k, apid, ADAPTER_BOUND, !slice_is(driver, "-no-driver-"));
}

/* A table without drivers still shows them: only zcrypt's queues are online or offline. */
static void queue_row(const struct table *t, const struct row *r, ap_qn qn)
{
    struct slice driver = cell(t, r, "DRIVER"), status = cell(t, r, "STATUS");
    bool switched = slice_is(status, "online") || slice_is(status, "offline");
    bool used = slice_is(status, "in-use") || slice_is(status, "in use");
    bool assignable = used || slice_is(status, "assigned") || slice_is(status, "unassigned");

    if (slice_is(driver, "vfio_ap") || (!driver.len && assignable))
        known_queue(t->k, qn, QUEUE_DRIVER, DRIVER_VFIO_AP);
    else if (slice_is(driver, "-no-driver-"))
        known_queue(t->k, qn, QUEUE_DRIVER, DRIVER_NONE);
    else if (slice_starts(driver, "cex") || (!driver.len && switched))
        known_queue(t->k, qn, QUEUE_DRIVER, DRIVER_ZCRYPT);
    if (!switched && !assignable && !says_no_more(status))
        known_note(t->k, NOTE_MISSING, t->k->now, "%02x.%04x: its status %.*s is unknown",
                   AP_QN_APID(qn), AP_QN_APQI(qn), shown(status), status.at);
    if (switched)
        known_queue(t->k, qn, QUEUE_ONLINE, slice_is(status, "online"));
    if (assignable)
        known_queue(t->k, qn, QUEUE_IN_USE, used);
    known_queue(t->k, qn, QUEUE_EXISTS, true);
}

/* A row of -d: the first domain of sixteen, then B, C, U or a dot for each. */
static bool domain_row(struct table *t, const struct row *r)
{
    unsigned first;

    if (!r->count || !read_apid(r->v[0], &first) || first % 16)
        return false;
    for (unsigned i = 1; i < r->count && i <= 16 && first + i - 1 < AP_IDS; i++) {
        bool both = slice_is(r->v[i], "B");

        mask256_assign(&t->usage, first + i - 1, both || slice_is(r->v[i], "U"));
        mask256_assign(&t->control, first + i - 1, both || slice_is(r->v[i], "C"));
    }
    return true;
}

static bool hex_value(struct slice line, const char *before, uint64_t *out)
{
    size_t skip = strlen(before);

    if (!slice_starts(line, before))
        return false;
    line = slice_from(line, skip);
    return number_parse_u64(line.at, line.len, 0, out) == 0;
}

/* A line of -b. */
static bool bus_line(struct known *k, struct slice line)
{
    uint64_t value;
    struct slice number, unit;

    slice_cut(line, ' ', &number, &unit);
    if (slice_starts(line, "features: "))
        known_host(k, HOST_FEATURES, read_features(k, slice_from(line, 10)));
    else if (hex_value(number, "ap_domain=", &value))
        known_host(k, HOST_DOMAIN, value);
    else if (slice_starts(line, "ap_domain=-1")) /* there is none */
        return true;
    else if (hex_value(line, "ap_max_domain_id=", &value))
        known_host(k, HOST_MAX_DOMAIN, value);
    else if (slice_starts(line, "ap_interrupts are "))
        known_host(k, HOST_INTERRUPTS, slice_is(line, "ap_interrupts are enabled"));
    else if (hex_value(number, "config_time=", &value))
        known_host(k, HOST_CONFIG_TIME, value);
    else if (slice_starts(line, "poll_thread is "))
        known_host(k, HOST_POLL_THREAD, slice_is(line, "poll_thread is enabled"));
    else if (hex_value(number, "poll_timeout=", &value))
        known_host(k, HOST_POLL_TIMEOUT, value);
    else
        return false;
    return true;
}

/* False: it is none. */
static bool table_row(struct table *t, const struct row *r)
{
    unsigned apid;
    ap_qn qn;

    if (t->domains)
        return domain_row(t, r);
    if (!t->titles.count || !r->count)
        return false;
    if (read_apid(r->v[0], &apid))
        card_row(t, r, apid);
    else if (read_apqn(r->v[0], &qn))
        queue_row(t, r, qn);
    else
        return false;
    return true;
}

/* Rules below titles, empty lines, the legend of -d, and a prompt that waits. */
static bool says_nothing(struct slice line)
{
    line = slice_trim(line, SLICE_BLANKS "-=");
    return !line.len || strchr("#$%>", line.at[line.len - 1]) || slice_starts(line, "C: ") ||
           slice_starts(line, "U: ") || slice_starts(line, "B: ");
}

static void line_read(struct table *t, struct slice line)
{
    struct row row;

    split(line, &row);
    if (slice_starts(line, "CARD.DOM")) {
        t->titles = row;
        t->domains = false;
    } else if (slice_starts(line, "DOMAIN ")) {
        t->domains = true;
    } else if (bus_line(t->k, line)) {
        t->rows++;
    } else if (table_row(t, &row)) {
        t->rows++;
    } else if (!says_nothing(line) && !read_prompt(line)) {
        known_note(t->k, NOTE_MISSING, t->k->now, "a line of lszcrypt that is not understood: %.*s",
                   shown(line), line.at);
    }
}

int read_lszcrypt(struct known *k, const char *name, struct slice data, struct text *why)
{
    struct table t = {.k = k};

    known_source(k, name, RANK_LSZCRYPT);
    for (struct slice line; read_line(&data, &line);)
        line_read(&t, line);
    if (!t.rows)
        return slice_refuse(why, -EINVAL, "a table of lszcrypt without a card",
                            (struct slice){"", 0}, "");
    if (!mask256_empty(&t.usage) || !mask256_empty(&t.control)) {
        known_mask(k, MASK_USAGE, t.usage);
        known_mask(k, MASK_CONTROL, t.control);
    }
    return 0;
}
