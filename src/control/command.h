/* SPDX-License-Identifier: MIT */
#ifndef APUS_CONTROL_COMMAND_H
#define APUS_CONTROL_COMMAND_H

#include <jansson.h>
#include <stdint.h>

#include "control/control.h"
#include "control/ring.h"
#include "control/schema.h"

/*
 * The commands of the control protocol. docs/control-protocol.md is checked against this table, so
 * the sentences here are the documentation.
 */

/* What a connection remembers between its requests. */
struct control_peer {
    uint64_t number;       /* names the connection; never used twice */
    unsigned events;       /* bits of enum control_event it has subscribed to */
    int fd;                /* a descriptor it has sent and no command has taken yet; -1: none */
    struct closer *closer; /* takes such descriptors in the end */
};

/* A guest that ends with the connection that started it. */
struct control_owned {
    char *guest;
    uint64_t peer;
};

/* What all connections share. */
struct control_state {
    struct door *door;
    const struct control_host *host;
    const struct control_command *const *commands; /* all that there are, for "commands" */
    struct ring log, events;
    struct control_owned *owned;
    unsigned owned_count;
};

void control_state_init(struct control_state *s, struct door *door,
                        const struct control_host *host);
void control_state_done(struct control_state *s);

/* Stops the guests that peer owned, as when their process had died. */
void control_peer_gone(struct control_state *s, uint64_t peer);

struct control_call {
    struct control_state *state;
    struct control_peer *peer;
    const struct argument_values *arguments;
};

/* The guest ends with the caller's connection; or, it has been stopped and no longer does. */
void control_own_guest(struct control_call *call, const char *guest);
void control_disown_guest(struct control_state *s, const char *guest);

struct control_command {
    const char *name;
    const char *what; /* sentences for the documentation */
    struct argument arguments[CONTROL_ARGUMENTS_MAX + 1];
    const char *returns;
    /* A new reference, or NULL with *error set. Without it the command of the core that has the
     * same name is executed (core/commands.h): the arguments are its fields, and value is the name
     * under which reply.value is returned, or NULL. */
    json_t *(*run)(struct control_call *call, struct control_error *error);
    const char *value;
};

json_t *control_command_run(const struct control_command *command, struct control_call *call,
                            struct control_error *error);

/* Groups of commands, each ending with a NULL name; control_commands ends with NULL. */
extern const struct control_command control_commands_session[], control_commands_view[],
    control_commands_machine[], control_commands_fault[], control_commands_guest[];
extern const struct control_command *const control_commands[];

const struct control_command *control_command_find(const char *name);

/*
 * Runs a command of the core for a request. 0, or a negative errno with *error set to the core's
 * sentence. value, if not NULL, gets reply.value.
 */
int control_execute(struct control_call *call, struct command *command, int64_t *value,
                    struct control_error *error);

#endif
