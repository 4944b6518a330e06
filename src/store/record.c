/* SPDX-License-Identifier: MIT */
#include "store/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "file/own_file.h"
#include "store/record_json.h"
#include "store/record_keys.h"
#include "store/record_writer.h"

#define MARK "{\"apus-recording\":"

struct record {
    struct own_file file;
    bool keys;                    /* private keys of requests are recorded */
    off_t start;                  /* offset of this recording */
    struct record_writer *writer; /* NULL: not begun, or ended by an error */
    bool begun;                   /* its file is worth keeping */
};

static int check_mark(int fd, const char *path, struct text *why)
{
    char mark[sizeof MARK - 1];

    if (pread(fd, mark, sizeof mark, 0) == (ssize_t)sizeof mark &&
        memcmp(mark, MARK, sizeof mark) == 0)
        return 0;
    return own_file_refuse(path, -EINVAL, "not a recording; --append requires one", why);
}

/* The end of the last complete line: an incomplete one is left if the daemon was killed. */
static off_t last_line_end(int fd, off_t size)
{
    char block[4096];

    while (size > 0) {
        size_t len = size < (off_t)sizeof block ? (size_t)size : sizeof block;
        const char *newline;

        if (pread(fd, block, len, size - (off_t)len) != (ssize_t)len)
            return -EIO;
        newline = memrchr(block, '\n', len);
        size -= (off_t)len;
        if (newline)
            return size + (newline - block) + 1;
    }
    return 0;
}

/* The offset at which the recording must begin in a file of that size, or -errno. */
static off_t find_start(const struct own_file *f, off_t size, enum record_mode mode,
                        struct text *why)
{
    off_t start;
    int rc;

    if (size == 0 || mode == RECORD_FORCE)
        return 0;
    if (mode == RECORD_NEW)
        return own_file_refuse(f->path, -EEXIST,
                               "the file is not empty; --append appends to it, --force replaces it",
                               why);
    rc = check_mark(f->fd, f->path, why);
    if (rc < 0)
        return rc;
    start = last_line_end(f->fd, size);
    return start < 0 ? own_file_refuse(f->path, (int)start, error_text((int)-start), why) : start;
}

int record_open(const char *path, enum record_mode mode, bool keys, struct record **out,
                struct text *why)
{
    struct record *r = xcalloc(1, sizeof *r);
    struct stat st;
    int rc = own_file_open(AT_FDCWD, path, &r->file, why);

    if (rc < 0) {
        free(r);
        return rc;
    }
    r->keys = keys;
    r->start = fstat(r->file.fd, &st) < 0 ? -errno : find_start(&r->file, st.st_size, mode, why);
    if (r->start < 0) {
        rc = (int)r->start;
        own_file_discard(&r->file);
        free(r);
        return rc;
    }
    *out = r;
    return 0;
}

static void format_start(const struct machine_config *config, const struct core *core,
                         const struct effects *effects, struct text *out)
{
    struct reply none = {0};
    text_auto outcome = {0};

    record_format_head(config, core_tree(core, CORE_HOST_TREE)->keeps_dirs, out);
    text_addf(out, "\n{\"start\":%" PRIu64 "}\n", effects->now);
    record_format_outcome(core, &none, effects, &outcome);
    text_add(out, outcome.data, outcome.len);
    text_adds(out, "\n");
}

int record_begin(struct record *r, const struct machine_config *config, const struct core *core,
                 const struct effects *effects, struct text *why)
{
    text_auto lines = {0};
    int rc;

    if (!r)
        return 0;
    record_cleanse_json();
    format_start(config, core, effects, &lines);
    rc = own_file_secure(&r->file, why);
    if (rc == 0)
        rc = own_file_replace(&r->file, r->start, lines.data, lines.len, why);
    if (rc < 0)
        return rc;
    if (lseek(r->file.fd, 0, SEEK_END) < 0)
        return own_file_refuse(r->file.path, -errno, error_text(errno), why);
    rc = record_writer_new(r->file.fd, &r->writer);
    r->begun = rc == 0;
    return rc < 0 ? own_file_refuse(r->file.path, rc, error_text(-rc), why) : 0;
}

static int tell_failure(const struct record *r, int rc, struct text *why)
{
    if (rc < 0)
        text_addf(why, "recording to %s stopped: %s; later commands are not recorded", r->file.path,
                  error_text(-rc));
    return rc;
}

static int put_line(struct record *r, struct text *line, struct text *why)
{
    int rc;

    text_add_private(line, "\n", 1);
    rc = record_writer_put(r->writer, line->data, line->len);
    if (rc == 0)
        return 0;
    record_writer_free(r->writer);
    r->writer = NULL;
    return tell_failure(r, rc, why);
}

int record_command(struct record *r, const struct core *core, const struct command *cmd,
                   struct text *why)
{
    text_private_auto line = {0}, room = {0};
    struct command copy = *cmd;
    bool keyless;

    if (!r || !r->writer)
        return 0;
    keyless = !r->keys && record_without_keys(cmd, &copy, &room);
    if (!r->keys && !keyless)
        record_reply_without_keys(cmd, &copy, &room);
    record_format_command(core, &copy, keyless, &line);
    return put_line(r, &line, why);
}

/* Makes *t refer to a copy of itself. */
static void copy_private(struct text *t, struct text *copy)
{
    if (!t->len)
        return;
    text_add(copy, t->data, t->len);
    *t = *copy;
}

int record_outcome(struct record *r, const struct core *core, const struct reply *reply,
                   const struct effects *effects, struct text *why)
{
    text_private_auto line = {0}, pool = {0}, data = {0};
    struct effects fx = *effects;
    struct reply of = *reply;

    if (!r || !r->writer)
        return 0;
    if (!r->keys) {
        copy_private(&fx.pool, &pool);
        copy_private(&of.insn.data, &data);
        record_outcome_without_keys(&of.insn, &fx);
    }
    record_format_outcome(core, &of, &fx, &line);
    return put_line(r, &line, why);
}

int record_close(struct record *r, struct text *why)
{
    int rc;

    if (!r)
        return 0;
    rc = tell_failure(r, record_writer_free(r->writer), why);
    if (!r->begun)
        own_file_discard(&r->file);
    else
        own_file_close(&r->file);
    free(r);
    return rc;
}
