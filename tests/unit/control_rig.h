/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_CONTROL_RIG_H
#define APUS_TESTS_CONTROL_RIG_H

#include <jansson.h>

#include "control/control.h"
#include "fake_core.h"

/*
 * A control server with the fake core, on a socket in a directory of its own. Client and server run
 * on the same thread: calls that wait run the event loop until it is idle.
 */
struct rig {
    struct door door; /* first */
    struct core core;
    sd_event *event;
    struct control_server *server;
    struct control_ops ops;
    char dir[64], path[80];
    bool unsettled; /* the last action may not be visible yet */
    void (*settled)(void *argument);
    void *settled_argument;
    int mounted_fd; /* what mount_guest got; -1: nothing */
    unsigned mounted_guest;
    uint64_t advanced;
    bool busy;                  /* no study is taken */
    struct study_request study; /* its strings are no longer valid */
    char machine[16];           /* of it */
    uint64_t ticket;            /* of the last study */
    uint64_t abandoned;         /* the ticket of which the server said that nobody waits */
    bool quit;
};

int rig_setup(void **state);
int rig_teardown(void **state);

/* Runs the event loop until it is idle. */
void rig_run(struct rig *r);

/* Opens a connection and reads the greeting. */
int rig_connect(struct rig *r);
void rig_send(struct rig *r, int client, const char *text);

/* All unread data; "" if none. Valid until the next call. */
const char *rig_receive(struct rig *r, int client);

/* Executes a request; the reply as JSON. */
json_t *rig_ask(struct rig *r, int client, const char *request);

/* The member "return" of the reply, or fails the test; a new reference. */
json_t *rig_return(struct rig *r, int client, const char *request);
/* The same, for a request whose reply is irrelevant. */
void rig_execute(struct rig *r, int client, const char *request);
/* Expects an error of a class whose description contains part. */
void rig_refused(struct rig *r, int client, const char *request, const char *class,
                 const char *part);

/* The server has closed the connection, and everything it sent has been read. */
bool rig_closed(struct rig *r, int client);

#endif
