/* SPDX-License-Identifier: MIT */
#include "run/namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "run/error.h"
#include "run/layout.h"

static int write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t n;
    int err;

    if (fd < 0)
        return -errno;
    n = write(fd, text, strlen(text));
    err = n < 0 ? -errno : 0;
    close(fd);
    return err;
}

/* r: from before the user namespace, in which we have all rights and are nobody. */
static int refuse_user(const struct rights *r, enum rights_deed deed, int err)
{
    text_auto remedy = {0};

    switch (err) {
    case EPERM:
    case EACCES:
        rights_advise(r, deed, err, &remedy);
        break;
    case ENOSPC:
    case EUSERS:
        text_adds(&remedy, "the limit is reached; raise /proc/sys/user/max_user_namespaces or run "
                           "apus as root");
        break;
    case EINVAL:
    case ENOSYS:
        text_adds(&remedy, "this kernel does not support them; run apus as root");
        break;
    default:
        text_adds(&remedy, error_text(err));
    }
    run_error(err, "cannot create a user namespace: %s", remedy.data);
    return -err;
}

static int enter_user(int flags)
{
    unsigned uid = geteuid(), gid = getegid();
    struct rights rights;
    char map[32];
    int ret;

    rights_look(&rights);
    if (unshare(flags | CLONE_NEWUSER) < 0)
        return refuse_user(&rights, RIGHTS_USER_NAMESPACE, errno);
    /* Kernels before 3.19 have no such file and do not require the denial. */
    ret = write_file("/proc/self/setgroups", "deny");
    if (ret == 0 || ret == -ENOENT) {
        snprintf(map, sizeof(map), "0 %u 1\n", uid);
        ret = write_file("/proc/self/uid_map", map);
    }
    if (ret == 0) {
        snprintf(map, sizeof(map), "0 %u 1\n", gid);
        ret = write_file("/proc/self/gid_map", map);
    }
    return ret < 0 ? refuse_user(&rights, RIGHTS_MAP_ROOT, -ret) : 0;
}

/* Sets the loopback device up, as programs expect. The machine also works without, so errors are
 * ignored. */
static void raise_loopback(void)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return;
    ioctl(fd, SIOCSIFFLAGS, &request);
    close(fd);
}

static int refuse_private(int err)
{
    text_auto remedy = {0};

    if (err == EACCES || err == EPERM)
        run_advice(RIGHTS_MOUNT, err, &remedy);
    else if (err == EINVAL)
        text_adds(&remedy,
                  "the root directory is not a mount point, as in a plain chroot: bind it to "
                  "itself (mount --bind DIR DIR) before chroot DIR");
    else
        text_adds(&remedy, error_text(err));
    run_error(err, "cannot make the mount namespace private: %s", remedy.data);
    return -err;
}

int namespace_enter(bool network)
{
    int flags = CLONE_NEWNS | (network ? CLONE_NEWNET : 0);
    int ret;

    if (unshare(flags) < 0) {
        if (errno != EPERM) {
            ret = -errno;
            run_error(-ret, "cannot create a mount namespace: %s", error_text(-ret));
            return ret;
        }
        ret = enter_user(flags);
        if (ret < 0)
            return ret;
    }
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return refuse_private(errno);
    if (network)
        raise_loopback();
    return 0;
}

static bool is_forbidden(int err)
{
    return err == EPERM || err == EACCES || err == ENOSYS;
}

/* Filters that are older than these calls forbid them. What else they lack is said when they are
 * needed. */
static bool may_move_mounts(void)
{
    int fd = layout_clone_alone(AT_FDCWD, "/sys");

    if (fd < 0)
        return !is_forbidden(errno);
    close(fd);
    return move_mount(-1, "", -1, "", MOVE_MOUNT_F_EMPTY_PATH) == 0 || !is_forbidden(errno);
}

bool namespace_is_possible(void)
{
    int status = -1, null;
    pid_t child = fork();

    if (child == 0) {
        null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(null, STDERR_FILENO);
        _exit(namespace_enter(false) == 0 && may_move_mounts() ? 0 : 1);
    }
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

bool namespace_is_initial(void)
{
    char map[64] = "";
    int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
    unsigned inside, outside, count;

    if (fd < 0)
        return true;
    if (read(fd, map, sizeof(map) - 1) < 0)
        map[0] = '\0';
    close(fd);
    return sscanf(map, "%u %u %u", &inside, &outside, &count) == 3 && count == UINT32_MAX;
}
