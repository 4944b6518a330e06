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
 * The lines of the control protocol (docs/control-protocol.md), bytes to values and back. Pure:
 * nothing here knows of sockets or of the core.
 */
#define CONTROL_PROTOCOL  1
#define CONTROL_DEPTH_MAX 16 /* of nested arrays and objects in a request */

/* A request that passed every check. What arguments point to belongs to root. */
struct control_request {
    json_t *root;
    const json_t *id; /* NULL if the peer gave none */
    const struct control_command *command;
    struct argument_values arguments;
};

/*
 * Reads one line. 0, or -EINVAL with *error set; out->id is set in both cases if it could be read,
 * so that an error can name it. control_request_done is to be called in both cases.
 */
int control_request_parse(const char *line, size_t len, struct control_request *out,
                          struct control_error *error);
void control_request_done(struct control_request *r);

/* The messages to a peer, each one line with its newline, appended to out. */
void control_format_greeting(const char *abi, struct text *out);
void control_format_return(json_t *value, const json_t *id, struct text *out); /* takes value */
void control_format_error(const struct control_error *error, const json_t *id, struct text *out);
void control_format_event(const char *name, json_t *data, uint64_t time,
                          struct text *out); /* takes data */

#endif
