/* SPDX-License-Identifier: MIT */
#ifndef APUS_CONTROL_CONTROL_H
#define APUS_CONTROL_CONTROL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/text.h"
#include "control/error.h"
#include "control/study.h"
#include "core/core.h"

/*
 * The control socket: newline-delimited JSON, one daemon, many clients (docs/control-protocol.md).
 * Runs on the thread that owns the core.
 */
struct control_server;

#define CONTROL_LOG_MESSAGES 1000 /* messages kept for the command log */
#define CONTROL_EVENTS       1000 /* events kept for the command events */
#define CONTROL_CLIENTS_MAX  256

/* What commands need from the daemon. Functions return 0, or -errno with a message in why. */
struct control_ops {
    void *data;
    bool virtual_clock;
    const char *guest_socket;    /* path of the guest socket; NULL: none */
    uint64_t (*now)(void *data); /* ns, as in commands to the core */
    /* Serves the tree of a guest on a descriptor of /dev/fuse. The caller keeps fd and closes it;
     * the function duplicates it. */
    int (*mount_guest)(void *data, unsigned guest, int fd, struct text *why);
    /* Serves programs whose seccomp filter has this listener. fd as for mount_guest. */
    int (*listen)(void *data, int fd, struct text *why);
    /* The badge of programs without a mount that see this tree; -1: programs have mounts. */
    int (*badge)(void *data, unsigned tree, int64_t *out, struct text *why);
    /* Advances the virtual clock and fires the timers that become due. */
    int (*advance)(void *data, uint64_t ns, struct text *why);
    /* Appends the machine file of the present state. */
    void (*export)(void *data, struct text *out);
    /* Has a request answered from a copy of the core, by control_server_finish with the same
     * ticket. request is the caller's. -EAGAIN: too many are under way. */
    int (*study)(void *data, const struct study_request *request, uint64_t ticket,
                 struct text *why);
    /* Nobody waits for that answer any more. */
    void (*abandon)(void *data, uint64_t ticket);
    void (*quit)(void *data);
    /*
     * Whether everything that the last command did is visible everywhere (the kernel's cache of
     * the tree is up to date). False: not yet; done(argument) will be called from the event loop.
     * Replies wait for that.
     */
    bool (*settle)(void *data, void (*done)(void *argument), void *argument);
};

/*
 * Serves on fd, a listening socket that does not block, which the server takes, also on failure;
 * or, with fd -1, listens at path with mode 0600. A socket that nobody answers at is replaced. ops
 * stays the caller's and must outlive the server. -ENAMETOOLONG, -EADDRINUSE (another daemon
 * answers), -EEXIST (path is no socket), or what the system says; why gets a sentence with the
 * remedy.
 */
int control_server_new(sd_event *event, struct door *door, const struct control_ops *ops,
                       const char *path, int fd, struct control_server **out, struct text *why);

/* Closes all connections and removes the socket. */
void control_server_stop(struct control_server *s);

/* The same, and frees the server. NULL is allowed. */
void control_server_free(struct control_server *s);

/*
 * Whether uevents are wanted at all: someone has subscribed to them, or the machine is small enough
 * to keep them for the command events. Formatting the uevents of 65,536 queues takes ten times as
 * long as rebinding the queues.
 */
#define CONTROL_REMEMBER_QUEUES 4096u
bool control_server_wants_uevents(const struct control_server *s);

/* Whether a client wants to hear of changes of the state. */
bool control_server_wants_changes(const struct control_server *s);

/* The number that the next event has, and setting it, before there was one. */
uint64_t control_server_next_event(const struct control_server *s);
void control_server_number_events(struct control_server *s, uint64_t next);

/* Adds messages to the log and sends events to subscribers. Executes no commands. */
void control_server_effects(struct control_server *s, const struct effects *effects);

/* Answers a request that waits for it: takes ownership of value; if that is NULL, error tells why.
 * The client may have gone. */
void control_server_finish(struct control_server *s, uint64_t ticket, json_t *value,
                           const struct control_error *error);

/* Logs a message of the daemon itself, one that is not an effect of a command. */
void control_server_log(struct control_server *s, enum log_level level, const char *message);

#endif
