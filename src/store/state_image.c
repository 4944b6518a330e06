/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Out of memory aborts, as everywhere else (base/text.h). */
#define uthash_fatal(message) abort()
#include <uthash.h>

#include "base/number.h"
#include "message/bytes.h"
#include "store/crc32.h"
#include "store/state.h"
#include "store/state_line.h"

/* The file of a state directory in memory: written, read, and made a core. No I/O. */

#define MARK   "apus-state "
#define COMMIT "commit "

void state_commit_format(struct text *file, size_t begin, uint64_t durable)
{
    uint8_t crc[4];

    be32_put(crc, crc32_of(file->data + begin, file->len - begin));
    text_adds(file, COMMIT);
    text_add_hex(file, crc, sizeof crc);
    text_add(file, " ", 1);
    text_add_number(file, durable);
    text_add(file, "\n", 1);
}

struct dump {
    const struct core *core;
    struct text *out;
};

/* What is as it is without having been saved has no fields, and no line here. */
static void dump_one(void *data, const struct change *of)
{
    struct dump *d = data;
    size_t before = d->out->len;
    bool has_fields;

    state_line_format(d->core, of, d->out);
    state_line_key(d->out->data + before, d->out->len - before, &has_fields);
    if (!has_fields)
        d->out->len = before;
}

void state_format(const struct core *core, struct text *out)
{
    struct dump d = {core, out};

    text_addf(out, MARK "%d\n", STATE_VERSION);
    saved_each(core, dump_one, &d);
}

static int by_order(const void *a, const void *b)
{
    return saved_compare(a, b);
}

void state_changes_format(const struct core *core, struct change *v, size_t count, struct text *out)
{
    qsort(v, count, sizeof *v, by_order);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || saved_compare(&v[i - 1], &v[i]) != 0)
            state_line_format(core, &v[i], out);
}

/* Reading. */

struct image_reader {
    const char *data;
    size_t len, at;
    struct text *why;
};

/* The next line with a newline; false: there is none. */
static bool next_line(struct image_reader *r, const char **line, size_t *len)
{
    const char *newline = memchr(r->data + r->at, '\n', r->len - r->at);

    if (!newline)
        return false;
    *line = r->data + r->at;
    *len = (size_t)(newline - *line);
    r->at += *len + 1;
    return true;
}

static bool is_commit(const char *line, size_t len)
{
    return len > strlen(COMMIT) && memcmp(line, COMMIT, strlen(COMMIT)) == 0;
}

/* Whether the line is the commit of what stands from begin to it. */
static bool commit_sound(const struct image_reader *r, size_t begin, const char *line, size_t len,
                         uint64_t *durable)
{
    const char *crc = line + strlen(COMMIT), *mark = crc + 9;
    char right[9];

    snprintf(right, sizeof right, "%08" PRIx32,
             crc32_of(r->data + begin, (size_t)(line - r->data) - begin));
    return line + len > mark && memcmp(crc, right, 8) == 0 && crc[8] == ' ' &&
           number_parse_u64(mark, (size_t)(line + len - mark), 10, durable) == 0;
}

/*
 * Up to which commit the file counts. The first one that is not sound ends it, unless what is not
 * sound had been on the medium for certain by a later one's word.
 */
static int find_end(struct image_reader r, struct state_image *out)
{
    size_t begin = 0, len, *sound = &out->sound;
    uint64_t durable;
    const char *line;
    bool broken = false;

    *sound = 0;
    while (next_line(&r, &line, &len)) {
        if (!is_commit(line, len))
            continue;
        if (!commit_sound(&r, begin, line, len, &durable)) {
            broken = true;
        } else if (!broken) {
            *sound = r.at;
        } else if (durable > *sound) {
            text_addf(r.why, "it is damaged behind byte %zu, in a part that was safely written",
                      *sound);
            return -EINVAL;
        } else {
            out->behind = true;
        }
        begin = r.at;
    }
    if (*sound)
        return 0;
    text_adds(r.why, "it is damaged: there is no complete state in it");
    return -EINVAL;
}

static int check_version(struct image_reader *r)
{
    uint64_t version;
    const char *line;
    size_t len;

    if (!next_line(r, &line, &len) || len <= strlen(MARK) ||
        memcmp(line, MARK, strlen(MARK)) != 0 ||
        number_parse_u64(line + strlen(MARK), len - strlen(MARK), 10, &version) < 0) {
        text_addf(r->why, "it is no state of apus: its first line should be \"" MARK "%d\"",
                  STATE_VERSION);
        return -EINVAL;
    }
    if (version >= STATE_VERSION_MIN && version <= STATE_VERSION)
        return 0;
    text_addf(r->why,
              "it is of version %" PRIu64 " of the format, and this apus knows the versions %d to "
              "%d alone",
              version, STATE_VERSION_MIN, STATE_VERSION);
    return -EINVAL;
}

/* The last line of a key. */
struct folded {
    UT_hash_handle hh;
    const char *fields; /* NULL: it has gone */
    size_t len;
};

struct fold {
    struct folded *v; /* as many as there are lines */
    struct folded *by_key;
    size_t count;
};

static void fold_line(struct fold *f, const char *line, size_t len)
{
    struct folded *old;
    bool has_fields;
    size_t key = state_line_key(line, len, &has_fields);

    HASH_FIND(hh, f->by_key, line, key, old);
    if (!old) {
        old = &f->v[f->count++];
        HASH_ADD_KEYPTR(hh, f->by_key, line, key, old);
    }
    old->fields = has_fields ? line + key + 1 : NULL;
    old->len = has_fields ? len - key - 1 : 0;
}

static size_t count_lines(const char *data, size_t len)
{
    size_t n = 0;

    for (const char *at = data; (at = memchr(at, '\n', len - (size_t)(at - data))); at++)
        n++;
    return n;
}

static int take_objects(struct fold *f, struct state_image *out, struct text *why)
{
    int rc = 0;

    out->v = xcalloc(f->count + 1, sizeof *out->v);
    for (size_t i = 0; i < f->count && rc == 0; i++) {
        const struct folded *one = &f->v[i];
        struct state_line *to = &out->v[out->count];

        rc = state_key_parse(one->hh.key, one->hh.keylen, &to->of, why);
        to->fields = one->fields;
        to->len = one->len;
        out->count += one->fields != NULL;
    }
    qsort(out->v, out->count, sizeof *out->v, by_order);
    if (rc == 0 && (!out->count || out->v[0].of.kind != STATE_MACHINE)) {
        text_adds(why, "it has no machine");
        rc = -EINVAL;
    }
    return rc;
}

int state_image_read(const char *data, size_t len, struct state_image *out, struct text *why)
{
    struct image_reader r = {data, len, 0, why};
    struct fold f = {0};
    const char *line;
    int rc = check_version(&r);

    *out = (struct state_image){0};
    if (rc == 0)
        rc = find_end(r, out);
    if (rc < 0)
        return rc;
    r.len = out->sound;
    f.v = xcalloc(count_lines(data, out->sound), sizeof *f.v);
    for (size_t n; next_line(&r, &line, &n);)
        if (!is_commit(line, n))
            fold_line(&f, line, n);
    rc = take_objects(&f, out, why);
    HASH_CLEAR(hh, f.by_key);
    free(f.v);
    if (rc < 0)
        state_image_done(out);
    return rc;
}

void state_image_done(struct state_image *image)
{
    free(image->v);
    *image = (struct state_image){0};
}

/* Names the object that something is wrong with. */
static int complain(const struct change *of, struct text *clause, struct text *why)
{
    const struct saved_row *row = &saved_rows[of->kind];

    text_addf(why, "its line \"%s", row->name);
    if (row->has_tree)
        text_addf(why, " %u", of->tree);
    if (row->has_id)
        text_addf(why, " %" PRIu32, of->id);
    text_addf(why, "\" is wrong: %s", clause->data);
    return -EINVAL;
}

static int parse(const struct state_line *line, struct saved *out, struct text *why)
{
    text_auto clause = {0};
    int rc = state_fields_parse(&line->of, line->fields, line->len, out, &clause);

    return rc < 0 ? complain(&line->of, &clause, why) : 0;
}

static const struct state_line *host_bus(const struct state_image *image)
{
    const struct state_line *second = &image->v[1];

    return image->count > 1 && second->of.kind == STATE_BUS && second->of.tree == CORE_HOST_TREE
               ? second
               : NULL;
}

/* The machine, and the masks of its host, which stand behind it. What is wrong with their line
 * comes later. */
static int restore_machine(const struct state_image *image, struct core **core, struct effects *fx,
                           struct text *why)
{
    const struct state_line *bus = host_bus(image);
    struct saved machine, host = {0};
    text_auto later = {0};

    if (parse(&image->v[0], &machine, why) < 0)
        return -EINVAL;
    if (bus && parse(bus, &host, &later) == 0)
        *core = core_new_masked(machine.machine, &host.bus.masks, fx);
    else
        *core = core_new(machine.machine, fx);
    saved_done(&host);
    saved_done(&machine);
    return 0;
}

static int restore_one(struct core *core, const struct state_line *line, struct text *why)
{
    text_auto clause = {0};
    struct saved s;
    int rc = parse(line, &s, why);

    if (rc < 0)
        return rc;
    rc = core_restore(core, &s, &clause);
    saved_done(&s);
    return rc < 0 ? complain(&line->of, &clause, why) : 0;
}

int state_image_core(const struct state_image *image, struct core **out, struct effects *fx,
                     struct text *why)
{
    size_t at = 1;
    int rc;

    *out = NULL;
    rc = restore_machine(image, out, fx, why);
    for (; at < image->count && image->v[at].of.kind != STATE_OWNER && rc == 0; at++)
        rc = restore_one(*out, &image->v[at], why);
    if (rc == 0)
        core_restored(*out, fx);
    for (; at < image->count && rc == 0; at++)
        rc = restore_one(*out, &image->v[at], why);
    if (rc == 0)
        return 0;
    core_free(*out);
    *out = NULL;
    return rc;
}
