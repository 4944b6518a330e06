/* SPDX-License-Identifier: MIT */
#include "store/state.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "file/own_file.h"

#define FILE_STATE  "state"
#define FILE_NEW    "state.new"
#define FILE_SECRET "secret"

#define FILE_MAX    (UINT64_C(1) << 32)  /* no state that apus wrote is longer */
#define ROOM_MIN    (256u * 1024u)       /* kept free beyond one more copy of the state */
#define GROWN       (8u * 1024u * 1024u) /* bytes of changes after which the file is written anew */
#define SECRET_TEXT 64u
#define WINDOW      (256u * 1024u) /* of the file that is in memory: a multiple of all page sizes */

struct state {
    char *dir;
    int dir_fd, fd; /* fd -1: there is no state yet */
    bool sync;
    bool made_dir, made_secret, made_state; /* by this start */
    size_t lines;     /* bytes that state_load has found, without NULs behind them */
    size_t sound;     /* those that counted, or that were written anew */
    size_t base;      /* bytes of the last checkpoint */
    size_t patience;  /* the file is written anew when it is longer */
    size_t allocated; /* the file system has promised room up to here */
    /* WINDOW bytes of the file, or NULL. What is put there is as safe as what was given to
     * write(2), and takes no system call. Behind the end of the lines there are NULs meanwhile. */
    char *window;
    size_t window_from, window_end;
    bool no_window; /* it cannot be had here */
    /* What is to be written; also what could not be, for the next command. */
    struct change *changes;
    size_t change_count, change_capacity;
    struct text buffer;
    atomic_size_t end, durable; /* of the file; up to where it is on the medium */
    pthread_mutex_t syncing;    /* fd is not exchanged meanwhile */
};

static int fail(struct text *why, const struct state *s, const char *what, int err)
{
    text_addf(why, "the state directory %s: %s: %s", s->dir, what, error_text(err));
    return -err;
}

static int refuse(struct text *why, const struct state *s, const char *what, const char *remedy)
{
    text_addf(why, "the state directory %s %s; %s", s->dir, what, remedy);
    return -EINVAL;
}

static int open_dir(struct state *s, struct text *why)
{
    struct stat st;

    s->made_dir = mkdir(s->dir, 0700) == 0;
    if (!s->made_dir && errno != EEXIST)
        return fail(why, s, "cannot be made", errno);
    s->dir_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dir_fd < 0 || fstat(s->dir_fd, &st) < 0)
        return fail(why, s, "cannot be opened", errno);
    if (st.st_uid != geteuid())
        return refuse(why, s, "belongs to another user", "take one of your own");
    if (st.st_mode & 077)
        return refuse(why, s, "can be read by others", "chmod 700 it: there are keys in it");
    if (flock(s->dir_fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    s->made_dir = false; /* it is the one's who was quicker */
    if (errno != EWOULDBLOCK)
        return fail(why, s, "cannot be locked", errno);
    text_addf(why, "the state directory %s is in use by another daemon", s->dir);
    return -EBUSY;
}

/* What is wrong with a file, or NULL. */
static const char *fault_of(const struct stat *st)
{
    if (!S_ISREG(st->st_mode))
        return "is no regular file";
    if (st->st_uid != geteuid())
        return "belongs to another user";
    return st->st_mode & 077 ? "can be read by others; chmod 600 it" : NULL;
}

/* -errno. No link, a file of our own that nobody else can read. That there is none has no words. */
static int open_file(const struct state *s, const char *name, int flags, struct text *why)
{
    int fd = openat(s->dir_fd, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
    const char *what = NULL;
    int err = errno;
    struct stat st;

    if (fd < 0 && err == ENOENT)
        return -ENOENT;
    if (fstatat(s->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        what = fault_of(&st);
    if (fd >= 0 && !what)
        return fd;
    if (fd >= 0)
        close(fd);
    text_addf(why, "the state directory %s: its file %s %s%s", s->dir, name,
              what ? what : "cannot be opened: ", what ? "" : error_text(err));
    return fd >= 0 ? -EPERM : -err;
}

int state_open(const char *dir, bool sync, struct state **out, bool *is_new, struct text *why)
{
    struct state *s = xcalloc(1, sizeof *s);
    int rc;

    s->dir = xstrdup(dir);
    s->dir_fd = s->fd = -1;
    s->sync = sync;
    pthread_mutex_init(&s->syncing, NULL);
    rc = open_dir(s, why);
    if (rc == 0) {
        s->fd = open_file(s, FILE_STATE, O_RDWR, why);
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
    if (s->made_state)
        unlinkat(s->dir_fd, FILE_STATE, 0);
    if (s->made_secret)
        unlinkat(s->dir_fd, FILE_SECRET, 0);
    if (s->made_dir)
        rmdir(s->dir);
    state_close(s);
}

static void close_window(struct state *s)
{
    if (s->window)
        munmap(s->window, WINDOW);
    s->window = NULL;
    s->window_from = s->window_end = 0;
}

/* The file ends where its lines end, and has no more room reserved; not before state_begin. */
static void cut(struct state *s)
{
    size_t end = atomic_load(&s->end);

    close_window(s);
    if (end && ftruncate(s->fd, (off_t)end) == 0)
        s->allocated = end;
}

void state_close(struct state *s)
{
    if (!s)
        return;
    cut(s);
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

int state_load(struct state *s, struct core **out, struct effects *fx, struct text *note,
               struct text *why)
{
    struct state_image image = {0};
    text_auto file = {0}, clause = {0};
    int rc = read_all(s->fd, &file);

    if (rc < 0)
        return fail(why, s, "the file " FILE_STATE " cannot be read", -rc);
    while (file.len && !file.data[file.len - 1])
        file.len--;
    rc = state_image_read(file.data, file.len, &image, &clause);
    if (rc == 0)
        rc = state_image_core(&image, out, fx, &clause);
    if (rc < 0)
        text_addf(why, "the state %s/" FILE_STATE " cannot be used: %s", s->dir, clause.data);
    else if (image.sound < file.len)
        text_addf(note,
                  "the last %zu bytes of %s/" FILE_STATE " were not written to their end, as when "
                  "power is lost; they are left out",
                  file.len - image.sound, s->dir);
    s->lines = file.len;
    s->sound = image.sound;
    state_image_done(&image);
    return rc;
}

/* A file that is there with all its bytes, or not at all. Its descriptor, or -errno. *named is
 * -errno if its name may not be on the medium: there is the old file then, as sound as it was. */
static int write_file(struct state *s, const char *name, const char *data, size_t len, int *named)
{
    text_auto ignored = {0};
    int fd, rc;

    *named = 0;
    unlinkat(s->dir_fd, FILE_NEW, 0);
    fd = open_file(s, FILE_NEW, O_RDWR | O_CREAT | O_EXCL, &ignored);
    if (fd < 0)
        return fd;
    rc = own_file_write(fd, 0, data, len);
    if (rc == 0 && fsync(fd) < 0)
        rc = -errno;
    if (rc == 0 && renameat(s->dir_fd, FILE_NEW, s->dir_fd, name) < 0)
        rc = -errno;
    if (rc < 0) {
        unlinkat(s->dir_fd, FILE_NEW, 0);
        close(fd);
        return rc;
    }
    if (fsync(s->dir_fd) < 0)
        *named = -errno;
    return fd;
}

int state_checkpoint(struct state *s, const struct core *core, struct text *why)
{
    text_auto file = {0};
    int fd, named;

    cut(s); /* what is reserved there is in the way of the new one */
    state_format(core, &file);
    state_commit_format(&file, 0, 0);
    pthread_mutex_lock(&s->syncing);
    fd = write_file(s, FILE_STATE, file.data, file.len, &named);
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
    return fail(why, s, "the state cannot be written", fd < 0 ? -fd : -named);
}

static int make_secret(struct state *s, const uint8_t *given, uint8_t out[32], struct text *why)
{
    text_private_auto line = {0};
    int fd, named;

    if (given)
        memcpy(out, given, 32);
    else if (getrandom(out, 32, 0) != 32)
        return fail(why, s, "no random number for the secret", EIO);
    for (unsigned i = 0; i < 32; i++) {
        char digits[3];

        snprintf(digits, sizeof digits, "%02x", out[i]);
        text_add_private(&line, digits, 2);
    }
    text_add_private(&line, "\n", 1);
    fd = write_file(s, FILE_SECRET, line.data, line.len, &named);
    if (fd < 0)
        return fail(why, s, "the secret cannot be written", -fd);
    s->made_secret = true;
    close(fd);
    return named < 0 ? fail(why, s, "the secret cannot be written", -named) : 0;
}

int state_secret(struct state *s, const uint8_t *given, uint8_t out[32], struct text *why)
{
    char line[SECRET_TEXT + 2] = "";
    int fd = open_file(s, FILE_SECRET, O_RDONLY, why), rc = -EINVAL;
    ssize_t n;

    if (fd == -ENOENT && s->fd < 0)
        return make_secret(s, given, out, why);
    if (fd == -ENOENT)
        return refuse(why, s, "has no file " FILE_SECRET,
                      "without it the keys of its adapters are lost");
    if (fd < 0)
        return fd;
    n = read(fd, line, sizeof line - 1);
    close(fd);
    if (n == SECRET_TEXT + 1 && line[SECRET_TEXT] == '\n') {
        line[SECRET_TEXT] = '\0';
        rc = text_parse_hex(line, out);
    }
    explicit_bzero(line, sizeof line);
    if (rc < 0)
        return refuse(why, s, "has a damaged file " FILE_SECRET,
                      "without it the keys of its adapters are lost");
    if (given && memcmp(given, out, 32) != 0)
        return refuse(why, s, "has a secret of its own, and another one was given", "leave it out");
    return 0;
}

/* Room for all objects once more, which is the most that one command can change. */
static size_t room_needed(const struct state *s)
{
    return atomic_load(&s->end) + ROOM_MIN;
}

/* File systems without fallocate are asked how much is free. */
static int promise(struct state *s, size_t upto)
{
    struct statvfs fs;
    struct rlimit limit;

    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
        upto > limit.rlim_cur)
        return -EFBIG;
    if (fallocate(s->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)upto) < 0) {
        if (errno != EOPNOTSUPP)
            return -errno;
        if (fstatvfs(s->fd, &fs) < 0)
            return -errno;
        return (uint64_t)fs.f_bavail * fs.f_frsize < upto - s->base ? -ENOSPC : 0;
    }
    s->allocated = upto;
    return 0;
}

static int promise_enough(struct state *s)
{
    size_t end = atomic_load(&s->end), needed = room_needed(s);
    int rc;

    if (s->allocated >= end + needed)
        return 0;
    rc = promise(s, end + 2 * needed);
    return rc < 0 ? promise(s, end + needed) : 0;
}

int state_admit(struct state *s, const struct core *core, struct text *why)
{
    text_auto ignored = {0};
    int rc = promise_enough(s);

    /* The file's own changes may be what is in the way. */
    if (rc < 0 && atomic_load(&s->end) > s->base + ROOM_MIN &&
        state_checkpoint(s, core, &ignored) == 0)
        rc = promise_enough(s);
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

/* NULs from end up to upto: the file has these pages then, all at once, and what is wrong with the
 * medium shows here and not as a signal. */
static int fill(const struct state *s, size_t end, size_t upto)
{
    static const char nothing[WINDOW / 16];
    int rc = 0;

    for (size_t n; end < upto && rc == 0; end += n) {
        n = upto - end < sizeof nothing ? upto - end : sizeof nothing;
        rc = own_file_write(s->fd, (off_t)end, nothing, n);
    }
    return rc;
}

/* Whether a page that has its room needs no other when it is written again, as it does where files
 * are copied on write, and nobody else is asked. What fails in memory is a signal, not an error. */
static bool overwrites(int fd)
{
    struct statfs fs;

    return fstatfs(fd, &fs) == 0 && (fs.f_type == EXT4_SUPER_MAGIC ||
                                     fs.f_type == XFS_SUPER_MAGIC || fs.f_type == TMPFS_MAGIC);
}

static bool map_window(struct state *s, size_t from)
{
    void *at = mmap(NULL, WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, (off_t)from);

    if (at == MAP_FAILED)
        return false;
    s->window = at;
    s->window_from = from;
    s->window_end = from + WINDOW;
    if (madvise(at, WINDOW, MADV_POPULATE_WRITE) == 0)
        return true;
    close_window(s);
    return false;
}

/* Moves the window to the end of the file, if there is room for all of it. What fails once (before
 * Linux 5.14 pages cannot be populated) is not tried again. */
static void move_window(struct state *s)
{
    size_t end = atomic_load(&s->end), from = end - end % WINDOW;

    close_window(s);
    if (s->no_window || from + WINDOW > s->allocated)
        return;
    s->no_window = !overwrites(s->fd) || fill(s, end, from + WINDOW) < 0 || !map_window(s, from);
}

/* Puts bytes at the end of the file. 0 or -errno. */
static int append(struct state *s, const struct text *bytes)
{
    size_t end = atomic_load(&s->end);

    if (end + bytes->len > s->window_end)
        move_window(s);
    if (end + bytes->len > s->window_end)
        return own_file_write(s->fd, (off_t)end, bytes->data, bytes->len);
    memcpy(s->window + (end - s->window_from), bytes->data, bytes->len);
    return 0;
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
    rc = append(s, &s->buffer);
    if (rc < 0) {
        keep_changes(s);
        return fail(why, s, "a change cannot be written", -rc);
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
