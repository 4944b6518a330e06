/* SPDX-License-Identifier: MIT */
#ifndef APUS_GUEST_SESSION_H
#define APUS_GUEST_SESSION_H

#include <stdbool.h>

#include "core/core.h"
#include "guest/protocol.h"

/*
 * The server's side of the guest protocol (docs/guest-protocol.md) without its sockets: bytes of a
 * client in, bytes for it out, commands to the core between. Runs on the thread that owns the core.
 */

/* No request is executed while so many bytes wait to be sent. */
#define GUEST_SESSION_HOLD 262144u

enum guest_session_state {
    SESSION_GREETING, /* HELLO has not come yet */
    SESSION_SERVING,
    SESSION_OVER, /* nothing is taken any more; what is in `out` may still be sent */
};

/* One connection. Its members are the session's own, but for out and sent, which whoever sends
 * moves on. */
struct guest_session {
    struct guest_sessions *all;
    struct guest_session *next;
    enum guest_session_state state;
    bool connected;   /* is the CPUs of `guest` */
    bool owns;        /* started the guest, which ends with it */
    bool gone;        /* the guest was stopped */
    unsigned guest;   /* number, or CORE_LPAR */
    uint32_t process; /* at the other end of the connection; 0: not known */
    uint32_t granted; /* features */
    char name[CORE_GUEST_NAME];
    int error; /* errno of the REFUSE that ended it; 0: none */
    struct text in, out, why;
    size_t taken, sent;                  /* of in and out */
    bool config_pending, detach_pending; /* notifications that are not in `out` yet */
    bool interrupt_pending;              /* one of the interrupts is */
    struct mask256 *interrupts; /* queues with a reply to tell of, by adapter; NULL: never any */
    bool asked;                 /* to close, so that the device can be removed */
};

/* All connections to one core. */
struct guest_sessions {
    struct door *door;
    struct guest_session *first;
    uint8_t frame[GUEST_FRAME_MAX]; /* to format into */
};

/* process: at the other end of the connection, 0: not known. */
void guest_session_open(struct guest_sessions *all, struct guest_session *s, uint32_t process);

/*
 * The connection has ended: the guest that it started is stopped, one that was there before loses
 * what its queues hold. Not while effects are handed out. Frees what s holds, not s.
 */
void guest_session_close(struct guest_session *s);

/* The same, but executes nothing: the core is about to end itself. */
void guest_session_drop(struct guest_session *s);

/* Bytes that the client sent. */
void guest_session_input(struct guest_session *s, const void *bytes, size_t len);

/* Room for input is left. Whoever reads should stop reading until then. */
bool guest_session_wants_input(const struct guest_session *s);

/*
 * Handles the next whole frame of the input, or puts a notification into `out`. False: nothing
 * was to be done, or too much waits to be sent.
 */
bool guest_session_step(struct guest_session *s);

static inline size_t guest_session_waiting(const struct guest_session *s)
{
    return s->out.len - s->sent;
}

/* Sends REFUSE and ends the session. The text may be anything; it is made one line. */
void guest_session_refuse(struct guest_session *s, int error, const char *text);

/* The client is to be told something: guest_session_step does. */
bool guest_session_has_news(const struct guest_session *s);

/* What a command did to guests, for those whom it concerns; false: it concerned nobody. Executes
 * nothing. */
bool guest_sessions_effects(struct guest_sessions *all, const struct effects *effects);

/* Private to the session's files: HELLO, frames for the client, and what is to be told. */
void guest_session_greet(struct guest_session *s, const struct guest_hello *hello);
void guest_session_send(struct guest_session *s, const struct guest_frame *frame);
bool guest_session_notify(struct guest_session *s);

#endif
