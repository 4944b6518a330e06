/* SPDX-License-Identifier: MIT */
#ifndef APUS_RUN_LAYOUT_H
#define APUS_RUN_LAYOUT_H

#include <dirent.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

/* Building blocks for composing directories. Names are relative to an open directory. */

#define TMPFS_FLAGS (MS_NOSUID | MS_NOEXEC)

static inline void layout_close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

#define fd_auto __attribute__((cleanup(layout_close_fd))) int

static inline void layout_close_dir(DIR **d)
{
    if (*d)
        closedir(*d);
}

#define dir_auto __attribute__((cleanup(layout_close_dir))) DIR

/* Prints "cannot DOING PATH", the reason and a remedy to standard error. Returns -err. */
int layout_refuse(int err, const char *doing, const char *path);

int layout_open_dir(int at, const char *name);
DIR *layout_list_dir(int at);

/* The next entry that is neither "." nor "..", or NULL. */
const char *layout_next_name(DIR *d);

/*
 * Calls visit with each entry of the directory real, whose path is given; device: the number of its
 * file system. Ends with the first result that is not 0, or with -errno after a message.
 */
typedef int layout_visit(void *data, const char *path, const char *name, dev_t device);
int layout_each(int real, const char *path, layout_visit *visit, void *data);

/* A detached bind mount of name, including the mounts below it. A descriptor, or -1 with errno. */
int layout_clone(int at, const char *name);
/* The same without the mounts below, if the kernel allows that: not for an unprivileged user. */
int layout_clone_alone(int at, const char *name);
/* As layout_clone, but read-only; before Linux 5.12 it is writable. */
int layout_clone_read_only(int at, const char *name);

/* Mounts a clone at name. This and the following functions return 0 or -errno. */
int layout_attach(int clone, int new, const char *name);
/* The same, and first creates an entry of the kind of mode to mount on. */
int layout_place(int clone, int new, const char *name, mode_t mode);
/* Bind-mounts from_name in the directory from at name in the directory new. */
int layout_bind(int from, const char *from_name, int new, const char *name);
/* The same, and nothing can be changed through it. mode: what kind of entry it is. */
int layout_bind_read_only(int from, int new, const char *name, mode_t mode);
int layout_copy_link(int real, int new, const char *name);
int layout_copy_link_as(int real, const char *real_name, int new, const char *name);
/* Gives name in new the owner, mode and extended attributes of name in real. An owner that does not
 * exist in a user namespace becomes root. */
int layout_copy_owner(int real, int new, const char *name, const struct stat *st);
/* Creates an empty file or directory to mount on. */
int layout_make_target(int new, const char *name, mode_t mode);
/* Creates the directories that lead to the last component of path, which is relative to new. */
int layout_make_parents(int new, const char *path);
/*
 * Takes what is mounted on path, below a mount of ours, out of the mount namespace, so that it does
 * not show when ours is unmounted; ours waits on the directory spare meanwhile. In a user namespace
 * the kernel keeps what has come from outside in its place.
 */
int layout_drop(const char *path, const char *spare);

#endif
