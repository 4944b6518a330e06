/* SPDX-License-Identifier: MIT */
/*
 * Runs a program under a seccomp filter that lets everything pass: what the kernel takes for any
 * filter at all.
 *
 *   bench_filter PROGRAM ARGUMENT...
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "bench.h"

int main(int argc, char **argv)
{
    struct sock_filter pass = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    const struct sock_fprog filter = {1, &pass};

    if (argc < 2)
        bench_fail("usage: bench_filter PROGRAM ARGUMENT...");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
        bench_fail("a filter cannot be set: %s", strerror(errno));
    execvp(argv[1], argv + 1);
    bench_fail("%s: %s", argv[1], strerror(errno));
}
