/* SPDX-License-Identifier: MIT */
#ifndef APUS_LINUX_GUEST_SESSION_H
#define APUS_LINUX_GUEST_SESSION_H

#include "agent.h"

/* Serves one request, "exec ID INPUT COMMAND", until its client has left. What is no such request
 * is ignored. */
void session_serve(struct agent *a, const char *request);

#endif
