/* SPDX-License-Identifier: MIT */
#include "import/collection.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "import/gzip.h"
#include "import/member.h"

/*
 * Archives are read as a stream, never unpacked. What an archive can make of a few bytes is
 * bounded: all archives together by BYTES_MAX and ENTRIES_MAX, a file by MEMBER_MAX, and an archive
 * in an archive is opened no deeper than NESTED_MAX.
 */
#define BYTES_MAX    (UINT64_C(4) << 30)
#define ENTRIES_MAX  5000000u
#define NESTED_MAX   2u
#define BLOCK        65536u
#define MEMORY_BLOCK (1u << 30)

struct walk {
    struct known *k;
    const char *name;
    struct archive *in;
    unsigned depth;
    uint64_t entries, counted;
    bool over;        /* the bounds */
    struct text data; /* of the present file */
    struct text *why;
};

/* Where an archive comes from: another one, a file, or memory. */
struct origin {
    struct archive *outer; /* NULL: fd */
    int fd;                /* -1: data */
    struct slice data;
    char block[BLOCK];
};

static int walk_all(struct walk *w);

/* In octal, since \xfd7 would be one number. */
#define XZ_MAGIC "\3757zXZ"

bool archive_is(struct slice d)
{
    static const char *const magics[] = {GZIP_MAGIC, XZ_MAGIC, "BZh", "\x28\xb5\x2f\xfd"};

    for (unsigned i = 0; i < sizeof magics / sizeof magics[0]; i++)
        if (slice_starts(d, magics[i]))
            return true;
    return d.len > 262 && memcmp(d.at + 257, "ustar", 5) == 0;
}

static struct archive *open_new(void)
{
    struct archive *a = archive_read_new();

    archive_read_support_filter_gzip(a);
    archive_read_support_filter_xz(a);
    archive_read_support_filter_bzip2(a);
    archive_read_support_filter_zstd(a);
    archive_read_support_format_tar(a);
    return a;
}

static int refuse(const struct walk *w, const char *what)
{
    text_adds(w->why, what);
    return -EINVAL;
}

/* Counts what has been unpacked since the last time, before the entry is read or skipped. */
static int count(struct walk *w, struct archive_entry *e)
{
    uint64_t bytes = (uint64_t)archive_filter_bytes(w->in, 0);
    uint64_t size = archive_entry_sparse_count(e) ? 0 : (uint64_t)archive_entry_size(e);

    w->k->bytes += bytes - w->counted;
    w->counted = bytes;
    w->over =
        w->k->bytes > BYTES_MAX || size > BYTES_MAX - w->k->bytes || ++w->entries > ENTRIES_MAX;
    return w->over
               ? refuse(w, "the archive has more than 4 GiB or 5000000 files when unpacked; give "
                           "/sys alone")
               : 0;
}

/* The file's content, into w->data. False: it is too large or cannot be read. */
static bool load(struct walk *w)
{
    char block[BLOCK];
    la_ssize_t got;

    text_clear(&w->data);
    while ((got = archive_read_data(w->in, block, sizeof block)) > 0) {
        text_add(&w->data, block, (size_t)got);
        if (w->data.len > MEMBER_MAX)
            return false;
    }
    return got == 0;
}

static la_ssize_t origin_read(struct archive *a, void *data, const void **block)
{
    struct origin *o = data;

    *block = o->block;
    if (o->outer)
        return archive_read_data(o->outer, o->block, sizeof o->block);
    if (o->fd >= 0)
        return read(o->fd, o->block, sizeof o->block);
    *block = o->data.at;
    o->data = slice_from(o->data, o->data.len < MEMORY_BLOCK ? o->data.len : MEMORY_BLOCK);
    return (const char *)o->data.at - (const char *)*block;
}

/* Opens w->in and reads all of it. */
static int origin_walk(struct walk *w, struct origin *o)
{
    struct gzip *gzip = gzip_new(origin_read, o);
    int rc = archive_read_open(w->in, gzip, NULL, gzip_read, NULL);

    rc = rc == ARCHIVE_OK ? walk_all(w) : refuse(w, "not an archive");
    gzip_free(gzip);
    return rc;
}

static void nested_walk(struct walk *outer, const char *path)
{
    struct origin *o;
    text_auto name = {0}, why = {0};
    struct walk w = {.k = outer->k, .depth = outer->depth + 1, .why = &why};

    text_addf(&name, "%s:%.200s", outer->name, path);
    w.name = name.data;
    if (w.depth > NESTED_MAX) {
        known_note(w.k, NOTE_MISSING, 0, "%s: an archive this deep in archives is not read",
                   w.name);
        return;
    }
    o = xmalloc(sizeof *o);
    o->outer = outer->in;
    w.in = open_new();
    if (origin_walk(&w, o) < 0)
        known_note(w.k, NOTE_MISSING, 0, "%s: %s", w.name, why.data);
    archive_read_free(w.in);
    text_done(&w.data);
    free(o);
}

static void file_read(struct walk *w, const char *path)
{
    if (load(w))
        member_file(w->k, w->name, path,
                    (struct slice){w->data.data ? w->data.data : "", w->data.len});
    else
        known_note(w->k, NOTE_MISSING, 0, "%s:%.300s cannot be read, or is larger than 16 MiB",
                   w->name, path);
}

static unsigned depth_of(const char *path)
{
    unsigned depth = 1;

    path += strncmp(path, "./", 2) == 0 ? 2 : 0;
    for (; *path; path++)
        depth += *path == '/';
    return depth;
}

static void entry_read(struct walk *w, struct archive_entry *e)
{
    const char *path = archive_entry_pathname(e), *link = archive_entry_symlink(e);
    enum member kind = path ? member_kind(path, depth_of(path)) : MEMBER_NONE;

    if (link && kind == MEMBER_SYSFS)
        member_link(w->k, w->name, path, link);
    if (kind == MEMBER_NONE || archive_entry_filetype(e) != AE_IFREG)
        return;
    if (kind == MEMBER_ARCHIVE)
        nested_walk(w, path);
    else
        file_read(w, path);
}

static int walk_all(struct walk *w)
{
    struct archive_entry *e;
    int rc;

    while ((rc = archive_read_next_header(w->in, &e)) == ARCHIVE_OK || rc == ARCHIVE_WARN) {
        if (count(w, e) < 0)
            return -EINVAL;
        known_progress(w->k);
        entry_read(w, e);
    }
    if (rc == ARCHIVE_EOF && w->entries)
        return 0;
    text_adds(w->why, w->entries ? "the archive is damaged: " : "not a tar archive: ");
    text_adds(w->why, archive_error_string(w->in) ? archive_error_string(w->in) : "it is empty");
    return -EINVAL;
}

/* What came before a damage is worth having, unless it was too much. */
static int finish(struct walk *w, int rc)
{
    if (rc < 0 && w->entries && !w->over) {
        known_note(w->k, NOTE_MISSING, 0, "%s: %s; what came before is taken", w->name,
                   w->why->data);
        text_clear(w->why);
        rc = 0;
    }
    archive_read_free(w->in);
    text_done(&w->data);
    return rc;
}

int archive_data(struct known *k, const char *name, struct slice data, struct text *why)
{
    struct walk w = {.k = k, .name = name, .in = open_new(), .why = why};
    struct origin o = {.fd = -1, .data = data};

    return finish(&w, origin_walk(&w, &o));
}

/* In a file, libarchive can pass over what is not wanted. */
int archive_file(struct known *k, const char *name, int fd, struct text *why)
{
    struct walk w = {.k = k, .name = name, .in = open_new(), .why = why};
    struct origin o = {.fd = fd};
    char head[2] = "";

    if (pread(fd, head, sizeof head, 0) == sizeof head && memcmp(head, GZIP_MAGIC, 2) == 0)
        return finish(&w, origin_walk(&w, &o));
    if (archive_read_open_fd(w.in, fd, BLOCK) == ARCHIVE_OK)
        return finish(&w, walk_all(&w));
    return finish(&w, refuse(&w, "not an archive"));
}
