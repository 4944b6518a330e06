/* SPDX-License-Identifier: MIT */
/* The directory of a state, and its files. */
#include "store/state_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "file/own_file.h"
#include "store/crc32.h"

#define FILE_NEW    "state.new"
#define FILE_SECRET "secret"
#define SECRET_TEXT 64u
/* Its digits, a blank, and those of their CRC-32. Older ones end with their digits. */
#define SECRET_LINE (SECRET_TEXT + 1 + 8)

int state_fail(struct text *why, const struct state *s, const char *what, int err)
{
    text_addf(why, "the state directory %s: %s: %s", s->dir, what, error_text(err));
    return -err;
}

static int refuse(struct text *why, const struct state *s, const char *what, const char *remedy)
{
    text_addf(why, "the state directory %s %s; %s", s->dir, what, remedy);
    return -EINVAL;
}

int state_dir_open(struct state *s, struct text *why)
{
    struct stat st;

    s->made_dir = mkdir(s->dir, 0700) == 0;
    if (!s->made_dir && errno != EEXIST)
        return state_fail(why, s, "cannot be made", errno);
    s->dir_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dir_fd < 0 || fstat(s->dir_fd, &st) < 0)
        return state_fail(why, s, "cannot be opened", errno);
    if (st.st_uid != geteuid())
        return refuse(why, s, "belongs to another user", "take one of your own");
    if (st.st_mode & 077)
        return refuse(why, s, "can be read by others", "chmod 700 it: there are keys in it");
    if (flock(s->dir_fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    s->made_dir = false; /* it is the one's who was quicker */
    if (errno != EWOULDBLOCK)
        return state_fail(why, s, "cannot be locked", errno);
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

int state_dir_open_file(const struct state *s, const char *name, int flags, struct text *why)
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

int state_dir_write_file(struct state *s, const char *name, const char *data, size_t len,
                         int *named)
{
    text_auto ignored = {0};
    int fd, rc;

    *named = 0;
    unlinkat(s->dir_fd, FILE_NEW, 0);
    fd = state_dir_open_file(s, FILE_NEW, O_RDWR | O_CREAT | O_EXCL, &ignored);
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

void state_dir_remove_made(struct state *s)
{
    if (s->made_state)
        unlinkat(s->dir_fd, FILE_STATE, 0);
    if (s->made_secret)
        unlinkat(s->dir_fd, FILE_SECRET, 0);
    if (s->made_dir)
        rmdir(s->dir);
}

/* What another secret, or one that is damaged, most likely does not have. Returns its length. */
static size_t secret_check(const uint8_t secret[32], char out[static 9])
{
    return (size_t)snprintf(out, 9, "%08" PRIx32, crc32_of(secret, 32));
}

/* The file's line, without its newline. */
static int secret_parse(char *line, size_t len, uint8_t out[32])
{
    char check[9];
    int rc;

    if (len != SECRET_TEXT && (len != SECRET_LINE || line[SECRET_TEXT] != ' '))
        return -EINVAL;
    line[SECRET_TEXT] = '\0';
    rc = text_parse_hex(line, out);
    if (rc == 0 && len == SECRET_LINE) {
        secret_check(out, check);
        rc = memcmp(line + SECRET_TEXT + 1, check, 8) == 0 ? 0 : -EINVAL;
    }
    return rc;
}

static int make_secret(struct state *s, const uint8_t *given, uint8_t out[32], struct text *why)
{
    text_private_auto line = {0};
    char check[9];
    int fd, named;

    if (given)
        memcpy(out, given, 32);
    else if (getrandom(out, 32, 0) != 32)
        return state_fail(why, s, "no random number for the secret", EIO);
    for (unsigned i = 0; i < 32; i++) {
        char digits[3];

        snprintf(digits, sizeof digits, "%02x", out[i]);
        text_add_private(&line, digits, 2);
    }
    text_add_private(&line, " ", 1);
    text_add_private(&line, check, secret_check(out, check));
    text_add_private(&line, "\n", 1);
    fd = state_dir_write_file(s, FILE_SECRET, line.data, line.len, &named);
    if (fd < 0)
        return state_fail(why, s, "the secret cannot be written", -fd);
    s->made_secret = true;
    close(fd);
    return named < 0 ? state_fail(why, s, "the secret cannot be written", -named) : 0;
}

int state_secret(struct state *s, const uint8_t *given, uint8_t out[32], struct text *why)
{
    char line[SECRET_LINE + 2] = "";
    int fd = state_dir_open_file(s, FILE_SECRET, O_RDONLY, why), rc = -EINVAL;
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
    if (n > 0 && line[n - 1] == '\n')
        rc = secret_parse(line, (size_t)n - 1, out);
    explicit_bzero(line, sizeof line);
    if (rc < 0)
        return refuse(why, s, "has a damaged file " FILE_SECRET,
                      "without it the keys of its adapters are lost");
    if (given && memcmp(given, out, 32) != 0)
        return refuse(why, s, "has a secret of its own, and another one was given", "leave it out");
    return 0;
}
