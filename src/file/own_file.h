/* SPDX-License-Identifier: MIT */
#ifndef APUS_FILE_OWN_FILE_H
#define APUS_FILE_OWN_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/text.h"

/*
 * A file of our own that is open for writing. Opening it checks and locks; nothing of an existing
 * file changes before own_file_secure and own_file_replace, so a start that is refused can let go
 * of it.
 */
struct own_file {
    int fd;       /* close-on-exec; locked with flock(2) */
    bool created; /* it did not exist before */
    int dir;      /* as given; the caller keeps it open */
    char *path;
};

/*
 * Opens path, relative to the directory dir (or AT_FDCWD), for reading and writing, or creates it
 * with mode 0600. Never waits, for a FIFO or for a lock. On failure nothing has changed; why gets a
 * sentence that names the file.
 * -ELOOP: path is a symbolic link. -EINVAL: it is no regular file. -EMLINK: it has another name (a
 * hard link). -EPERM: it belongs to another user. -EBUSY: somebody else has locked it. Otherwise
 * the -errno of open(2).
 */
int own_file_open(int dir, const char *path, struct own_file *out, struct text *why);

/* "cannot write to PATH: what", for what else may be wrong with the file. Returns err. */
int own_file_refuse(const char *path, int err, const char *what, struct text *why);

/* Gives it mode 0600, whatever it was. 0 or -errno with a sentence. */
int own_file_secure(const struct own_file *f, struct text *why);

/*
 * Replaces what is in the file from offset on by len bytes and cuts it there. The space is reserved
 * first: on a full disk the file stays as it is. 0 or -errno with a sentence.
 */
int own_file_replace(const struct own_file *f, off_t offset, const void *data, size_t len,
                     struct text *why);

/* Writes all of it at offset, or returns -errno. */
int own_file_write(int fd, off_t offset, const void *data, size_t len);
/* The same at the descriptor's own offset, and for what has none, such as a pipe. */
int own_file_stream(int fd, const void *data, size_t len);

/*
 * Makes a file of mode 0600 beside, NAME.new, and renames it: others see the file of before or all
 * of the new one. dir is a directory of our own, and it is not on the medium yet. 0 or -errno.
 */
int own_file_put(int dir, const char *name, const void *data, size_t len);

/* Closes the file. own_file_discard also removes it if own_file_open created it, own_file_remove
 * in any case. */
void own_file_close(struct own_file *f);
void own_file_discard(struct own_file *f);
void own_file_remove(struct own_file *f);

#endif
