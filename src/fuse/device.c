/* SPDX-License-Identifier: MIT */
#include "fuse/device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/error.h"
#include "rights/rights.h"

static int refuse_open(int err, struct text *why)
{
    switch (err) {
    case ENOENT:
        text_adds(why, "/dev/fuse is missing; load the module (modprobe fuse), or give the "
                       "container the device (--device /dev/fuse)");
        return -ENODEV;
    case ENODEV:
    case ENXIO:
        text_adds(why, "/dev/fuse has no driver; load the module (modprobe fuse)");
        return -ENODEV;
    case EACCES:
    case EPERM:
        text_adds(why, "no permission to open /dev/fuse; as root, chmod 666 /dev/fuse, or give the "
                       "container the device (--device /dev/fuse)");
        return -EACCES;
    default:
        text_addf(why, "cannot open /dev/fuse: %s", error_text(err));
        return -err;
    }
}

static int refuse_mount(int err, const char *where, struct text *why)
{
    struct rights rights;

    switch (err) {
    case ENODEV:
        text_adds(why, "this kernel has no FUSE file system; load the module (modprobe fuse)");
        return -ENODEV;
    case EPERM:
    case EACCES:
        text_addf(why, "no permission to mount a FUSE file system on %s: ", where);
        rights_look(&rights);
        rights_advise(&rights, RIGHTS_MOUNT, err, why);
        return -EPERM;
    case ENOSPC:
        text_adds(why, "cannot mount a FUSE file system: too many mounts; raise "
                       "/proc/sys/fs/mount-max");
        return -ENOSPC;
    default:
        text_addf(why, "cannot mount a FUSE file system on %s: %s", where, error_text(err));
        return -err;
    }
}

int fuse_device_mount(const char *source, const char *where, struct text *why)
{
    int err, fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    char options[128];

    if (fd < 0)
        return refuse_open(errno, why);
    snprintf(options, sizeof(options),
             "fd=%d,rootmode=40000,user_id=%u,group_id=%u,allow_other,default_permissions", fd,
             (unsigned)geteuid(), (unsigned)getegid());
    if (mount(source, where, "fuse.apus", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) == 0)
        return fd;
    err = errno;
    close(fd);
    return refuse_mount(err, where, why);
}
