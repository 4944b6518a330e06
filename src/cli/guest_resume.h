/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_GUEST_RESUME_H
#define APUS_CLI_GUEST_RESUME_H

/*
 * Starts all kept guests (kept_guests.h) that do not run, in the order of their names, and waits
 * until each has its CPUs and its device, not until it has booted. A mediated device that is not
 * there any more is left out, with a message. socket is the machine's control socket. Calls each
 * with the names of those that run then. Returns 0, or 1 if one could not be started, after an
 * error message for each. Changes the working directory and the environment of this process.
 */
int guest_resume(const char *socket, void (*each)(void *data, const char *name), void *data);

#endif
