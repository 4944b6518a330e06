/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <errno.h>
#include <string.h>

const char *error_text(int err)
{
    switch (err) {
    case EMFILE:
        return "Too many open files; raise the limit of the process (ulimit -n)";
    case ENFILE:
        return "Too many open files in system; raise /proc/sys/fs/file-max";
    case ENOMEM:
        return "Cannot allocate memory; free some, or raise the limit of the process (ulimit -v)";
    case EAGAIN:
        return "Resource temporarily unavailable; raise the limits of the user's processes (ulimit "
               "-u, in a container --pids-limit) and of memory (ulimit -v)";
    default:
        return strerror(err);
    }
}
