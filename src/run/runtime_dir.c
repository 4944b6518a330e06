/* SPDX-License-Identifier: MIT */
/* The directory of all machines: where it is, which names and locks are in it, and what is swept.
 */
#include "run/runtime_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "run/error.h"
#include "run/layout.h"
#include "run/members.h"

/* Leaves room for "/1234567890.99/control" after the base. */
#define BASE_MAX (RUNTIME_PATH_MAX - 24)

#define SHADOW_TRIES 50  /* RUNTIME_STEP_MS each */
#define ORPHAN_MS    300 /* that programs have to end when their machine has gone already */

/* base/name, dir/name. A foreign file may have a longer name: "" is none of ours. */
void runtime_join(char out[RUNTIME_PATH_MAX], const char *dir, const char *name)
{
    if (snprintf(out, RUNTIME_PATH_MAX, "%s/%s", dir, name) >= RUNTIME_PATH_MAX)
        *out = '\0';
}

static void default_base(char out[RUNTIME_PATH_MAX])
{
    const char *xdg = getenv("XDG_RUNTIME_DIR");

    if (geteuid() == 0 && access("/run", W_OK) == 0)
        snprintf(out, RUNTIME_PATH_MAX, "/run/apus");
    else if (xdg && *xdg)
        snprintf(out, RUNTIME_PATH_MAX, "%s/apus", xdg);
    else
        snprintf(out, RUNTIME_PATH_MAX, "/tmp/apus-%u", (unsigned)getuid());
}

int runtime_base(char out[RUNTIME_PATH_MAX])
{
    const char *own = getenv("APUS_RUNTIME_DIR");

    if (own && *own)
        snprintf(out, RUNTIME_PATH_MAX, "%s", own);
    else
        default_base(out);
    if (strlen(out) < BASE_MAX)
        return 0;
    run_error(ENAMETOOLONG,
              "the path of the runtime directory is too long for a socket; set APUS_RUNTIME_DIR to "
              "one of fewer than %d bytes",
              BASE_MAX);
    return -ENAMETOOLONG;
}

bool runtime_is_named(const char *name)
{
    return !(*name >= '0' && *name <= '9');
}

bool runtime_name_is_valid(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t len = strlen(name);

    return len && len < RUNTIME_NAME_MAX && strchr(letters, *name) && strcmp(name, "lock") != 0 &&
           strspn(name + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
               len - 1;
}

/* Its programs go with it, since nothing else is left of it; those of an `apus run` are their
 * user's. */
static void end_programs(const char *dir)
{
    struct run_info info;

    if (runtime_is_named(strrchr(dir, '/') + 1) && run_info_read(dir, &info) == 0)
        members_end(info.source, 0, ORPHAN_MS);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    remove(path);
    return 0;
}

/* A daemon that dies, or somebody else who removes it, may still be changing it; for a while. */
static void remove_tree(const char *path)
{
    struct stat st;

    for (int i = 0; i < SHADOW_TRIES && lstat(path, &st) == 0; i++) {
        if (i)
            runtime_nap();
        nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
}

static void remove_shadow(const char *dir)
{
    char path[RUNTIME_PATH_MAX], target[RUNTIME_PATH_MAX] = "";

    runtime_join(path, dir, "shadow");
    if (readlink(path, target, sizeof target - 1) > 0 &&
        strncmp(target, RUNTIME_MEMORY, strlen(RUNTIME_MEMORY)) == 0)
        remove_tree(target);
    remove_tree(path);
}

/* What a machine's directory has beside shadow and control.linux (cli/linux.h). The lock goes last,
 * as it shows whose the directory is. */
static const struct {
    const char *name;
    mode_t type;
} files[] = {{"control", S_IFSOCK}, {"control.guest", S_IFSOCK}, {"metrics", S_IFSOCK},
             {RUN_INFO, S_IFREG},   {RUN_INFO_NEW, S_IFREG},     {"lock", S_IFREG}};
#define FILES (sizeof files / sizeof files[0])

void runtime_remove_dir(const char *dir, runtime_ending_fn *ending)
{
    char path[RUNTIME_PATH_MAX];

    end_programs(dir);
    runtime_join(path, dir, "control");
    ending(path);
    remove_shadow(dir);
    for (size_t i = 0; i < FILES; i++) {
        runtime_join(path, dir, files[i].name);
        unlink(path);
    }
    rmdir(dir);
}

/* A lock is an empty file: it is not waited for what somebody else may have put there. */
bool runtime_is_locked(const char *lock)
{
    fd_auto fd = open(lock, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    struct stat st;

    return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
           flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

bool runtime_is_alive(const char *base, const char *name)
{
    char dir[RUNTIME_PATH_MAX], path[RUNTIME_PATH_MAX];

    runtime_join(dir, base, name);
    runtime_join(path, dir, "lock");
    return runtime_is_locked(path);
}

static bool is_member(int dir, const char *name)
{
    struct stat st;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT;
    if (strcmp(name, "shadow") == 0 || strcmp(name, "control.linux") == 0)
        return S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode);
    for (size_t i = 0; i < FILES; i++)
        if (strcmp(name, files[i].name) == 0)
            return (st.st_mode & S_IFMT) == files[i].type;
    return false;
}

/* Whether there is a lock as we make it. */
static bool has_lock(int dir)
{
    struct stat st;

    return fstatat(dir, "lock", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
           st.st_size == 0 && !(st.st_mode & 077);
}

/* Whether a machine has left it: other directories may be beside them, and nothing of theirs is
 * touched. One without a lock has just been made, and has nothing else, or is nearly removed. */
static bool is_ours(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    dir_auto *d = fd < 0 ? NULL : fdopendir(fd);
    bool ours, empty = true;
    const char *name;
    struct stat st;

    if (!d) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    ours = fstat(fd, &st) == 0 && st.st_uid == geteuid() && !(st.st_mode & 077);
    while (ours && (name = layout_next_name(d))) {
        ours = is_member(fd, name);
        empty = false;
    }
    return ours && (has_lock(fd) || (empty && !runtime_is_named(strrchr(path, '/') + 1)));
}

const char *runtime_next_name(DIR *d)
{
    const char *name;

    while ((name = layout_next_name(d))) {
        if (runtime_is_named(name) ? runtime_name_is_valid(name) : strlen(name) < 15)
            return name;
    }
    return NULL;
}

void runtime_sweep_base(const char *base, runtime_ending_fn *ending)
{
    dir_auto *d = opendir(base);
    const char *name;

    while (d && (name = runtime_next_name(d))) {
        char path[RUNTIME_PATH_MAX];

        runtime_join(path, base, name);
        if (!runtime_is_alive(base, name) && is_ours(path))
            runtime_remove_dir(path, ending);
    }
}

/* In /tmp somebody else may have made it. */
static bool base_is_ours(const char *base)
{
    struct stat st;

    return lstat(base, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
           !(st.st_mode & 077);
}

int runtime_check_base(const char *base)
{
    if (base_is_ours(base))
        return 0;
    if (access(base, F_OK) < 0 && errno == ENOENT)
        return -ENOENT;
    run_error(EPERM,
              "the runtime directory %s is not a directory of yours with mode 0700; remove it "
              "or set APUS_RUNTIME_DIR to another",
              base);
    return -EPERM;
}

int runtime_make_base(const char *base)
{
    if (mkdir(base, 0700) < 0 && errno != EEXIST) {
        int err = errno;

        run_error(err,
                  "cannot create the runtime directory %s: %s; set APUS_RUNTIME_DIR to a "
                  "writable directory",
                  base, error_text(err));
        return -err;
    }
    return runtime_check_base(base);
}

int runtime_lock_base(const char *base)
{
    char path[RUNTIME_PATH_MAX + 8];
    int fd;

    snprintf(path, sizeof(path), "%s/lock", base);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX) < 0)
        return -errno;
    return fd;
}

void runtime_sweep(runtime_ending_fn *ending)
{
    char base[RUNTIME_PATH_MAX];
    int lock;

    if (runtime_base(base) < 0 || !base_is_ours(base))
        return;
    lock = runtime_lock_base(base);
    if (lock < 0)
        return;
    runtime_sweep_base(base, ending);
    close(lock);
}
