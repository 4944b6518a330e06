/* SPDX-License-Identifier: MIT */
#include "run/enter.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "run/error.h"

static const struct kind {
    const char *name;
    int flag;
} kinds[] = {{"user", CLONE_NEWUSER}, {"mnt", CLONE_NEWNS}, {"net", CLONE_NEWNET}, {NULL, 0}};

/* Whether both processes are in the same namespace; one that cannot be looked at is another. */
static bool is_same(pid_t daemon, const char *kind)
{
    struct stat own, other;
    char path[64];

    snprintf(path, sizeof path, "/proc/self/ns/%s", kind);
    if (stat(path, &own) < 0)
        return false;
    snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)daemon, kind);
    return stat(path, &other) == 0 && own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

static int refuse(int err)
{
    if (err == EPERM || err == EACCES)
        run_error(err,
                  "no permission to enter the machine; it belongs to another user, or this process "
                  "is confined");
    else if (err == ESRCH)
        run_error(err, "the machine has ended");
    else
        run_error(err, "cannot enter the machine: %s", error_text(err));
    return -err;
}

int enter_prepare(pid_t daemon, struct enter *out)
{
    struct enter e = {.root = -1};
    char path[64];

    e.process = pidfd_open(daemon, 0);
    if (e.process < 0)
        return refuse(daemon ? errno : ESRCH);
    for (const struct kind *k = kinds; k->name; k++)
        e.flags |= is_same(daemon, k->name) ? 0 : k->flag;
    snprintf(path, sizeof path, "/proc/%d/root", (int)daemon);
    if (e.flags && (e.root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0) {
        int err = errno;

        enter_done(&e);
        return refuse(err == ENOENT ? ESRCH : err);
    }
    *out = e;
    return 0;
}

int enter_machine(const struct enter *e)
{
    char cwd[PATH_MAX];
    bool has_cwd = getcwd(cwd, sizeof cwd) != NULL;

    if (!e->flags)
        return 0;
    if (setns(e->process, e->flags) < 0)
        return refuse(errno);
    /* Root outside is nobody in a user's namespace before that. */
    if (e->flags & CLONE_NEWUSER && (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0))
        return refuse(errno);
    if (fchdir(e->root) < 0 || chroot(".") < 0)
        return refuse(errno);
    if ((!has_cwd || chdir(cwd) < 0) && chdir("/") < 0)
        return refuse(errno);
    return 0;
}

void enter_done(struct enter *e)
{
    if (e->process >= 0)
        close(e->process);
    if (e->root >= 0)
        close(e->root);
    *e = (struct enter){-1, -1, 0};
}
