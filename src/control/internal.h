/* SPDX-License-Identifier: MIT */
#ifndef APUS_CONTROL_INTERNAL_H
#define APUS_CONTROL_INTERNAL_H

#include "control/client.h"
#include "control/control.h"
#include "socket/acceptor.h"
#include "socket/listen.h"

/* Private to the server: server.c has its connections, answer.c what requests get, tell.c what
 * happens without one. */
struct control_server {
    struct control_state state;
    struct peers peers;
    uint64_t next_peer;
    struct acceptor *acceptor;
    struct socket_place place; /* of the socket; none: somebody else has made it */
    unsigned cut;              /* clients that were cut off; not logged yet */
    bool settling;             /* the daemon will call settled */
    void (*settled)(void *server);
};

static inline struct control_client *control_client_of(struct peer *p)
{
    return (struct control_client *)p;
}

/* Executes and answers a request; or it is answered late, by control_server_finish or at the end of
 * its wait. */
void control_answer(struct control_client *c, const char *line, size_t len);
void control_answer_too_long(struct control_client *c);

/* Ends those waits whose condition has come true by a command, and those for this event. */
void control_waits_look(struct control_server *s);
void control_waits_show(struct control_server *s, const char *line);

/* Cuts off those who read the least, while all together have too much to read; and logs that. */
void control_limit_queues(struct control_server *s);
void control_log_cut_off(struct control_server *s);

#endif
