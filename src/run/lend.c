/* SPDX-License-Identifier: MIT */
#include "run/lend.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rights/keep.h"
#include "rights/rights.h"
#include "socket/fds.h"

bool lend_is_needed(void)
{
    return rights_ptrace_scope() == 1 && !rights_have(CAP_SYS_PTRACE);
}

int lend_begin(int listener, int *own)
{
    int ends[2];

    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    if (fds_send(ends[0], "l", 1, listener) == 1) {
        *own = ends[0];
        return ends[1];
    }
    close(ends[0]);
    close(ends[1]);
    return -EIO;
}

static void answer(int to, pid_t thread)
{
    char path[32];
    int memory;

    snprintf(path, sizeof path, "/proc/%d/mem", (int)thread);
    memory = open(path, O_RDWR | O_CLOEXEC);
    if (memory < 0)
        return;
    fds_send(to, "m", 1, memory);
    close(memory);
}

bool lend_answer(int own)
{
    int32_t thread = 0;
    struct fds fds;
    ssize_t len = fds_receive(own, &thread, sizeof thread, MSG_DONTWAIT, &fds);

    if (len == sizeof thread && fds.count == 1)
        answer(fds.v[0], thread);
    for (unsigned i = 0; len >= 0 && i < fds.count; i++)
        close(fds.v[i]);
    return len > 0 || (len < 0 && (errno == EAGAIN || errno == EINTR));
}
