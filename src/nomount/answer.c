/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nomount/internal.h"

/* What a call is to be answered; call.c does it. */

void answer_result(struct nomount_call *c, int64_t result)
{
    c->answer = ANSWER_RESULT;
    c->result = result;
}

void call_tell(struct nomount_call *c, bool *told, const char *what)
{
    struct nomount *n = c->n;
    text_auto message = {0};

    if (*told || !n->door->log)
        return;
    text_addf(&message, "process %d %s", (int)caller_process(c->caller.thread), what);
    n->door->log(n->door, LOG_LEVEL_WARNING, message.data);
    *told = true;
}

void answer_go_on(struct nomount_call *c)
{
    c->answer = ANSWER_GO_ON;
}

void answer_bytes(struct nomount_call *c, const void *bytes, size_t len, int64_t result)
{
    if (len == 0 || len > sizeof c->data) {
        answer_result(c, len ? -EOVERFLOW : result);
        return;
    }
    memmove(c->data, bytes, len);
    c->len = len;
    c->result = result;
    c->answer = ANSWER_BYTES;
}

void answer_link(struct nomount_call *c, const char *text)
{
    size_t len = strlen(text), size = c->request.size;

    if ((int64_t)size <= 0)
        answer_result(c, -EINVAL);
    else
        answer_bytes(c, text, len < size ? len : size, (int64_t)(len < size ? len : size));
}

void answer_fd(struct nomount_call *c, int fd)
{
    answer_result(c, fd);
    if (fd < 0)
        return;
    c->answer = ANSWER_FD;
    c->fd = fd;
}

void answer_fill(struct nomount_call *c, int directory)
{
    c->answer = ANSWER_FILL;
    c->fd = directory;
}

void answer_elsewhere(struct nomount_call *c, const char *path)
{
    snprintf(c->path, sizeof c->path, "%s", path);
    c->answer = ANSWER_ELSEWHERE;
}

void answer_later(struct nomount_call *c, uint64_t token)
{
    c->answer = ANSWER_LATER;
    c->token = token;
}

void answer_stored(struct nomount_call *c, int result)
{
    c->answer = ANSWER_STORED;
    c->result = result < 0 ? result : (int64_t)c->len;
}

bool answer_alike(struct nomount_call *c)
{
    switch (c->request.deed) {
    case NOMOUNT_XATTR_LIST:
        answer_result(c, 0);
        return true;
    case NOMOUNT_XATTR:
    case NOMOUNT_HANDLE:
        answer_result(c, -EOPNOTSUPP);
        return true;
    case NOMOUNT_WATCH: /* the library goes another way; for others no watch is left */
        answer_result(c, c->request.mark == NOMOUNT_MARK ? -ENOSYS : -ENOSPC);
        return true;
    default:
        return false;
    }
}
