/* SPDX-License-Identifier: MIT */
#include "run/kind.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "rights/keep.h"
#include "run/layout.h"
#include "run/program.h"

#define SCRIPTS_MAX        5u /* that are each other's interpreter, as in the kernel */
#define HEADERS_MAX        64u
#define LINE_MAX_OF_SCRIPT 256

/* What a command line executes in the end. */
struct kind {
    char path[PATH_MAX];
    char argument[NAME_MAX + 1]; /* the first one, or "" */
    bool privileged, is_static;
};

/* Replaces a script by its interpreter. False: it is none. */
static bool follow(struct kind *k, int fd)
{
    char line[LINE_MAX_OF_SCRIPT] = "", argument[sizeof k->argument] = "";
    ssize_t len = pread(fd, line, sizeof line - 1, 0);

    if (len < 2 || line[0] != '#' || line[1] != '!')
        return false;
    line[strcspn(line, "\n")] = '\0';
    if (sscanf(line + 2, " %255s %255s", k->path, argument) < 1)
        return false;
    snprintf(k->argument, sizeof k->argument, "%s", argument);
    return true;
}

/* A program of this computer's kind that no dynamic linker starts. */
static bool is_static(int fd)
{
    Elf64_Phdr program;
    Elf64_Ehdr header;

    if (pread(fd, &header, sizeof header, 0) != sizeof header ||
        memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
        header.e_phentsize != sizeof program || header.e_phnum > HEADERS_MAX)
        return false;
    for (unsigned i = 0; i < header.e_phnum; i++) {
        off_t at = (off_t)(header.e_phoff + i * sizeof program);

        if (pread(fd, &program, sizeof program, at) != sizeof program ||
            program.p_type == PT_INTERP)
            return false;
    }
    return true;
}

static bool is_privileged(int fd)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return false;
    return (st.st_mode & S_ISUID && st.st_uid != geteuid()) ||
           (st.st_mode & S_ISGID && st.st_mode & S_IXGRP && st.st_gid != getegid()) ||
           fgetxattr(fd, "security.capability", NULL, 0) > 0;
}

/* False: it cannot be looked at. */
static bool look(struct kind *k)
{
    for (unsigned i = 0; i < SCRIPTS_MAX; i++) {
        fd_auto fd = open(k->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

        if (fd < 0)
            return false;
        if (follow(k, fd))
            continue;
        k->is_static = is_static(fd);
        k->privileged = is_privileged(fd);
        return true;
    }
    return false;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static bool is_shell(const struct kind *k)
{
    static const char *const shells[] = {"sh", "ash", "bash", "dash", "hush", "ksh", "mksh", "zsh"};
    const char *name = base_name(k->path);

    if (strncmp(name, "busybox", strlen("busybox")) == 0)
        name = base_name(k->argument);
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (strcmp(name, shells[i]) == 0)
            return true;
    return false;
}

void kind_tell(char **argv)
{
    struct kind k = {0};

    if (!program_find(argv[0], k.path))
        return;
    snprintf(k.argument, sizeof k.argument, "%s", argv[1] ? argv[1] : "");
    if (!look(&k))
        return;
    if (k.privileged && !rights_have(CAP_SYS_ADMIN))
        fprintf(stderr,
                "apus: %s is setuid or has capabilities, and runs without them, since there is no "
                "mount\n",
                k.path);
    if (k.is_static && is_shell(&k))
        fprintf(stderr,
                "apus: %s is a static shell, whose 'cd' cannot get into the machine's directories, "
                "since there is no mount\n",
                k.path);
}
