/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "nomount/internal.h"

/* Each write(2) is a command, wherever in the file it goes. */
void call_store(struct nomount_call *c)
{
    struct nomount *n = c->n;
    struct command cmd = {.kind = CMD_STORE,
                          .token = n->next_token++,
                          .store = {c->view->tree, c->ino, c->data, c->len}};
    struct reply reply = {0};
    int rc = call_waits(c);

    if (rc < 0) {
        answer_result(c, rc);
        return;
    }
    n->door->execute(n->door, &cmd, &reply);
    reply_done(&reply);
    if (reply.result == -EINPROGRESS) {
        answer_later(c, cmd.token);
    } else {
        answer_stored(c, reply.result);
    }
}

void store_cancel(struct nomount_call *c)
{
    struct door *door = c->n->door;
    struct command cmd = {.kind = CMD_CANCEL, .token = c->token};
    struct reply reply = {0};

    door->execute(door, &cmd, &reply);
    reply_done(&reply);
}
