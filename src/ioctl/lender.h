/* SPDX-License-Identifier: MIT */
#ifndef APUS_IOCTL_LENDER_H
#define APUS_IOCTL_LENDER_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Where only a process's ancestors may look at its memory (Yama, kernel.ptrace_scope = 1), the
 * daemon is none of them: `apus run` is, and opens /proc/PID/mem for it. It is asked over a socket:
 *
 *   the daemon sends a thread id (4 bytes, of this computer), and a socket for the answer
 *   the answer is one byte and the open file; without one, the kernel forbids it there, too
 *
 * Whatever the memory does, who opens the file never waits for it.
 */

/* Programs of this line (the number of a listener) are descendants of who has the other end of the
 * socket, which is taken over. */
void lender_set(int line, int socket);
/* The line is no more. */
void lender_drop(int line);
/* Whether there is any: then memory is never reached at once. */
bool lender_exists(void);

/* Whether the caller still waits. */
typedef bool lender_guard(const void *data);

/* A descriptor, readable and writable; -EACCES: nobody gives one; -ENODEV: the caller has gone. It
 * may take as long as the other process is stopped. */
int lender_open(int line, pid_t thread, lender_guard *waits, const void *data);

#endif
