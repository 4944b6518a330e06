/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "notify/internal.h"

#define FDINFO_BYTES 512

/* The number behind a label at the start of a line. */
static bool number_of(const char *text, const char *label, int base, uint64_t *out)
{
    const char *at = strstr(text, label);

    if (!at)
        return false;
    *out = strtoull(at + strlen(label), NULL, base);
    return true;
}

static int failure(int error)
{
    switch (error) {
    case EACCES:
    case EPERM:
        return -EACCES;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return -error;
    default:
        return -ENOENT;
    }
}

int descriptor_look(pid_t thread, int fd, struct descriptor *out)
{
    char path[64], text[FDINFO_BYTES + 1];
    uint64_t flags, mount, ino;
    ssize_t n;
    int file, rc;

    snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", (int)thread, fd);
    file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return failure(errno);
    n = read(file, text, FDINFO_BYTES);
    rc = n < 0 ? failure(errno) : 0;
    close(file);
    if (rc < 0)
        return rc;
    text[n] = '\0';
    if (!number_of(text, "flags:\t", 8, &flags) || !number_of(text, "\nmnt_id:\t", 10, &mount) ||
        !number_of(text, "\nino:\t", 10, &ino))
        return -ENOENT;
    *out = (struct descriptor){mount, ino, flags & O_PATH};
    return 0;
}

void descriptor_path(pid_t thread, int fd, char *out, size_t size)
{
    char path[64];
    ssize_t n;

    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)thread, fd);
    n = readlink(path, out, size - 1);
    out[n < 0 ? 0 : n] = '\0';
}

/* The directory itself belongs to the effective user, also where what is in it is root's. */
int descriptor_user(pid_t thread, uid_t *out)
{
    char path[64];
    struct stat st;

    snprintf(path, sizeof path, "/proc/%d", (int)thread);
    if (stat(path, &st) < 0)
        return -ESRCH;
    *out = st.st_uid;
    return 0;
}
