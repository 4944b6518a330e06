/* SPDX-License-Identifier: MIT */
#ifndef APUS_IOCTL_CALLER_H
#define APUS_IOCTL_CALLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Access to the memory of a thread that waits in an ioctl on a device node.
 *
 * Whose memory it is. A thread id identifies the thread and its memory as long as it waits (an
 * execve(2) of another thread waits for this one to die). The guard reports whether it still waits:
 * - FUSE: a thread whose request the daemon has read sleeps until the request is answered; not even
 *   SIGKILL ends that. Only an abort of the connection does, for all callers at once.
 * - seccomp: only death ends the wait, and the listener reports it.
 * The guard is called immediately before an access. To hit another program, the caller would have
 * to end, and another thread of it to execve(2), which takes over the thread id, before the next
 * instruction. For callers that must not reach other programs the access is more careful: data read
 * is used only if the caller still waits afterwards, and data is written to memory that was opened
 * before the guard was called.
 *
 * How long it takes. A copy faults pages in, as an access by the caller would. That may wait for a
 * disk, for another file system, for a userfaultfd of the caller, or for the daemon itself. Code
 * that must not block calls caller_resident first.
 *
 * By which interface. process_vm_readv(2) and process_vm_writev(2). Where these are forbidden, as
 * in a container without CAP_SYS_PTRACE: /proc/PID/mem, which requires no capability for programs
 * of the daemon's own user. Where that is for ancestors alone, one of them opens it (lender.h).
 */

/* Whether the caller still waits. line and id are private to the guard. Called on any thread. */
typedef bool (*caller_guard)(int line, uint64_t id);

struct caller {
    pid_t thread;
    caller_guard waits;
    int line;
    uint64_t id;
    bool careful;
    int home; /* line, as it was when the call came: the lender's (lender.h) */
};

/* A range of the caller's memory, and the buffer to copy to or from. */
struct caller_piece {
    uint64_t address;
    size_t len;
    void *here;
};

#define CALLER_PIECES_MAX 8u

/*
 * Copy up to CALLER_PIECES_MAX pieces. Not atomic: if a piece fails, earlier ones may have been
 * written. -ENODEV: the caller no longer waits; -EFAULT: bad address; -EACCES: the daemon may not
 * access the caller's memory; -ESRCH: the caller has ended.
 */
int caller_read(const struct caller *c, const struct caller_piece *pieces, unsigned count);
int caller_write(const struct caller *c, const struct caller_piece *pieces, unsigned count);

/* For guards: whether the line has none of these events of poll(2), nor an error or a hangup. */
bool caller_line_is_quiet(int line, short events);

/* Whether this user could stop the daemon anyway (it is root, or the daemon's own), so that its
 * programs may hold up the event loop for a moment. */
bool caller_trusted(uid_t uid);

/* Whether it is for us to serve as far as users go: it is our own user's, or we are root. */
bool caller_is_ours(pid_t process);

/* 0: the memory of this process can be reached. -EACCES: the system forbids it; -ESRCH. */
int caller_probe(pid_t thread);

/*
 * True if all pages are present and there are not too many, so that a copy does not block. call is
 * a number that identifies the call. Pages that were present less than CALLER_SEEN_NS ago in the
 * same call are assumed to be present still: the caller sleeps, and memory is not reclaimed that
 * fast. Another thread of the caller could still unmap them, so this is only for callers whose user
 * could stop the daemon anyway.
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

/* The process of a thread; the thread itself if that is not known. */
pid_t caller_process(pid_t thread);

/* The flags of open(2), and O_CLOEXEC, of a descriptor; -1: it is gone. */
int caller_fd_flags(pid_t thread, int fd);
/* Its offset; -1: it is gone. */
int64_t caller_fd_offset(pid_t thread, int fd);

/* Another descriptor of the same open file, which shares its offset. -EACCES: the system forbids
 * it, as in a container without CAP_SYS_PTRACE. */
int caller_take_fd(pid_t thread, int fd);

/*
 * 0: the thread has a file with this inode number open. -EOPNOTSUPP: it has not, so its id must be
 * that of another PID namespace. -EACCES: no permission to look. -EMFILE, -ENFILE, -ENOMEM: the
 * daemon lacks resources.
 */
int caller_check_file(pid_t thread, uint64_t ino);

#endif
