/* SPDX-License-Identifier: MIT */
#ifndef APUS_RUN_LAYOUT_H
#define APUS_RUN_LAYOUT_H

#include <dirent.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

/* Steps from which a directory is laid out anew. Names are relative to an open directory. */

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

/* "cannot `doing` `path`", why, and what to do, on standard error. Returns -err. */
int layout_refuse(int err, const char *doing, const char *path);

int layout_open_dir(int at, const char *name);
DIR *layout_list_dir(int at);

/* The next entry that is neither "." nor "..", or NULL. */
const char *layout_next_name(DIR *d);

/* A copy of what is at name, with everything mounted below it, yet without a place. Descriptor or
 * -1. */
int layout_clone(int at, const char *name);
/* The same without what is mounted below, where the kernel allows that: not for an unprivileged
 * user.
 */
int layout_clone_alone(int at, const char *name);
/* As layout_clone, and nothing can be changed through it; Linux before 5.12 lets that pass. */
int layout_clone_read_only(int at, const char *name);

/* Gives a clone its place. The rest return 0 or -errno, too. */
int layout_attach(int clone, int new, const char *name);
/* Lets name in the directory new show what from_name in from is. */
int layout_bind(int from, const char *from_name, int new, const char *name);
int layout_copy_link(int real, int new, const char *name);
/* An empty file or directory to bind something onto. */
int layout_make_target(int new, const char *name, mode_t mode);
/* Creates the directories that lead to the last component of path, which is relative to new. */
int layout_make_parents(int new, const char *path);

#endif
