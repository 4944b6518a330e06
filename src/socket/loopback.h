/* SPDX-License-Identifier: MIT */
#ifndef APUS_SOCKET_LOOPBACK_H
#define APUS_SOCKET_LOOPBACK_H

#include <stdbool.h>

#include "base/text.h"

/* A TCP port that only this computer reaches: PORT, 127.0.0.1:PORT or [::1]:PORT. */
bool socket_loopback_is_valid(const char *text);

/* Listens there, without blocking. The descriptor, or -errno with the reason in why. option is the
 * command-line option that the message names. */
int socket_loopback_listen(const char *text, const char *option, struct text *why);

#endif
