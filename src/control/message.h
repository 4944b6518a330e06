/* SPDX-License-Identifier: MIT */
#ifndef APUS_CONTROL_MESSAGE_H
#define APUS_CONTROL_MESSAGE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "control/command.h"
#include "control/error.h"
#include "control/schema.h"

/*
 * Parses and formats the lines of the control protocol (docs/control-protocol.md). Pure:
 * independent of sockets and of the core.
 */
#define CONTROL_PROTOCOL  2
#define CONTROL_DEPTH_MAX 16 /* of nested arrays and objects in a request */

/* A valid request. arguments points into root. */
struct control_request {
    json_t *root;
    const json_t *id; /* NULL: none */
    const struct control_command *command;
    struct argument_values arguments;
};

/*
 * Parses a line. 0, or -EINVAL with *error set. In both cases out->id is set if it could be parsed,
 * for the reply, and control_request_done must be called.
 */
int control_request_parse(const char *line, size_t len, struct control_request *out,
                          struct control_error *error);
void control_request_done(struct control_request *r);

/* When an event was, and its number; 0: it has none. */
struct event_stamp {
    uint64_t time; /* ns, the core's clock */
    struct timespec date;
    uint64_t number;
};

/* Append a message to a peer, a line with newline. */
void control_format_greeting(const char *abi, struct text *out);
void control_format_return(json_t *value, const json_t *id, struct text *out); /* owns value */
void control_format_error(const struct control_error *error, const json_t *id, struct text *out);
/* Takes ownership of data. */
void control_format_event(const char *name, json_t *data, const struct event_stamp *stamp,
                          struct text *out);

#endif
