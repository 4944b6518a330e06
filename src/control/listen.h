/* SPDX-License-Identifier: MIT */
#ifndef APUS_CONTROL_LISTEN_H
#define APUS_CONTROL_LISTEN_H

#include "base/text.h"

/*
 * A listening Unix socket at path, mode 0600, non-blocking. A socket that nobody answers at is
 * replaced; anything else at path is left alone. Returns the descriptor, or as control_server_new.
 * The sentences advise to choose another place with `option`.
 */
int control_listen(const char *path, const char *option, struct text *why);

#endif
