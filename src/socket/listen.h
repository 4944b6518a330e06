/* SPDX-License-Identifier: MIT */
#ifndef APUS_SOCKET_LISTEN_H
#define APUS_SOCKET_LISTEN_H

#include <sys/types.h>

#include "base/text.h"

/* A socket of ours in the file system; path NULL: none. */
struct socket_place {
    char *path;
    dev_t device;
    ino_t ino;
};

/*
 * Creates a listening, non-blocking Unix socket at path with mode 0600. One of our own that nobody
 * listens to is replaced; anything else at path is not touched. Returns the descriptor, or
 * -ENAMETOOLONG, -EADDRINUSE (another daemon answers), -EEXIST (path is not a socket), or another
 * -errno, with the reason in why. `option` is the command-line option that the messages name.
 */
int socket_listen(const char *path, const char *option, struct socket_place *out, struct text *why);
/* Removes it, unless somebody has put something else in its place. */
void socket_unlink(struct socket_place *place);

/* What is at path: 0 nothing, -ECONNREFUSED a socket that nobody listens to, -EADDRINUSE one that
 * somebody serves, -EPERM another user's to which nobody listens, -EEXIST no socket, or another
 * -errno. */
int socket_probe(const char *path);

/*
 * Held from the look at a socket that nobody listens to until it has gone or there is another one
 * in its place: whoever had looked before would take that one away. To be closed; -1: it cannot be
 * locked, which is no error.
 */
int socket_lock(const char *path);

#endif
