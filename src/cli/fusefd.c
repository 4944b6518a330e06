/* SPDX-License-Identifier: MIT */
#include "cli/fusefd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/command.h"

static int refuse_open(int err)
{
    switch (err) {
    case ENOENT:
        cli_error("/dev/fuse is missing; load the module (modprobe fuse), or give the container "
                  "the device (--device /dev/fuse)");
        break;
    case ENODEV:
    case ENXIO:
        cli_error("/dev/fuse has no driver; load the module (modprobe fuse)");
        break;
    case EACCES:
    case EPERM:
        cli_error("no permission to open /dev/fuse; as root, chmod 666 /dev/fuse, or give the "
                  "container the device (--device /dev/fuse)");
        break;
    default:
        cli_error("cannot open /dev/fuse: %s", error_text(err));
    }
    return -err;
}

static int refuse_mount(int err, const char *where)
{
    switch (err) {
    case ENODEV:
        cli_error("this kernel has no FUSE file system; load the module (modprobe fuse)");
        break;
    case EPERM:
    case EACCES:
        cli_error("no permission to mount a FUSE file system; run apus as root, or allow mounts "
                  "in the container (--cap-add SYS_ADMIN, and a security profile that lets it)");
        break;
    case ENOSPC:
        cli_error("cannot mount a FUSE file system: there are too many mounts; raise "
                  "/proc/sys/fs/mount-max");
        break;
    default:
        cli_error("cannot mount a FUSE file system on %s: %s", where, error_text(err));
    }
    return -err;
}

int fusefd_mount(const char *where)
{
    char options[128];
    int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return refuse_open(errno);
    /* Attributes are root's, and root's programs as well as others may look (spec 2: modes). */
    snprintf(options, sizeof(options),
             "fd=%d,rootmode=40000,user_id=%u,group_id=%u,allow_other,default_permissions", fd,
             (unsigned)geteuid(), (unsigned)getegid());
    if (mount("apus", where, "fuse.apus", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) < 0) {
        int err = errno;

        close(fd);
        return refuse_mount(err, where);
    }
    return fd;
}
