/* SPDX-License-Identifier: MIT */
#include "metrics/page.h"

#include <inttypes.h>

enum type { COUNTER, GAUGE, INFO };

struct family;

/* Appends the samples of what the cursor stands before, and moves it on. False: there is nothing
 * more. */
typedef bool sample_function(const struct family *f, const struct core *core, uint32_t *cursor,
                             struct text *out);

struct family {
    const char *name;
    enum type type;
    const char *help;
    sample_function *sample;
    size_t field; /* in struct ap_counts */
};

static uint64_t field_of(const struct family *f, const struct ap_counts *counts)
{
    return *(const uint64_t *)((const char *)counts + f->field);
}

/* A name in quotes. Guests' names have no control characters. */
static void add_quoted(struct text *out, const char *name)
{
    text_add(out, "\"", 1);
    for (; *name; name++) {
        if (*name == '"' || *name == '\\')
            text_add(out, "\\", 1);
        text_add(out, name, 1);
    }
    text_add(out, "\"", 1);
}

/* NAME_total{queue="05.0004" */
static void begin(const struct family *f, const char *label, const char *value, struct text *out)
{
    static const char *const suffixes[] = {[COUNTER] = "_total", [GAUGE] = "", [INFO] = "_info"};

    text_addf(out, "%s%s{%s=", f->name, suffixes[f->type], label);
    add_quoted(out, value);
}

static void end(uint64_t value, struct text *out)
{
    text_addf(out, "} %" PRIu64 "\n", value);
}

static void add_codes(const struct family *f, const struct ap_counts *counts, const char *label,
                      const char *value, struct text *out)
{
    for (unsigned i = 0; i < AP_CODES; i++) {
        if (!counts->codes[i])
            continue;
        begin(f, label, value, out);
        text_addf(out, ",code=\"%02x\"", ap_codes[i]);
        end(counts->codes[i], out);
    }
}

/* The next queue and its name. */
static bool next_queue(const struct core *core, uint32_t *cursor, ap_qn *qn, char name[AP_QN_TEXT])
{
    if (!core_queue_next(core, cursor, qn))
        return false;
    ap_qn_format(*qn, name);
    return true;
}

static bool next_counts(const struct core *core, uint32_t *cursor, struct ap_counts *counts,
                        char name[AP_QN_TEXT])
{
    ap_qn qn;

    if (!next_queue(core, cursor, &qn, name))
        return false;
    *counts = core_queue_counts(core, qn);
    return true;
}

static bool queue_count(const struct family *f, const struct core *core, uint32_t *cursor,
                        struct text *out)
{
    struct ap_counts counts;
    char name[AP_QN_TEXT];

    if (!next_counts(core, cursor, &counts, name))
        return false;
    begin(f, "queue", name, out);
    end(field_of(f, &counts), out);
    return true;
}

static bool queue_codes(const struct family *f, const struct core *core, uint32_t *cursor,
                        struct text *out)
{
    struct ap_counts counts;
    char name[AP_QN_TEXT];

    if (!next_counts(core, cursor, &counts, name))
        return false;
    add_codes(f, &counts, "queue", name, out);
    return true;
}

static bool queue_pending(const struct family *f, const struct core *core, uint32_t *cursor,
                          struct text *out)
{
    char name[AP_QN_TEXT];
    ap_qn qn;

    if (!next_queue(core, cursor, &qn, name))
        return false;
    begin(f, "queue", name, out);
    end(core_queue_pending(core, qn), out);
    return true;
}

static void add_label(struct text *out, const char *label, const char *value)
{
    text_addf(out, ",%s=", label);
    add_quoted(out, value ? value : "");
}

/* Whose it is: for joins with the counters, which do not change their labels with the owner. */
static bool queue_info(const struct family *f, const struct core *core, uint32_t *cursor,
                       struct text *out)
{
    char name[AP_QN_TEXT], uuid[UUID_TEXT] = "";
    struct apqn_info info;
    ap_qn qn;

    if (!next_queue(core, cursor, &qn, name))
        return false;
    core_apqn_info(core, qn, &info);
    if (info.assigned)
        uuid_format(&info.mdev, uuid);
    begin(f, "queue", name, out);
    add_label(out, "driver", info.driver);
    add_label(out, "mdev", uuid);
    add_label(out, "guest", info.in_use ? info.guest : NULL);
    end(1, out);
    return true;
}

static bool guest_count(const struct family *f, const struct core *core, uint32_t *cursor,
                        struct text *out)
{
    struct guest_info guest;

    if (!core_guest_next(core, cursor, &guest))
        return false;
    begin(f, "guest", guest.name, out);
    end(field_of(f, &guest.counts), out);
    return true;
}

static bool guest_codes(const struct family *f, const struct core *core, uint32_t *cursor,
                        struct text *out)
{
    struct guest_info guest;

    if (!core_guest_next(core, cursor, &guest))
        return false;
    add_codes(f, &guest.counts, "guest", guest.name, out);
    return true;
}

static bool guest_pending(const struct family *f, const struct core *core, uint32_t *cursor,
                          struct text *out)
{
    struct guest_info guest;

    if (!core_guest_next(core, cursor, &guest))
        return false;
    begin(f, "guest", guest.name, out);
    end(core_guest_pending(core, &guest), out);
    return true;
}

static bool add_mdev(const struct family *f, const struct core *core, uint32_t *cursor,
                     bool plugged, struct text *out)
{
    char uuid[UUID_TEXT];
    struct mdev_queues queues;
    struct mdev_info mdev;

    if (!core_mdev_next(core, cursor, &mdev))
        return false;
    queues = mdev_queues(&mdev);
    uuid_format(&mdev.uuid, uuid);
    begin(f, "mdev", uuid, out);
    add_label(out, "guest", mdev.guest);
    end(plugged ? queues.plugged : queues.withheld, out);
    return true;
}

static bool mdev_plugged(const struct family *f, const struct core *core, uint32_t *cursor,
                         struct text *out)
{
    return add_mdev(f, core, cursor, true, out);
}

static bool mdev_withheld(const struct family *f, const struct core *core, uint32_t *cursor,
                          struct text *out)
{
    return add_mdev(f, core, cursor, false, out);
}

static bool apus_info(const struct family *f, const struct core *core, uint32_t *cursor,
                      struct text *out)
{
    if ((*cursor)++)
        return false;
    begin(f, "version", APUS_VERSION, out);
    add_label(out, "abi", core_abi(core)->name);
    end(1, out);
    return true;
}

/* As the exporter of the Kubernetes plugin has it, a gauge without labels. */
static bool all_requests(const struct family *f, const struct core *core, uint32_t *cursor,
                         struct text *out)
{
    uint32_t queue = 0;
    uint64_t sum = 0;
    ap_qn qn;

    if ((*cursor)++)
        return false;
    while (core_queue_next(core, &queue, &qn))
        sum += core_queue_counts(core, qn).requests;
    text_addf(out, "%s %" PRIu64 "\n", f->name, sum);
    return true;
}

#define FIELD(f) offsetof(struct ap_counts, f)

static const struct family families[] = {
    {"apus", INFO, "The program.", apus_info},
    {"apus_queue", INFO, "Whose a queue is.", queue_info},
    {"apus_queue_requests", COUNTER, "Messages that the queue accepted.", queue_count,
     FIELD(requests)},
    {"apus_queue_replies", COUNTER, "Replies that were fetched.", queue_count, FIELD(replies)},
    {"apus_queue_errors", COUNTER, "Fetched replies that are error replies.", queue_count,
     FIELD(errors)},
    {"apus_queue_lost", COUNTER, "Messages that ended without a reply.", queue_count, FIELD(lost)},
    {"apus_queue_resets", COUNTER, "Resets, with those that zeroize.", queue_count, FIELD(resets)},
    {"apus_queue_zeroizations", COUNTER, "Resets that zeroize.", queue_count, FIELD(zeroized)},
    {"apus_queue_responses", COUNTER, "Instructions by response code, other than 00.", queue_codes},
    {"apus_queue_pending", GAUGE, "Messages in the queue.", queue_pending},
    {"apus_guest_requests", COUNTER, "Messages of the guest that a queue accepted.", guest_count,
     FIELD(requests)},
    {"apus_guest_replies", COUNTER, "Replies that the guest fetched.", guest_count, FIELD(replies)},
    {"apus_guest_errors", COUNTER, "Fetched replies that are error replies.", guest_count,
     FIELD(errors)},
    {"apus_guest_resets", COUNTER, "Resets by the guest, with those that zeroize.", guest_count,
     FIELD(resets)},
    {"apus_guest_zeroizations", COUNTER, "Resets by the guest that zeroize.", guest_count,
     FIELD(zeroized)},
    {"apus_guest_responses", COUNTER, "The guest's instructions by response code, other than 00.",
     guest_codes},
    {"apus_guest_pending", GAUGE, "Messages in the guest's queues.", guest_pending},
    {"apus_mdev_queues_plugged", GAUGE, "Queues of the device that its guest has.", mdev_plugged},
    {"apus_mdev_queues_withheld", GAUGE, "Assigned queues that a guest does not get.",
     mdev_withheld},
    {"cex_plugin_total_request_counter", GAUGE, "Requests of all queues.", all_requests},
};

#define FAMILIES (sizeof families / sizeof *families)

static void add_head(const struct family *f, struct text *out)
{
    static const char *const types[] = {[COUNTER] = "counter", [GAUGE] = "gauge", [INFO] = "info"};

    text_addf(out, "# TYPE %s %s\n# HELP %s %s\n", f->name, types[f->type], f->name, f->help);
}

bool metrics_page_more(struct metrics_page *p, const struct core *core, size_t room,
                       struct text *out)
{
    while (p->family < FAMILIES && out->len < room) {
        const struct family *f = &families[p->family];

        if (!p->headed)
            add_head(f, out);
        p->headed = true;
        if (!f->sample(f, core, &p->cursor, out))
            *p = (struct metrics_page){.family = p->family + 1};
    }
    return p->family < FAMILIES;
}
