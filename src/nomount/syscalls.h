/* SPDX-License-Identifier: MIT */
#ifndef APUS_NOMOUNT_SYSCALLS_H
#define APUS_NOMOUNT_SYSCALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The system calls that name files, or concern an open file, as far as a program can tell from them
 * that a file of the machine is none of the kernel's. Pure: numbers and arguments, no memory.
 */
enum nomount_deed {
    NOMOUNT_OPEN,
    NOMOUNT_OPEN_HOW, /* openat2: flags and mode lie in memory */
    NOMOUNT_STAT,
    NOMOUNT_STATX,
    NOMOUNT_STATFS,
    NOMOUNT_ACCESS,
    NOMOUNT_READLINK,
    NOMOUNT_CHDIR,
    NOMOUNT_GETCWD,
    NOMOUNT_WRITE,
    NOMOUNT_WRITE_VECTOR,
    NOMOUNT_SEEK,
    NOMOUNT_READ_AT,
    NOMOUNT_READ_VECTOR, /* the same */
    NOMOUNT_SENDFILE,    /* into at, which is the one that counts, from at2 */
    NOMOUNT_SPLICE,      /* the same, */
    NOMOUNT_COPY,        /* and this */
    NOMOUNT_CHMOD,
    NOMOUNT_CHOWN,
    NOMOUNT_TIMES,    /* accepted, without effect */
    NOMOUNT_TRUNCATE, /* likewise */
    NOMOUNT_CREATE,   /* anything but a file: directories, links, nodes */
    NOMOUNT_REMOVE,
    NOMOUNT_RENAME, /* from path to path2 */
    NOMOUNT_LINK,   /* the same */
    NOMOUNT_WATCH,
    NOMOUNT_XATTR,
    NOMOUNT_XATTR_LIST,
    NOMOUNT_HANDLE, /* name_to_handle_at */
};

/* Which calls of that number the filter reports, by their arguments; of all others the kernel takes
 * care alone. */
enum nomount_when {
    NOMOUNT_ALWAYS,
    NOMOUNT_START,  /* at offset 0 */
    NOMOUNT_REWIND, /* to offset 0, from the end, or a search for data or holes */
};

#define NOMOUNT_DATA_MAX 4096u /* of a write(2), as sysfs takes */

struct nomount_syscall {
    int number;
    enum nomount_deed deed;
    enum nomount_when when;
    /* Numbers of arguments; -1: it has none. */
    int8_t path, at, flags, out, size;
    int8_t path2, at2;
};

/* Those of this architecture, in the order in which a filter should look. */
extern const struct nomount_syscall nomount_syscalls[];
extern const size_t nomount_syscall_count;

/* Those of 32-bit programs of this architecture that could be told what is not so. What they are
 * about is looked at, and refused if it is of the machine. */
extern const struct nomount_syscall nomount_narrow[];
extern const size_t nomount_narrow_count;

/* One call. */
struct nomount_request {
    enum nomount_deed deed;
    bool narrow;          /* of a 32-bit program */
    bool has_path;        /* else at is the descriptor that it is about */
    int at, at2;          /* directories of relative paths; AT_FDCWD */
    uint64_t path, path2; /* addresses; path2 also of a link's target, of an attribute's name, and
                           * of where NOMOUNT_SPLICE is to begin in at2 */
    bool has_path2;
    bool empty;           /* an empty path stands for at itself */
    bool nofollow;        /* a link at the end is meant itself */
    uint64_t resolve;     /* RESOLVE_* of openat2(2) */
    uint64_t flags, mode; /* of open(2); mode also of access(2), chmod(2), mknod(2), statx(2) */
    uint64_t out, size;   /* a buffer of the caller, or data, and its bytes; or an offset */
    uint64_t offset;      /* NOMOUNT_SEEK, NOMOUNT_READ_AT, NOMOUNT_TRUNCATE, writes: */
    bool positioned;      /* a write has one, or NOMOUNT_SPLICE, which finds it at out */
    unsigned whence;      /* NOMOUNT_SEEK */
    uint32_t uid, gid;    /* NOMOUNT_CHOWN; UINT32_MAX: unchanged */
    bool directory;       /* NOMOUNT_CREATE, NOMOUNT_REMOVE: of one */
    uint64_t mark;        /* of the preloaded library, or anything else */
};

/* What the preloaded library has as an argument behind the last one of chdir(2),
 * inotify_add_watch(2) and openat(2); the other one for a watch of what it has opened by the path
 * of /proc. */
#define NOMOUNT_MARK      0x61707573u
#define NOMOUNT_MARK_OPEN 0x61707574u

/* With this, exclusive or its second argument, as sixth argument the filter lets a call of one of
 * these numbers pass; so what is left of it in a register lets no other pass. getcwd(2) with
 * NOMOUNT_MARK as its third argument says on which devices files of the machine are. */
#define NOMOUNT_PASS UINT64_C(0x6170757370617373)
extern const int nomount_passes[]; /* up to -1 */

/*
 * Which tree a process sees is told by the number of the badge that it wears: a hard limit of
 * RLIMIT_RTTIME, of more than a hundred thousand years. Children inherit it, through each fork(2),
 * execve(2) and change of user, whoever becomes their parent, and everybody can read it. Hard
 * limits can only become lower, so higher numbers are lower limits. A process without a badge sees
 * the host's tree. prlimit(2) with NOMOUNT_PASS as its sixth argument puts one on; the filter of
 * run/filter.h forbids other changes of the limit.
 */
#define NOMOUNT_BADGE_FIRST UINT64_C(0x41505553ffffffff)
static inline uint64_t nomount_badge_limit(uint32_t badge)
{
    return NOMOUNT_BADGE_FIRST - badge;
}
static inline bool nomount_is_badge(uint64_t limit)
{
    return limit >> 32 == NOMOUNT_BADGE_FIRST >> 32;
}

struct seccomp_data;

/* What the kernel refuses in any case, whatever the path is; path2: as in the caller's memory, or
 * NULL. 0 or -errno. */
int nomount_check(const struct nomount_request *r, const char *path2);
/* The same of openat2(2). */
struct open_how;
int nomount_check_how(const struct open_how *how);

/* False: it is none of these, or of another architecture. */
bool nomount_decode(const struct seccomp_data *data, struct nomount_request *out);

#endif
