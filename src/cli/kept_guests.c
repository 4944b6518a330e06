/* SPDX-License-Identifier: MIT */
#include "cli/kept_guests.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/command.h"
#include "cli/linux.h"
#include "file/own_file.h"
#include "run/layout.h"
#include "run/runtime.h"

#define FOLDER   "guests"
#define FILE_MAX (1u << 20)

const char *const kept_guests_settings[] = {"APUS_CACHE", "XDG_CACHE_HOME", "HOME", NULL};
#define SETTINGS 3

/* The directory that is open as fd, and its path. */
struct folder {
    int fd;
    struct text path;
};

static void folder_close(struct folder *f)
{
    if (f->fd >= 0)
        close(f->fd);
    text_done(&f->path);
}

#define folder_auto __attribute__((cleanup(folder_close))) struct folder

static int fail(const struct folder *f, const char *doing, const char *name, int err)
{
    return cli_error(err, "cannot %s %s%s%s: %s", doing, f->path.data, name ? "/" : "",
                     name ? name : "", error_text(err));
}

/* Nobody else may say what is started. */
static bool is_ours(int fd, mode_t kind, mode_t others)
{
    struct stat st;

    return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == kind && st.st_uid == geteuid() &&
           !(st.st_mode & others);
}

/* 0; with fd -1 if there is none and it was not to be made; or 1 after an error message. */
static int folder_of_state(const char *state, bool make, struct folder *out)
{
    *out = (struct folder){.fd = -1};
    text_addf(&out->path, "%s/" FOLDER, state);
    if (make && mkdir(out->path.data, 0700) < 0 && errno != EEXIST)
        return fail(out, "create", NULL, errno);
    out->fd = open(out->path.data, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (out->fd < 0)
        return errno == ENOENT ? 0 : fail(out, "open", NULL, errno);
    if (is_ours(out->fd, S_IFDIR, 077))
        return 0;
    return cli_error(EPERM, "%s is not a directory of yours with mode 0700", out->path.data);
}

static int folder_open(const char *socket, bool make, struct folder *out)
{
    struct runtime_machine m;

    *out = (struct folder){.fd = -1};
    if (runtime_of(socket, &m) < 0 || !*m.info.state)
        return 0;
    return folder_of_state(m.info.state, make, out);
}

/* It is there as a whole or not at all; a guest cannot have the other name. */
static int replace(const struct folder *f, const char *name, const struct text *data)
{
    text_auto new = {0}, why = {0};
    struct own_file file;
    int rc;

    text_addf(&new, ".%s", name);
    rc = own_file_open(f->fd, new.data, &file, &why);
    if (rc < 0)
        return cli_error(-rc, "%s: %s", f->path.data, why.data);
    rc = own_file_secure(&file, &why);
    if (rc == 0)
        rc = own_file_replace(&file, 0, data->data, data->len, &why);
    if (rc < 0) {
        own_file_remove(&file);
        return cli_error(-rc, "%s: %s", f->path.data, why.data);
    }
    if (fsync(file.fd) < 0 || renameat(f->fd, new.data, f->fd, name) < 0 || fsync(f->fd) < 0)
        rc = fail(f, "write", name, errno);
    own_file_close(&file);
    return rc;
}

static int write_guest(const struct folder *f, const char *name, const struct kept_guest *g)
{
    text_auto data = {0};

    kept_guest_format(g, &data);
    return replace(f, name, &data);
}

/* A descriptor, or -errno. */
static int open_guest(const struct folder *f, const char *name)
{
    int fd = openat(f->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    if (is_ours(fd, S_IFREG, 022))
        return fd;
    close(fd);
    return -EPERM;
}

static int read_guest(const struct folder *f, const char *name, struct text *data,
                      struct kept_guest *out)
{
    fd_auto fd = open_guest(f, name);
    text_auto why = {0};
    char part[4096];
    ssize_t n = 0;

    if (fd == -EPERM)
        return cli_error(EPERM, "%s/%s is not a file of yours that nobody else can write",
                         f->path.data, name);
    if (fd < 0)
        return fail(f, "read", name, -fd);
    text_adds(data, "");
    while (data->len < FILE_MAX && (n = read(fd, part, sizeof part)) > 0)
        text_add(data, part, (size_t)n);
    if (n < 0)
        return fail(f, "read", name, errno);
    if (kept_guest_parse(data->data, data->len, out, &why) == 0)
        return 0;
    return cli_error(EINVAL, "%s/%s cannot be used: %s; 'apus guest stop %s' removes it",
                     f->path.data, name, why.data, name);
}

/* The settings that there are, one behind the other in out. */
static size_t copy_settings(struct text *out, const char *list[SETTINGS])
{
    size_t count = 0;

    for (const char *const *s = kept_guests_settings; *s; s++)
        if (getenv(*s)) {
            text_addf(out, "%s=%s", *s, getenv(*s));
            text_add(out, "", 1);
        }
    for (size_t at = 0; at < out->len; at += strlen(out->data + at) + 1)
        list[count++] = out->data + at;
    return count;
}

int kept_guests_add(const char *socket, const struct linux_boot *boot, size_t count)
{
    struct kept_guest g = {.mdev = boot->mdev,
                           .cpu = boot->cpu,
                           .no_snapshot = boot->no_snapshot,
                           .words = boot->words,
                           .word_count = count};
    const char *environment[SETTINGS];
    text_auto values = {0};
    char directory[PATH_MAX];
    folder_auto f;

    if (folder_open(socket, true, &f))
        return 1;
    if (f.fd < 0)
        return 0;
    if (!getcwd(directory, sizeof directory))
        return cli_error(errno, "cannot keep the guest: no working directory: %s",
                         error_text(errno));
    g.directory = directory;
    g.environment = environment;
    g.environment_count = copy_settings(&values, environment);
    return write_guest(&f, boot->name, &g);
}

int kept_guests_set_mdev(const char *socket, const char *name, const char *mdev)
{
    text_auto data = {0};
    struct kept_guest g;
    folder_auto f;
    int status;

    if (folder_open(socket, false, &f))
        return 1;
    if (f.fd < 0 || faccessat(f.fd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    if (read_guest(&f, name, &data, &g))
        return 1;
    g.mdev = mdev;
    status = write_guest(&f, name, &g);
    kept_guest_done(&g);
    return status;
}

bool kept_guests_has(const char *socket, const char *name)
{
    text_auto unused = {0};
    folder_auto f = {.fd = -1};

    return linux_guest_dir(socket, name, &unused) && folder_open(socket, false, &f) == 0 &&
           f.fd >= 0 && faccessat(f.fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int kept_guests_remove(const char *socket, const char *name)
{
    folder_auto f;

    if (folder_open(socket, false, &f))
        return 1;
    if (f.fd < 0 || unlinkat(f.fd, name, 0) == 0)
        return 0;
    return errno == ENOENT ? 0 : fail(&f, "remove", name, errno);
}

static int is_name(const struct dirent *e)
{
    text_auto unused = {0};

    return linux_guest_dir("", e->d_name, &unused);
}

static int list(const struct folder *f, struct dirent ***names)
{
    int count = f->fd < 0 ? 0 : scandirat(f->fd, ".", names, is_name, alphasort);

    return count < 0 ? fail(f, "list", NULL, errno), -1 : count;
}

void kept_guests_names_done(struct dirent **names, int count)
{
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

bool kept_guests_any(const char *state)
{
    struct dirent **names = NULL;
    folder_auto f;
    int count;

    if (folder_of_state(state, false, &f))
        return false;
    count = list(&f, &names);
    kept_guests_names_done(names, count);
    return count > 0;
}

int kept_guests_names(const char *socket, struct dirent ***out)
{
    folder_auto f;

    *out = NULL;
    return folder_open(socket, false, &f) ? -1 : list(&f, out);
}

int kept_guests_read(const char *socket, const char *name, struct text *data,
                     struct kept_guest *out)
{
    folder_auto f;

    return folder_open(socket, false, &f) ? 1 : read_guest(&f, name, data, out);
}
