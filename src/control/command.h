/* SPDX-License-Identifier: MIT */
#ifndef APUS_CONTROL_COMMAND_H
#define APUS_CONTROL_COMMAND_H

#include <jansson.h>
#include <stdint.h>

#include "control/condition.h"
#include "control/control.h"
#include "control/result.h"
#include "control/ring.h"
#include "control/schema.h"

/*
 * The commands of the control protocol. docs/control-protocol.md contains the texts of this table;
 * a test compares the two.
 */

/* The state of a connection. */
struct control_peer {
    uint64_t number; /* identifies the connection; never reused */
    unsigned events; /* subscriptions, bits of enum control_event */
    bool backlog;    /* events kept from since on are to be sent */
    uint64_t since;
    struct condition condition; /* text NULL: the peer does not wait */
    int fd;                     /* descriptor received and not used by a command yet; -1: none */
    struct closer *closer;      /* closes such descriptors */
};

/* A guest that ends with the connection that started it. */
struct control_owned {
    char *guest;
    uint32_t number;
    uint64_t peer;
};

/* State shared by all connections. */
struct control_state {
    struct door *door;
    const struct control_ops *ops;
    const struct control_command *const *commands; /* control_commands, for "commands" */
    struct ring log, events;
    bool uevents_kept; /* from now on, however large the machine is */
    struct control_owned *owned;
    unsigned owned_count;
};

void control_state_init(struct control_state *s, struct door *door, const struct control_ops *ops);
void control_state_done(struct control_state *s);

/* Stops the guests that peer owned. */
void control_peer_gone(struct control_state *s, uint64_t peer);

struct control_call {
    struct control_state *state;
    struct control_peer *peer;
    const struct argument_values *arguments;
    bool late; /* run has returned NULL without an error: control_server_finish will answer */
};

/* From now on the guest is stopped when the connection closes. */
void control_own_guest(struct control_call *call, const char *guest, uint32_t number);
/* It has stopped, for whatever reason. */
void control_disown_guest(struct control_state *s, uint32_t number);

struct control_command {
    const char *name;
    const char *what; /* description, for the documentation */
    struct argument arguments[CONTROL_ARGUMENTS_MAX + 1];
    const struct result *returns; /* ends with a NULL name; NULL: nothing */
    /* Returns a new reference, or NULL with *error set. If run is NULL, the core's command of the
     * same name is executed (core/commands.h): the arguments are its fields, and nothing is
     * returned. */
    json_t *(*run)(struct control_call *call, struct control_error *error);
};

json_t *control_command_run(const struct control_command *command, struct control_call *call,
                            struct control_error *error);

/* Groups of commands, each terminated by a NULL name; control_commands is terminated by NULL. */
extern const struct control_command control_commands_session[], control_commands_view[],
    control_commands_tree[], control_commands_study[], control_commands_machine[],
    control_commands_fault[], control_commands_guest[], control_commands_metrics[];
extern const struct control_command *const control_commands[];

const struct control_command *control_command_find(const char *name);

/*
 * Executes a command of the core for a request. 0, or -errno with *error set to the core's message.
 * If value is not NULL, it gets reply.value.
 */
int control_execute(struct control_call *call, struct command *command, int64_t *value,
                    struct control_error *error);

#endif
