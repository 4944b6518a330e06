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
    NOMOUNT_SPLICE, /* from one descriptor to another, which is the one that counts */
    NOMOUNT_CHMOD,
    NOMOUNT_CHOWN,
    NOMOUNT_TOUCH,  /* times, truncation: accepted, without effect */
    NOMOUNT_CREATE, /* anything but a file: directories, links, nodes */
    NOMOUNT_REMOVE,
    NOMOUNT_RENAME, /* from path to path2 */
    NOMOUNT_LINK,   /* the same */
    NOMOUNT_WATCH,
    NOMOUNT_XATTR,
    NOMOUNT_XATTR_LIST,
};

/* Which calls of that number the filter reports, by their arguments; of all others the kernel takes
 * care alone. */
enum nomount_when {
    NOMOUNT_ALWAYS,
    NOMOUNT_START,  /* at offset 0 */
    NOMOUNT_REWIND, /* to offset 0, or a search for data or holes */
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

/* One call. */
struct nomount_request {
    enum nomount_deed deed;
    bool has_path;        /* else at is the descriptor that it is about */
    int at, at2;          /* directories of relative paths; AT_FDCWD */
    uint64_t path, path2; /* addresses; path2 of NOMOUNT_RENAME and NOMOUNT_LINK */
    bool empty;           /* an empty path stands for at itself */
    bool nofollow;        /* a link at the end is meant itself */
    bool confined;        /* openat2(2): the path must not leave where it starts */
    uint64_t flags, mode; /* of open(2); mode also of access(2) and chmod(2) */
    uint64_t out, size;   /* a buffer of the caller, or data, and its bytes */
    uint64_t offset;      /* NOMOUNT_SEEK, NOMOUNT_READ_AT */
    unsigned whence;      /* NOMOUNT_SEEK */
    uint32_t uid, gid;    /* NOMOUNT_CHOWN; UINT32_MAX: unchanged */
    bool directory;       /* NOMOUNT_REMOVE: of a directory */
    bool marked;          /* NOMOUNT_CHDIR: by the preloaded library */
};

/* The second argument of chdir(2), which has none, where the preloaded library calls it. */
#define NOMOUNT_MARK 0x61707573u

struct seccomp_data;

/* False: it is none of these, or of another architecture. */
bool nomount_decode(const struct seccomp_data *data, struct nomount_request *out);

#endif
