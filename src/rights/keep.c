/* SPDX-License-Identifier: MIT */
#include "rights/keep.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

bool rights_have(unsigned capability)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct halves[_LINUX_CAPABILITY_U32S_3] = {0};

    return syscall(SYS_capget, &header, halves) == 0 &&
           halves[capability / 32].effective >> capability % 32 & 1;
}

uint64_t rights_for_callers(void)
{
    return rights_have(CAP_SYS_PTRACE) ? RIGHTS_CALLERS : UINT64_MAX;
}

int rights_keep(uint64_t capabilities)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct halves[_LINUX_CAPABILITY_U32S_3] = {0};

    if (syscall(SYS_capget, &header, halves) < 0)
        return -errno;
    for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
        halves[i].permitted &= (uint32_t)(capabilities >> 32 * i);
        halves[i].effective &= halves[i].permitted;
        halves[i].inheritable = 0;
    }
    if (syscall(SYS_capset, &header, halves) < 0)
        return -errno;
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}
