/* SPDX-License-Identifier: MIT */
#include "keep.h"

#include <stdlib.h>
#include <string.h>

#include "store/setup.h"
#include "store/state.h"
#include "store/state_line.h"

void keep_follow(struct play *p)
{
    size_t begin = p->file.len;

    if (!begin) {
        state_format(p->core, &p->file);
    } else if (p->fx.change_count) {
        struct change *v = calloc(p->fx.change_count, sizeof *v);

        memcpy(v, p->fx.changes, p->fx.change_count * sizeof *v);
        state_changes_format(p->core, v, p->fx.change_count, &p->file);
        free(v);
    }
    if (p->file.len > begin)
        state_commit_format(&p->file, begin, 0);
}

struct keys {
    unsigned generation[AP_IDS]; /* of the keys that whoever comes next finds */
    struct mask256 again;
};

static void keys_of(const struct core *core, unsigned apid, struct keys *out)
{
    struct change of = {.kind = STATE_ADAPTER, .id = apid};
    unsigned domain = 0;
    struct saved s;

    *out = (struct keys){0};
    if (saved_get(core, &of, &s)) {
        for (char *at = s.text.data; *at;) {
            unsigned count = (unsigned)strtoul(at, &at, 10);
            unsigned times = *at == '*' ? (unsigned)strtoul(at + 1, &at, 10) : 1;

            while (times--) {
                out->generation[domain] = count + mask256_test(&s.adapter.zeroize_due, domain);
                domain++;
            }
            at += *at == ',';
        }
        out->again = s.adapter.resets.again;
    }
    saved_done(&s);
}

/* A domain has the keys that it had; one that was to be zeroized once more may have been. */
static bool same_keys(struct play *p, const struct core *other)
{
    for (unsigned i = 0; i < APIDS; i++) {
        struct keys mine, its;

        keys_of(p->core, apids[i], &mine);
        keys_of(other, apids[i], &its);
        for (unsigned d = 0; d < AP_IDS; d++)
            if (mine.generation[d] != its.generation[d] &&
                !(mask256_test(&mine.again, d) && its.generation[d] > mine.generation[d]))
                return play_fail(p, "%02x.%04x has keys %u and had %u", apids[i], d,
                                 its.generation[d], mine.generation[d]);
    }
    return true;
}

/* A system that had no default domain may have found one when it looked around. */
static bool line_fits(const struct play *p, const char *wanted, size_t n, const char *got, size_t m)
{
    static const char none[] = "domain=256 ";
    const char *at = memmem(wanted, n, none, sizeof none - 1);
    size_t before = at ? (size_t)(at - wanted) : 0, after = n - before - (sizeof none - 1);

    if (n == m && memcmp(wanted, got, n) == 0)
        return true;
    /* What was under way because of a fault has ended. */
    if (p->requests.faulty && !at)
        return strncmp(wanted, got, strcspn(wanted, "=")) == 0 &&
               (strncmp(wanted, "adapter ", 8) == 0 || strncmp(wanted, "mdev ", 5) == 0 ||
                strncmp(wanted, "fault ", 6) == 0);
    return at && m > before + after && memcmp(wanted, got, before) == 0 &&
           memcmp(at + sizeof none - 1, got + m - after, after) == 0;
}

static bool same(struct play *p, const char *what, const struct text *wanted,
                 const struct text *got)
{
    const char *a = wanted->data, *b = got->data;

    if (wanted->len == got->len && memcmp(a, b, got->len) == 0)
        return true;
    while (*a && *b) {
        size_t n = strcspn(a, "\n"), m = strcspn(b, "\n");

        if (!line_fits(p, a, n, b, m))
            break;
        a += n + 1;
        b += m + 1;
    }
    return (!*a && !*b) || play_fail(p, "%s\n  the core has %.*s\n  it has       %.*s", what,
                                     (int)strcspn(a, "\n"), a, (int)strcspn(b, "\n"), b);
}

/* The whole state as a file has it. */
static bool lines_of(struct play *p, const struct text *file, struct text *out)
{
    struct state_image image;
    text_auto why = {0};

    text_addf(out, "apus-state %d\n", STATE_VERSION);
    if (state_image_read(file->data, file->len, &image, &why) < 0)
        return play_fail(p, "the file of the state: %s", why.data);
    for (size_t i = 0; i < image.count; i++) {
        const struct state_line *line = &image.v[i];
        const char *key = line->fields;

        while (key > file->data && key[-1] != '\n')
            key--;
        text_add(out, key, (size_t)(line->fields - key) + line->len);
        text_adds(out, "\n");
    }
    state_image_done(&image);
    return true;
}

static void lines_of_core(const struct core *core, struct text *out)
{
    struct state_image image;
    text_auto file = {0}, why = {0};
    size_t first;

    state_format(core, &file);
    first = strcspn(file.data, "\n") + 1;
    state_commit_format(&file, 0, 0);
    if (state_image_read(file.data, file.len, &image, &why) < 0)
        abort();
    text_add(out, file.data, first);
    for (size_t i = 0; i < image.count; i++) {
        const char *key = image.v[i].fields;

        while (key[-1] != '\n')
            key--;
        text_add(out, key, (size_t)(image.v[i].fields - key) + image.v[i].len);
        text_adds(out, "\n");
    }
    state_image_done(&image);
}

bool keep_check(struct play *p)
{
    text_auto core = {0}, file = {0};

    if (!lines_of(p, &p->file, &file))
        return false;
    lines_of_core(p->core, &core);
    return same(p, "the state file is not the state", &core, &file);
}

bool keep_restore(struct play *p)
{
    text_auto wanted = {0}, got = {0}, why = {0};
    struct effects fx = {.want_changes = true, .now = p->now};
    struct state_image image;
    struct core *core = NULL;
    bool good;

    if (state_image_read(p->file.data, p->file.len, &image, &why) < 0 ||
        state_image_core(&image, &core, &fx, &why) < 0) {
        play_fail(p, "the state cannot be restored: %s", why.data);
    } else {
        lines_of_core(p->core, &wanted);
        lines_of_core(core, &got);
        if (same(p, "what was restored is not the state", &wanted, &got))
            same_keys(p, core);
    }
    state_image_done(&image);
    good = !p->why.len;
    core_free(core);
    effects_done(&fx);
    return good;
}

/* Without how often queues were zeroized, which a machine file does not say, and the last number of
 * a fault. */
static void drop_counters(struct text *lines)
{
    text_auto rest = {0};

    for (const char *at = lines->data; *at;) {
        size_t n = strcspn(at, "\n") + 1;

        if (strncmp(at, "adapter ", 8) != 0 && strncmp(at, "faults ", 7) != 0)
            text_add(&rest, at, n);
        at += n;
    }
    text_clear(lines);
    text_add(lines, rest.data, rest.len);
}

static bool same_without_counters(struct play *p, const char *what, const struct core *core)
{
    text_auto wanted = {0}, got = {0};

    lines_of_core(p->core, &wanted);
    lines_of_core(core, &got);
    drop_counters(&wanted);
    drop_counters(&got);
    return same(p, what, &wanted, &got);
}

/* A system that had no default domain may have found one. */
static void drop_domains(struct text *file)
{
    for (char *at = file->data; (at = strstr(at, "\ndomain = "));) {
        size_t n = strcspn(at + 1, "\n") + 1;

        memmove(at, at + n, strlen(at + n) + 1);
        file->len -= n;
    }
}

/* The machine file of the core written again from what was made of it. */
static bool same_file(struct play *p, struct text *file, const struct core *core)
{
    text_auto again = {0};

    setup_format(core, &again);
    drop_domains(file);
    drop_domains(&again);
    return p->requests.faulty || same(p, "the file of what was imported", file, &again);
}

bool keep_export(struct play *p)
{
    text_auto file = {0}, why = {0};
    struct effects fx = {.now = p->now};
    setup_auto setup = {0};
    struct core *core = NULL;

    setup_format(p->core, &file);
    if (setup_parse("export", file.data, file.len, &setup, &why) < 0 ||
        setup_core(&setup, &core, &fx, &why) < 0)
        play_fail(p, "the export cannot be imported: %s\n%s", why.data, file.data);
    else if (same_without_counters(p, "what was imported is not the state", core))
        same_file(p, &file, core);
    core_free(core);
    effects_done(&fx);
    return !p->why.len;
}

bool keep_copy(struct play *p)
{
    struct core *copy = setup_copy(p->core);
    text_auto wanted = {0}, got = {0};

    lines_of_core(p->core, &wanted);
    lines_of_core(copy, &got);
    core_free(copy);
    return same(p, "the copy is not the state", &wanted, &got);
}
