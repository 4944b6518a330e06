/* SPDX-License-Identifier: MIT */
#ifndef APUS_IOCTL_CALLER_H
#define APUS_IOCTL_CALLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The memory of a thread that waits in an ioctl on one of our files.
 *
 * Whose memory it is. The number of a thread names it and its memory for as long as it waits
 * (another thread's execve(2) waits for this one to die). Whether it still does, the guard tells:
 * - FUSE: a thread whose request the daemon has read sleeps until the request is answered; not even
 *   SIGKILL takes it out of there. Only whoever aborts the connection wakes all callers at once.
 * - seccomp: nothing but death takes the thread out, and the listener knows.
 * The guard is asked right before memory is touched. For another program to be hit, the caller
 * would have to end, and another thread of it to execve(2), which takes the number over, within the
 * instruction that follows. A caller that must not get its hands on other programs is asked for
 * more carefully: what was read counts if it still waits afterwards, and what is written goes into
 * memory that was opened before the guard was asked.
 *
 * How long it takes. Copying makes pages present in the caller as an access of its own would: that
 * can wait for a disk, for another file system, for a userfaultfd of the caller, or for the daemon
 * itself. Whoever must not wait asks caller_resident first.
 *
 * By which way. process_vm_readv(2) and process_vm_writev(2); where these are forbidden, as in a
 * container without CAP_SYS_PTRACE, by /proc/PID/mem, which needs no capability for programs of the
 * daemon's own user.
 */

/* Whether the caller still waits, as line and id (which are the guard's own) tell. Any thread. */
typedef bool (*caller_guard)(int line, uint64_t id);

struct caller {
    pid_t thread;
    caller_guard waits;
    int line;
    uint64_t id;
    bool careful;
};

/* A piece of the caller's memory, and where its bytes go or come from. */
struct caller_piece {
    uint64_t address;
    size_t len;
    void *here;
};

#define CALLER_PIECES_MAX 8u

/*
 * Up to CALLER_PIECES_MAX pieces. Not atomic: of several pieces the first ones may be written when
 * another one fails. Why memory cannot be reached: -ENODEV the caller does not wait any more;
 * -EFAULT wild pointer; -EACCES the daemon's user may not look at the caller's memory; -ESRCH the
 * caller is no more.
 */
int caller_read(const struct caller *c, const struct caller_piece *pieces, unsigned count);
int caller_write(const struct caller *c, const struct caller_piece *pieces, unsigned count);

/* Whether it is for us to serve as far as users go: it is our own user's, or we are root. */
bool caller_is_ours(pid_t process);

/* 0: the memory of this process can be reached. -EACCES: the system forbids it; -ESRCH. */
int caller_probe(pid_t thread);

/*
 * True if all pages are present and there are not too many, so that copying does not wait. call is
 * a number of the request. Pages that were present less than CALLER_SEEN_NS ago, in the same call,
 * are taken to be present still: the caller sleeps, and memory does not run out so fast. Another
 * thread of the caller can take them away nevertheless: that is why this is for callers who could
 * stop the daemon anyway.
 */
#define CALLER_SEEN_NS   100000000u
#define CALLER_SEEN_SIZE 1024u

struct caller_seen {
    uint64_t call;
    uintptr_t page;
    uint64_t when; /* ns, monotonic */
};

bool caller_resident(struct caller_seen seen[CALLER_SEEN_SIZE], pid_t thread, uint64_t call,
                     const struct caller_piece *pieces, unsigned count);

/* The process of a thread; the thread itself if the system does not tell. */
pid_t caller_process(pid_t thread);

/*
 * 0: the thread has a file with this inode number open. -EOPNOTSUPP: it has not, so thread is a
 * number of another PID namespace than ours. -EACCES: we may not look at it. -EMFILE, -ENFILE,
 * -ENOMEM: we have not got what it takes to look.
 */
int caller_check_file(pid_t thread, uint64_t ino);

#endif
