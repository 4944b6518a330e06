/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_CONTROL_RIG_H
#define APUS_TESTS_CONTROL_RIG_H

#include <jansson.h>

#include "control/control.h"
#include "fake_core.h"

/*
 * A control server over the fake core, on a socket in a directory of its own. Client and server run
 * on the same thread: every call that waits turns the event loop until it stands still.
 */
struct rig {
    struct door door; /* first */
    struct core core;
    sd_event *event;
    struct control_server *server;
    struct control_host host;
    char dir[64], path[80];
    bool unsettled; /* what was done last is not visible yet */
    void (*settled)(void *argument);
    void *settled_argument;
    int mounted_fd; /* what mount_guest was given; -1: nothing */
    unsigned mounted_guest;
    uint64_t advanced;
    bool quit;
};

int rig_setup(void **state);
int rig_teardown(void **state);

/* Turns the event loop until nothing is left to do. */
void rig_run(struct rig *r);

/* A connection whose greeting has been read. */
int rig_connect(struct rig *r);
void rig_send(struct rig *r, int client, const char *text);

/* All that has arrived and is unread; "" if nothing. Valid until the next call. */
const char *rig_receive(struct rig *r, int client);

/* Executes a request; the reply as JSON. */
json_t *rig_ask(struct rig *r, int client, const char *request);

/* The member "return" of the reply, or fails the test; a new reference. */
json_t *rig_return(struct rig *r, int client, const char *request);
/* The same, for a request whose answer does not matter. */
void rig_execute(struct rig *r, int client, const char *request);
/* Expects an error of a class that says part. */
void rig_refused(struct rig *r, int client, const char *request, const char *class,
                 const char *part);

/* Whether the server has closed the connection, and all it sent has been read. */
bool rig_closed(struct rig *r, int client);

#endif
