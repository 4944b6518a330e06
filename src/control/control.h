/* SPDX-License-Identifier: MIT */
#ifndef APUS_CONTROL_CONTROL_H
#define APUS_CONTROL_CONTROL_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/text.h"
#include "core/core.h"

/*
 * The control socket: newline-delimited JSON, one daemon, many clients (docs/control-protocol.md).
 * Runs on the thread that owns the core.
 */
struct control_server;

#define CONTROL_LOG_MESSAGES 1000 /* kept for the command log */
#define CONTROL_EVENTS       1000 /* kept for the command events */
#define CONTROL_CLIENTS_MAX  256

/* What commands need from the daemon around them. The functions return 0 or -errno with a sentence
 * in why. */
struct control_host {
    void *data;
    bool virtual_clock;
    const char *guest_socket;    /* of the guest protocol; NULL: there is none */
    uint64_t (*now)(void *data); /* ns, as in commands to the core */
    /* Serves the tree of a guest on a descriptor of /dev/fuse. fd remains the caller's; whoever
     * needs it longer makes a copy. */
    int (*mount_guest)(void *data, unsigned guest, int fd, struct text *why);
    /* Moves the virtual clock on and fires what becomes due. */
    int (*advance)(void *data, uint64_t ns, struct text *why);
    void (*quit)(void *data);
    /*
     * Whether all that the last command did is visible everywhere. False: not yet, done(argument)
     * is called from the event loop when it is. Replies wait for that.
     */
    bool (*settle)(void *data, void (*done)(void *argument), void *argument);
};

/*
 * Serves on fd, a listening socket that does not block, which the server takes, also on failure;
 * or, with fd -1, listens at path with mode 0600. A socket that nobody answers at is replaced. host
 * stays the caller's and must outlive the server. -ENAMETOOLONG, -EADDRINUSE (another daemon
 * answers), -EEXIST (path is no socket), or what the system says; why gets a sentence with the
 * remedy.
 */
int control_server_new(sd_event *event, struct door *door, const struct control_host *host,
                       const char *path, int fd, struct control_server **out, struct text *why);

/* Closes all connections and removes the socket. */
void control_server_stop(struct control_server *s);

/* The same, and frees the server. NULL is allowed. */
void control_server_free(struct control_server *s);

/*
 * Whether uevents are to be made at all: somebody has subscribed to them, or the machine is small
 * enough to remember them for those who ask later. Writing down the uevents of 65,536 queues takes
 * ten times as long as moving the queues.
 */
#define CONTROL_REMEMBER_QUEUES 4096u
bool control_server_wants_uevents(const struct control_server *s);

/* Messages go into the log, events to those who subscribed. Never executes commands itself. */
void control_server_effects(struct control_server *s, const struct effects *effects);

/* A message of the daemon's own, which is not an effect of a command. */
void control_server_log(struct control_server *s, enum log_level level, const char *message);

#endif
