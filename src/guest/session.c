/* SPDX-License-Identifier: MIT */
#include "guest/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * A session:
 *
 *                HELLO accepted: WELCOME
 *   GREETING --------------------------------> SERVING --.  INSN, SERVC, RESET: command, reply
 *      |                                        |   ^    |  effects: NOTIFY
 *      | HELLO refused, no HELLO in time,       |   '----'
 *      | any other frame first                  |
 *      |                                        | invalid frame, second HELLO, refused command,
 *      |             REFUSE                     | guest stopped
 *      '----------------> OVER <----------------'   REFUSE
 *
 * guest_session_close ends it in any state. If it was connected to a guest: owns stops the guest;
 * otherwise the CPUs disconnect, which zeroizes the queues, and a client that was asked to release
 * its mediated device gives it up.
 */

/* The longest unfinished frame, and one read of short ones. */
#define INPUT_MAX (GUEST_FRAME_MAX + 65536u)

void guest_session_open(struct guest_sessions *all, struct guest_session *s, uint32_t process)
{
    *s = (struct guest_session){.all = all, .next = all->first, .process = process};
    all->first = s;
    all->count++;
}

static void execute(struct guest_session *s, struct command *command, struct reply *reply)
{
    s->all->door->execute(s->all->door, command, reply);
}

/* Executes a command and ignores its reply. */
static void execute_alone(struct guest_session *s, struct command *command)
{
    struct reply reply = {0};

    execute(s, command, &reply);
    reply_done(&reply);
}

static void leave(struct guest_session *s)
{
    struct command disconnect = {.kind = CMD_CPU_CONNECT, .cpu = {.guest = s->guest}};
    struct command detach = {
        .kind = CMD_GUEST_DETACH, .happened = true, .guest = {.name = s->name}};
    struct command stop = {.kind = CMD_GUEST_STOP, .happened = true, .guest = {.name = s->name}};

    s->connected = false;
    if (s->owns) {
        execute_alone(s, &stop);
        return;
    }
    execute_alone(s, &disconnect);
    if (s->asked)
        execute_alone(s, &detach);
}

size_t guest_session_hold(const struct guest_sessions *all)
{
    size_t share = GUEST_SESSIONS_HOLD / (all->count ? all->count : 1);

    return share < GUEST_SESSION_HOLD ? share : GUEST_SESSION_HOLD;
}

static void unlink_session(struct guest_session *s)
{
    struct guest_session **at = &s->all->first;

    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    s->all->count--;
}

static void session_done(struct guest_session *s)
{
    free(s->interrupts);
    text_done_private(&s->in);
    outbox_done(&s->out);
    text_done(&s->why);
}

void guest_session_close(struct guest_session *s)
{
    unlink_session(s);
    if (s->connected)
        leave(s);
    session_done(s);
}

void guest_session_drop(struct guest_session *s)
{
    unlink_session(s);
    session_done(s);
}

bool guest_session_wants_input(const struct guest_session *s)
{
    return s->state != SESSION_OVER && s->in.len - s->taken < INPUT_MAX;
}

void guest_session_input(struct guest_session *s, const void *bytes, size_t len)
{
    if (s->state == SESSION_OVER)
        return;
    if (s->taken) {
        s->in.len -= s->taken;
        memmove(s->in.data, s->in.data + s->taken, s->in.len);
        explicit_bzero(s->in.data + s->in.len, s->taken);
        s->taken = 0;
    }
    text_add_private(&s->in, bytes, len);
}

static void answer_insn(struct guest_session *s, const struct ap_insn_result *result, uint32_t id)
{
    struct guest_frame frame = {.type = GUEST_INSN_REPLY, .id = id};
    struct guest_insn_reply *to = &frame.insn_reply;

    to->program_check = result->program_check;
    memcpy(to->gr, result->gr, sizeof(to->gr));
    memcpy(to->p1, result->p1, sizeof(to->p1));
    memcpy(to->p2, result->p2, sizeof(to->p2));
    if (!result->program_check) {
        to->cc = result->cc;
        to->data = (const uint8_t *)result->data.data;
        to->data_len = result->data.len;
        to->address = to->data_len ? result->address : 0;
    }
    guest_session_send(s, &frame);
}

static void handle_insn(struct guest_session *s, const struct guest_insn *insn, uint32_t id)
{
    struct command command = {.kind = CMD_INSN, .insn = {.guest = s->guest}};
    struct ap_insn *to = &command.insn.insn;
    struct reply reply = {0};

    *to = (struct ap_insn){.opcode = insn->opcode,
                           .r1 = insn->r1,
                           .r2 = insn->r2,
                           .data = insn->data,
                           .data_len = insn->data_len};
    memcpy(to->gr, insn->gr, sizeof(to->gr));
    memcpy(to->p1, insn->p1, sizeof(to->p1));
    memcpy(to->p2, insn->p2, sizeof(to->p2));
    execute(s, &command, &reply);
    if (reply.result < 0)
        guest_session_refuse(s, reply.result, reply.why.data);
    else
        answer_insn(s, &reply.insn, id);
    reply_done(&reply);
}

static void handle_servc(struct guest_session *s, uint32_t word, uint32_t id)
{
    struct command command = {.kind = CMD_SCLP, .sclp = {.word = word}};
    struct guest_frame answer = {.type = GUEST_SERVC_REPLY, .id = id};
    struct reply reply = {0};

    if (s->guest != CORE_LPAR) {
        guest_session_refuse(s, EPERM, "SERVC: a guest cannot configure adapters");
        return;
    }
    execute(s, &command, &reply);
    answer.servc_reply.response = (uint16_t)reply.value;
    guest_session_send(s, &answer);
    reply_done(&reply);
}

static void handle_reset(struct guest_session *s, uint32_t id)
{
    struct command command = {.kind = CMD_CPU_RESET, .cpu = {.guest = s->guest}};
    struct guest_frame answer = {.type = GUEST_RESET_REPLY, .id = id};

    execute_alone(s, &command);
    guest_session_send(s, &answer);
}

static void handle(struct guest_session *s, const struct guest_frame *frame)
{
    if ((frame->type == GUEST_HELLO) != (s->state == SESSION_GREETING)) {
        guest_session_refuse(s, EPROTO,
                             frame->type == GUEST_HELLO ? "second HELLO"
                                                        : "the first frame is not HELLO");
        return;
    }
    switch (frame->type) {
    case GUEST_HELLO:
        guest_session_greet(s, &frame->hello);
        return;
    case GUEST_INSN:
        handle_insn(s, &frame->insn, frame->id);
        return;
    case GUEST_SERVC:
        handle_servc(s, frame->servc.command, frame->id);
        return;
    case GUEST_RESET:
        handle_reset(s, frame->id);
        return;
    default:
        guest_session_refuse(s, EPROTO, "frame of a type that only the server sends");
    }
}

/* Handles one frame, if a whole one has arrived, and cleanses it: it may contain clear keys. */
static bool take_frame(struct guest_session *s)
{
    uint8_t *start = (uint8_t *)s->in.data + s->taken;
    size_t have = s->in.len - s->taken, len;
    struct guest_frame frame;
    const char *why;
    int rc = have ? guest_frame_measure(start, have, &len, &why) : -EAGAIN;

    if (rc == -EAGAIN || (rc == 0 && have < len))
        return false;
    if (rc == 0)
        rc = guest_frame_parse(start, len, &frame, &why);
    if (rc < 0) {
        guest_session_refuse(s, EPROTO, why);
        return true;
    }
    s->taken += len;
    handle(s, &frame);
    explicit_bzero(start, len);
    return true;
}

bool guest_session_step(struct guest_session *s)
{
    if (s->gone && s->state != SESSION_OVER) {
        guest_session_refuse(s, ESHUTDOWN, "the guest was stopped");
        return true;
    }
    if (s->state == SESSION_OVER || outbox_waiting(&s->out) > guest_session_hold(s->all))
        return false;
    return (s->state == SESSION_SERVING && guest_session_notify(s)) || take_frame(s);
}
