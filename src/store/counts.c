/* SPDX-License-Identifier: MIT */
#include "store/counts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/number.h"
#include "base/slice.h"
#include "file/own_file.h"

#define HEAD     "apus-counts 1\n"
#define END      "end\n"
#define NAME     "counts"
#define FILE_MAX (64u << 20) /* all queues with all codes need less */

static void add_line(const char *kind, const struct ap_counts *c, const char *name,
                     struct text *out)
{
    const char *comma = "";

    text_addf(out, "%s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " ",
              kind, c->requests, c->replies, c->errors, c->lost, c->resets, c->zeroized);
    for (unsigned i = 0; i < AP_CODES; i++) {
        if (!c->codes[i])
            continue;
        text_addf(out, "%s%02x:%" PRIu64, comma, ap_codes[i], c->codes[i]);
        comma = ",";
    }
    text_addf(out, "%s %s\n", *comma ? "" : "-", name);
}

void counts_format(const struct core *core, struct text *out)
{
    struct guest_info guest;
    uint32_t cursor = 0;
    ap_qn qn;

    text_adds(out, HEAD);
    while (core_queue_next(core, &cursor, &qn)) {
        struct ap_counts counts = core_queue_counts(core, qn);
        char name[AP_QN_TEXT];

        if (!ap_counts_any(&counts))
            continue;
        ap_qn_format(qn, name);
        add_line("queue", &counts, name, out);
    }
    cursor = 0;
    while (core_guest_next(core, &cursor, &guest))
        if (ap_counts_any(&guest.counts))
            add_line("guest", &guest.counts, guest.name, out);
    text_adds(out, END);
}

static bool parse_code(struct slice w, struct ap_counts *out)
{
    struct slice code, count;
    uint64_t number;
    unsigned i = 0;

    if (!slice_cut(w, ':', &code, &count) || number_parse_u64(code.at, code.len, 16, &number) < 0)
        return false;
    while (i < AP_CODES && ap_codes[i] != number)
        i++;
    return i < AP_CODES && number_parse_u64(count.at, count.len, 10, &out->codes[i]) == 0;
}

static bool parse_codes(struct slice w, struct ap_counts *out)
{
    struct slice first, rest = w;

    if (slice_is(w, "-"))
        return true;
    while (slice_cut(rest, ',', &first, &rest))
        if (!parse_code(first, out))
            return false;
    return parse_code(first, out);
}

/* The counts of a line, of which the name remains. */
static bool parse_counts(struct slice *line, struct ap_counts *out)
{
    uint64_t *const fields[] = {&out->requests, &out->replies, &out->errors,
                                &out->lost,     &out->resets,  &out->zeroized};

    *out = (struct ap_counts){0};
    for (unsigned i = 0; i < sizeof fields / sizeof *fields; i++) {
        struct slice w = slice_word(line);

        if (number_parse_u64(w.at, w.len, 10, fields[i]) < 0)
            return false;
    }
    return parse_codes(slice_word(line), out) && line->len > 1;
}

/* core NULL: only looks whether it is sound. */
static bool take_line(struct slice line, struct core *core)
{
    struct slice kind = slice_word(&line);
    struct ap_counts counts;
    text_auto name = {0};
    ap_qn qn;

    if (!parse_counts(&line, &counts))
        return false;
    text_add(&name, line.at + 1, line.len - 1); /* behind one blank: it may have blanks itself */
    if (slice_is(kind, "guest")) {
        if (core)
            core_guest_counts_restore(core, name.data, &counts);
        return true;
    }
    if (!slice_is(kind, "queue") || strlen(name.data) != name.len || ap_qn_parse(name.data, &qn))
        return false;
    if (core)
        core_queue_counts_restore(core, qn, &counts);
    return true;
}

static bool take(const char *data, size_t len, struct core *core)
{
    struct slice rest = {data, len}, line;

    if (!slice_starts(rest, HEAD))
        return false;
    rest = slice_from(rest, strlen(HEAD));
    while (slice_cut(rest, '\n', &line, &rest)) {
        if (slice_is(line, "end"))
            return !rest.len;
        if (!take_line(line, core))
            return false;
    }
    return false;
}

int counts_restore(struct core *core, const char *data, size_t len, struct text *why)
{
    if (!take(data, len, NULL)) {
        text_adds(why, "what was counted before is damaged, and counters start anew");
        return -EINVAL;
    }
    take(data, len, core);
    return 0;
}

int counts_write(const struct state *s, const struct core *core)
{
    text_auto text = {0};

    counts_format(core, &text);
    return own_file_put(state_folder(s), NAME, text.data, text.len);
}

/* -errno, or what of the file is in out. */
static int read_all(int fd, struct text *out)
{
    char block[65536];
    ssize_t n;

    while ((n = read(fd, block, sizeof block)) > 0) {
        text_add(out, block, (size_t)n);
        if (out->len > FILE_MAX)
            return -EFBIG;
    }
    return n < 0 ? -errno : 0;
}

void counts_read(const struct state *s, struct core *core, struct text *why)
{
    text_auto text = {0};
    int fd, rc = 0;

    fd = openat(state_folder(s), NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return;
    rc = fd < 0 ? -errno : read_all(fd, &text);
    if (fd >= 0)
        close(fd);
    if (rc == 0)
        counts_restore(core, text.data ? text.data : "", text.len, why);
    else
        text_addf(why, "%s/" NAME " cannot be read, and counters start anew: %s", state_name(s),
                  error_text(-rc));
}
