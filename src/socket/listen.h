/* SPDX-License-Identifier: MIT */
#ifndef APUS_SOCKET_LISTEN_H
#define APUS_SOCKET_LISTEN_H

#include "base/text.h"

/*
 * A listening Unix socket at path, mode 0600, non-blocking. A socket that nobody answers at is
 * replaced; anything else at path is left alone. Returns the descriptor, or -ENAMETOOLONG,
 * -EADDRINUSE (another daemon answers), -EEXIST (path is no socket), or what the system says.
 * The sentences advise to choose another place with `option`.
 */
int socket_listen(const char *path, const char *option, struct text *why);

#endif
