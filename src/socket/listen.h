/* SPDX-License-Identifier: MIT */
#ifndef APUS_SOCKET_LISTEN_H
#define APUS_SOCKET_LISTEN_H

#include "base/text.h"

/*
 * Creates a listening, non-blocking Unix socket at path with mode 0600. A socket that nobody
 * listens to is replaced; anything else at path is not touched. Returns the descriptor, or
 * -ENAMETOOLONG, -EADDRINUSE (another daemon answers), -EEXIST (path is not a socket), or another
 * -errno, with the reason in why. `option` is the command-line option that the messages name.
 */
int socket_listen(const char *path, const char *option, struct text *why);

#endif
