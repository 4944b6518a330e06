/* SPDX-License-Identifier: MIT */
#ifndef APUS_DAEMON_SERVICE_H
#define APUS_DAEMON_SERVICE_H

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "base/text.h"

/*
 * What a service manager passes to a daemon and is told by it: systemd, or whoever else speaks its
 * protocols (sd_listen_fds(3), sd_notify(3)). All of it is in the environment; without that,
 * nothing happens here.
 */
struct service_sockets {
    int control, guest; /* listening Unix sockets, the caller's; -1: not passed */
};

/*
 * Takes the sockets that were passed. The one with the name "guest" (FileDescriptorName=) is for
 * real guests, the other one for control. 0; -EINVAL or -EEXIST with a sentence: something else was
 * passed, or one of them twice.
 */
int service_sockets(struct service_sockets *out, struct text *why);

/* The event loop reports to the watchdog, if there is one. Negative with a sentence: what is said
 * of it makes no sense. */
int service_watchdog(sd_event *event, struct text *why);

/* is_main: in place of the process that the service manager has started. */
void service_ready(bool is_main);
void service_stopping(void);

/* Whether standard error goes to the journal, which wants a level ("<4>") before each line. */
bool service_has_journal(void);

#endif
