/* SPDX-License-Identifier: MIT */
#include "store/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "store/state_internal.h"

#define FILE_MAX (UINT64_C(1) << 32)  /* no state that apus wrote is longer */
#define GROWN    (8u * 1024u * 1024u) /* bytes of changes after which the file is written anew */

int state_open(const char *dir, bool sync, struct state **out, bool *is_new, struct text *why)
{
    struct state *s = xcalloc(1, sizeof *s);
    int rc;

    s->dir = xstrdup(dir);
    s->dir_fd = s->fd = -1;
    s->sync = sync;
    pthread_mutex_init(&s->syncing, NULL);
    rc = state_dir_open(s, why);
    if (rc == 0) {
        s->fd = state_dir_open_file(s, FILE_STATE, O_RDWR, why);
        if (s->fd != -ENOENT && s->fd < 0)
            rc = s->fd;
    }
    if (rc < 0) {
        state_discard(s);
        return rc;
    }
    *is_new = s->fd < 0;
    *out = s;
    return 0;
}

int state_folder(const struct state *s)
{
    return s->dir_fd;
}

const char *state_name(const struct state *s)
{
    return s->dir;
}

/* While the directory is locked, so all of it is ours. */
void state_discard(struct state *s)
{
    if (!s)
        return;
    state_dir_remove_made(s);
    state_close(s);
}

void state_close(struct state *s)
{
    if (!s)
        return;
    state_room_cut(s);
    if (s->fd >= 0)
        close(s->fd);
    if (s->dir_fd >= 0)
        close(s->dir_fd);
    pthread_mutex_destroy(&s->syncing);
    text_done(&s->buffer);
    free(s->changes);
    free(s->dir);
    free(s);
}

/* -errno. */
static int read_all(int fd, struct text *out)
{
    struct stat st;
    ssize_t n = 1;

    if (fstat(fd, &st) < 0)
        return -errno;
    if ((uint64_t)st.st_size > FILE_MAX)
        return -EFBIG;
    out->data = xcalloc((size_t)st.st_size + 1, 1);
    out->capacity = (size_t)st.st_size + 1;
    while (out->len < (size_t)st.st_size && n > 0) {
        n = pread(fd, out->data + out->len, (size_t)st.st_size - out->len, (off_t)out->len);
        if (n < 0 && errno != EINTR)
            return -errno;
        out->len += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* What is left out may be wanted: the file that is about to be replaced keeps a name. */
static void keep_damaged(const struct state *s, const struct state_image *image, struct text *note)
{
    if (!image->behind)
        return;
    unlinkat(s->dir_fd, FILE_DAMAGED, 0);
    if (linkat(s->dir_fd, FILE_STATE, s->dir_fd, FILE_DAMAGED, 0) == 0)
        text_adds(note,
                  "; since there are whole changes among them, the file is kept as " FILE_DAMAGED);
    else
        text_addf(note, "; it could not be kept as " FILE_DAMAGED ": %s", error_text(errno));
}

int state_load(struct state *s, struct core **out, struct effects *fx, struct text *note,
               struct text *why)
{
    struct state_image image = {0};
    text_auto file = {0}, clause = {0};
    int rc = read_all(s->fd, &file);

    if (rc < 0)
        return state_fail(why, s, "the file " FILE_STATE " cannot be read", -rc);
    while (file.len && !file.data[file.len - 1])
        file.len--;
    rc = state_image_read(file.data, file.len, &image, &clause);
    if (rc == 0)
        rc = state_image_core(&image, out, fx, &clause);
    if (rc < 0)
        text_addf(why, "the state %s/" FILE_STATE " cannot be used: %s", s->dir, clause.data);
    else if (image.sound < file.len) {
        text_addf(note,
                  "the last %zu bytes of %s/" FILE_STATE " were not written to their end, as when "
                  "power is lost; they are left out",
                  file.len - image.sound, s->dir);
        keep_damaged(s, &image, note);
    }
    s->lines = file.len;
    s->sound = image.sound;
    state_image_done(&image);
    return rc;
}

int state_checkpoint(struct state *s, const struct core *core, struct text *why)
{
    text_auto file = {0};
    int fd, named;

    state_room_cut(s); /* what is reserved there is in the way of the new one */
    state_format(core, &file);
    state_commit_format(&file, 0, 0);
    pthread_mutex_lock(&s->syncing);
    fd = state_dir_write_file(s, FILE_STATE, file.data, file.len, &named);
    if (fd >= 0) {
        if (s->fd >= 0)
            close(s->fd);
        else
            s->made_state = true;
        s->fd = fd;
        s->base = s->sound = file.len;
        s->allocated = file.len;
        s->change_count = 0;
        atomic_store(&s->end, file.len);
        atomic_store(&s->durable, file.len);
    }
    /* Without room the old file goes on growing for a while. */
    s->patience = 2 * atomic_load(&s->end) + GROWN;
    pthread_mutex_unlock(&s->syncing);
    if (fd >= 0 && named == 0)
        return 0;
    return state_fail(why, s, "the state cannot be written", fd < 0 ? -fd : -named);
}

int state_admit(struct state *s, const struct core *core, struct text *why)
{
    text_auto ignored = {0};
    int rc = state_room_promise(s);

    /* The file's own changes may be what is in the way. */
    if (rc < 0 && state_room_has_changes(s) && state_checkpoint(s, core, &ignored) == 0)
        rc = state_room_promise(s);
    if (rc == 0)
        return 0;
    text_addf(why, "there is no room for it in the state directory %s: %s", s->dir,
              error_text(-rc));
    return rc;
}

/* Adds what a command changed to what has not been written yet. */
static void gather(struct state *s, const struct effects *fx)
{
    size_t count = s->change_count + fx->change_count;

    if (count > s->change_capacity) {
        s->change_capacity = 2 * count;
        s->changes = xrealloc(s->changes, s->change_capacity * sizeof *s->changes);
    }
    if (fx->change_count)
        memcpy(s->changes + s->change_count, fx->changes, fx->change_count * sizeof *s->changes);
    s->change_count = count;
}

/* They could not be written; each is needed once. */
static void keep_changes(struct state *s)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->change_count; i++)
        if (i == 0 || saved_compare(&s->changes[kept - 1], &s->changes[i]) != 0)
            s->changes[kept++] = s->changes[i];
    s->change_count = kept;
}

static bool is_full(int rc)
{
    return rc == -ENOSPC || rc == -EDQUOT || rc == -EFBIG;
}

int state_begin(struct state *s, const struct core *core, const struct effects *fx,
                struct text *note, struct text *why)
{
    text_auto full = {0};
    int rc;

    atomic_store(&s->end, s->lines);
    rc = state_checkpoint(s, core, &full);
    if (is_full(rc) && s->fd >= 0 && ftruncate(s->fd, (off_t)s->sound) == 0) {
        s->base = s->allocated = s->sound;
        atomic_store(&s->end, s->sound);
        s->patience = 2 * s->sound + GROWN;
        gather(s, fx);
        keep_changes(s);
        text_addf(note, "%s; nothing can be changed until there is room", full.data);
        return 0;
    }
    text_add(why, full.data, full.len);
    return rc;
}

int state_write(struct state *s, const struct core *core, const struct effects *fx,
                struct text *why)
{
    int rc;

    if (!fx->change_count)
        return 0;
    gather(s, fx);
    text_clear(&s->buffer);
    state_changes_format(core, s->changes, s->change_count, &s->buffer);
    state_commit_format(&s->buffer, 0, atomic_load(&s->durable));
    rc = state_room_append(s, &s->buffer);
    if (rc < 0) {
        keep_changes(s);
        return state_fail(why, s, "a change cannot be written", -rc);
    }
    s->change_count = 0;
    if (atomic_fetch_add(&s->end, s->buffer.len) + s->buffer.len <= s->patience)
        return 0;
    {
        text_auto ignored = {0};

        state_checkpoint(s, core, &ignored); /* it is tried again */
    }
    return 0;
}

bool state_unsynced(struct state *s)
{
    return s->sync && atomic_load(&s->durable) < atomic_load(&s->end);
}

void state_sync(struct state *s)
{
    size_t end;

    pthread_mutex_lock(&s->syncing);
    end = atomic_load(&s->end);
    if (s->sync && atomic_load(&s->durable) < end) {
        if (fdatasync(s->fd) < 0) {
            fprintf(stderr, "apus: the state directory %s: fdatasync: %s\n", s->dir,
                    error_text(errno));
            _exit(1);
        }
        atomic_store(&s->durable, end);
    }
    pthread_mutex_unlock(&s->syncing);
}
