/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_CONNECTION_H
#define APUS_CLI_CONNECTION_H

#include <jansson.h>

/* A client of a daemon's control socket (docs/control-protocol.md). All functions block. */
struct connection;

/* Connects to the socket at path and reads the greeting. 0, or -errno after an error message. */
int connection_open(const char *path, struct connection **out);

/* NULL is allowed. */
void connection_close(struct connection *c);

/* Connects to the socket at path. A descriptor, or -errno without an error message. */
int connection_socket(const char *path);

#define connection_auto __attribute__((cleanup(connection_cleanup))) struct connection
void connection_cleanup(struct connection **c);

/*
 * Executes a command and waits for the reply. Takes ownership of arguments, which may be NULL. fd
 * is passed along unless it is -1, and stays the caller's. Events that arrive in between are kept
 * for connection_event. Returns a new reference to the returned value, or NULL after an error
 * message.
 */
json_t *connection_call(struct connection *c, const char *command, json_t *arguments, int fd);

/*
 * The same for callers that handle a refusal: 0 and the whole reply, with a member "return" or
 * "error"; or -errno after an error message.
 */
int connection_request(struct connection *c, const char *command, json_t *arguments, int fd,
                       json_t **answer);

/* From now on, waiting for a reply or an event fails after that time, with CLI_TIMED_OUT. */
void connection_timeout(struct connection *c, double seconds);

/* Drops the events that have arrived so far. */
void connection_forget_events(struct connection *c);

/* Waits for the next event and returns a new reference to it; NULL after an error message: the
 * connection is lost. */
json_t *connection_event(struct connection *c);

#endif
