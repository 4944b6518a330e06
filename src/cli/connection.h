/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_CONNECTION_H
#define APUS_CLI_CONNECTION_H

#include <jansson.h>

/* A client of a daemon's control socket (docs/control-protocol.md). Calls block. */
struct connection;

/*
 * Connects to the socket at path and reads the greeting. 0, or a negative errno after a sentence on
 * standard error.
 */
int connection_open(const char *path, struct connection **out);

/* NULL is allowed. */
void connection_close(struct connection *c);

/* A descriptor of the socket at path, or -errno, and no message. */
int connection_socket(const char *path);

#define connection_auto __attribute__((cleanup(connection_cleanup))) struct connection
void connection_cleanup(struct connection **c);

/*
 * Executes a command and waits for its answer. arguments, which is taken, may be NULL; fd, which is
 * not, goes along unless it is -1. Events that come in between are kept for connection_event.
 * Returns a new reference to what the command returned, or NULL after a sentence on standard error:
 * that of the daemon if it refused.
 */
json_t *connection_call(struct connection *c, const char *command, json_t *arguments, int fd);

/*
 * The same for those who want to see the refusal: 0 and the whole answer, which has a member
 * "return" or "error", or a negative errno after a sentence on standard error.
 */
int connection_request(struct connection *c, const char *command, json_t *arguments, int fd,
                       json_t **answer);

/* Drops the events that have come so far. */
void connection_forget_events(struct connection *c);

/*
 * Waits for the next event and returns a new reference to it; NULL when the daemon has ended.
 */
json_t *connection_event(struct connection *c);

#endif
