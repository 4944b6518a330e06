/* SPDX-License-Identifier: MIT */
#ifndef APUS_GUEST_SESSION_H
#define APUS_GUEST_SESSION_H

#include <stdbool.h>

#include "core/core.h"
#include "guest/protocol.h"
#include "socket/outbox.h"

/*
 * The server's side of the guest protocol (docs/guest-protocol.md) without its sockets: bytes from
 * a client in, bytes to it out, commands to the core in between. Runs on the thread that owns the
 * core.
 */

/*
 * A session executes no request while more bytes than its share wait to be sent:
 * GUEST_SESSION_HOLD, or less if there are so many sessions that all of them would have more than
 * GUEST_SESSIONS_HOLD. Guests are held up, not cut off.
 */
#define GUEST_SESSION_HOLD  262144u
#define GUEST_SESSIONS_HOLD (64u << 20)

/* session.c has a drawing. */
enum guest_session_state {
    SESSION_GREETING, /* waits for HELLO */
    SESSION_SERVING,
    SESSION_OVER, /* input is ignored; the rest of `out` may still be sent */
};

/* One connection. Private to the session, except that the server sends `out`. */
struct guest_session {
    struct guest_sessions *all;
    struct guest_session *next;
    enum guest_session_state state;
    bool connected;   /* as the CPUs of `guest` */
    bool owns;        /* started the guest, and stops it in the end */
    bool gone;        /* the guest was stopped */
    unsigned guest;   /* number, or CORE_LPAR */
    uint32_t process; /* at the other end of the connection; 0: not known */
    uint32_t granted; /* features */
    char name[CORE_GUEST_NAME];
    int error; /* errno of the REFUSE that ended it; 0: none */
    struct text in, why;
    size_t taken; /* bytes of in that were handled */
    struct outbox out;
    bool config_pending, detach_pending; /* notifications that are not in `out` yet */
    bool interrupt_pending;              /* interrupts may have a bit set */
    struct mask256 *interrupts; /* by adapter: queues with a reply to notify; NULL: none so far */
    bool asked;                 /* was asked to close, so that its device can be removed */
};

/* All connections to one core. */
struct guest_sessions {
    struct door *door;
    struct guest_session *first;
    unsigned count;
    uint8_t frame[GUEST_FRAME_MAX]; /* scratch space of guest_session_send */
};

/* process: at the other end of the connection, 0: not known. */
void guest_session_open(struct guest_sessions *all, struct guest_session *s, uint32_t process);

/*
 * The connection has ended: a guest that the session started is stopped, any other loses its queue
 * state. Must not be called while effects are handed out. Frees the contents of s, not s.
 */
void guest_session_close(struct guest_session *s);

/* The same without executing commands, for when the core is about to be freed. */
void guest_session_drop(struct guest_session *s);

/* The share of each session, in bytes. */
size_t guest_session_hold(const struct guest_sessions *all);

/* Bytes that the client sent. */
void guest_session_input(struct guest_session *s, const void *bytes, size_t len);

/* False: the input buffer is full, so the caller should not read from the client. */
bool guest_session_wants_input(const struct guest_session *s);

/*
 * Handles the next whole frame of the input, or puts a notification into `out`. False: nothing to
 * do, or too many bytes wait to be sent.
 */
bool guest_session_step(struct guest_session *s);

/* Sends REFUSE and ends the session. Control characters in the text are replaced by spaces. */
void guest_session_refuse(struct guest_session *s, int error, const char *text);

/* A notification is pending, which guest_session_step will send. */
bool guest_session_has_news(const struct guest_session *s);

/* Marks the notifications that follow from the effects of a command. False: no session is
 * concerned. Executes no commands. */
bool guest_sessions_effects(struct guest_sessions *all, const struct effects *effects);

/* Private to the session's files: handles HELLO, sends a frame, sends a pending notification. */
void guest_session_greet(struct guest_session *s, const struct guest_hello *hello);
void guest_session_send(struct guest_session *s, const struct guest_frame *frame);
bool guest_session_notify(struct guest_session *s);

#endif
