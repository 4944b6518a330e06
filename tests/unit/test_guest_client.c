/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "guest/client.h"
#include "guest/protocol.h"

#include "unit.h"

/*
 * The server of each test is a script on a thread of its own: frames that it expects and frames
 * that it sends. It never asserts, since cmocka is single-threaded; the test checks the results
 * afterwards.
 */
struct step {
    uint16_t expect; /* frame type to read first; 0: none */
    struct guest_frame answer;
    bool keep_id; /* use answer.id, not the id of what was read */
    bool silent;  /* send nothing */
    bool garbage; /* send bytes that are not a frame */
};

struct stage {
    char path[64];
    int listener;
    const struct step *steps;
    size_t n_steps;
    pthread_t thread;
    unsigned unexpected;
};

#define WELCOME                                                                                    \
    {                                                                                              \
        .expect = GUEST_HELLO, .answer = {.type = GUEST_WELCOME, .welcome = {1, 5} }               \
    }

static bool read_frame(int fd, uint8_t *bytes, struct guest_frame *frame)
{
    size_t len;

    if (recv(fd, bytes, 4, MSG_WAITALL) != 4 || guest_frame_measure(bytes, 4, &len, NULL) < 0)
        return false;
    if (len > 4 && recv(fd, bytes + 4, len - 4, MSG_WAITALL) != (ssize_t)(len - 4))
        return false;
    return guest_frame_parse(bytes, len, frame, NULL) == 0;
}

static bool play(struct stage *s, int fd, const struct step *step)
{
    static uint8_t in[GUEST_FRAME_MAX], out[GUEST_FRAME_MAX];
    struct guest_frame frame = {0}, answer = step->answer;
    size_t len;

    if (step->expect && (!read_frame(fd, in, &frame) || frame.type != step->expect)) {
        s->unexpected++;
        return false;
    }
    if (step->silent)
        return true;
    if (step->garbage)
        return send(fd, "\377\377\377\377", 4, MSG_NOSIGNAL) == 4;
    if (!step->keep_id)
        answer.id = frame.id;
    if (guest_frame_format(&answer, out, sizeof(out), &len, NULL) < 0) {
        s->unexpected++;
        return false;
    }
    return send(fd, out, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static void *perform(void *data)
{
    struct stage *s = data;
    int fd = accept(s->listener, NULL, NULL);
    char c;

    for (size_t i = 0; i < s->n_steps && play(s, fd, &s->steps[i]); i++)
        ;
    /* The last step may have been silence: wait for the client to close, unless told to close. */
    if (s->n_steps && s->steps[s->n_steps - 1].silent)
        while (recv(fd, &c, 1, 0) > 0)
            ;
    close(fd);
    return NULL;
}

static void raise_curtain(struct stage *s, const struct step *steps, size_t n_steps)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memset(s, 0, sizeof(*s));
    s->steps = steps;
    s->n_steps = n_steps;
    snprintf(s->path, sizeof(s->path), "/tmp/apus-client-%d.sock", (int)getpid());
    unlink(s->path);
    memcpy(address.sun_path, s->path, sizeof(s->path));
    s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(s->listener, 1), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, perform, s), 0);
}

static void drop_curtain(struct stage *s, struct guest_client *client)
{
    guest_client_close(client);
    pthread_join(s->thread, NULL);
    close(s->listener);
    unlink(s->path);
    assert_int_equal(s->unexpected, 0);
}

static const struct guest_hello hello = {1, GUEST_ROLE_LPAR, 7, {0}, "x", 1};

static struct guest_client *open_client(const struct stage *s)
{
    char error[GUEST_ERROR_MAX] = "";
    struct guest_client *client = NULL;

    assert_int_equal(guest_client_open(s->path, &hello, 300, &client, error), 0);
    return client;
}

static void requests_get_their_answers(void **state)
{
    static const uint8_t block[128] = {0xc0};
    const struct step steps[] = {
        WELCOME,
        {.expect = GUEST_INSN,
         .answer =
             {.type = GUEST_INSN_REPLY,
              .insn_reply = {.gr = {1, 2, 3}, .address = 64, .data = block, .data_len = 128}}},
        {.expect = GUEST_SERVC, .answer = {.type = GUEST_SERVC_REPLY, .servc_reply = {0x0120}}},
        {.expect = GUEST_RESET, .answer = {.type = GUEST_RESET_REPLY}},
    };
    struct guest_insn qci = {.opcode = GUEST_OPCODE_PQAP, .gr = {4u << 24, 0, 64}};
    struct guest_insn_reply reply;
    struct guest_client *client;
    uint16_t response;
    struct stage s;

    raise_curtain(&s, steps, 4);
    client = open_client(&s);
    assert_int_equal(guest_client_features(client), 5);
    assert_int_equal(guest_client_execute(client, &qci, &reply), 0);
    assert_memory_equal(reply.data, block, 128);
    assert_int_equal(reply.gr[2], 3);
    assert_int_equal(guest_client_servc(client, 0x001f0501, &response), 0);
    assert_int_equal(response, 0x0120);
    assert_int_equal(guest_client_reset(client), 0);
    drop_curtain(&s, client);
}

static void notifications_wait_and_merge(void **state)
{
    const struct guest_frame config = {.type = GUEST_NOTIFY, .notify = {GUEST_NOTIFY_CONFIG}};
    const struct guest_frame detach = {.type = GUEST_NOTIFY, .notify = {GUEST_NOTIFY_DETACH}};
    const struct step steps[] = {
        WELCOME,
        {.answer = config, .keep_id = true},
        {.answer = config, .keep_id = true},
        {.answer = detach, .keep_id = true},
        {.expect = GUEST_RESET, .answer = {.type = GUEST_RESET_REPLY}},
        {.expect = GUEST_RESET, .silent = true},
    };
    struct guest_notify notify;
    struct guest_client *client;
    struct stage s;

    raise_curtain(&s, steps, 6);
    client = open_client(&s);
    assert_int_equal(guest_client_reset(client), 0);
    assert_int_equal(guest_client_notify(client, 0, &notify), 0);
    assert_int_equal(notify.kind, GUEST_NOTIFY_CONFIG);
    assert_int_equal(guest_client_notify(client, 0, &notify), 0);
    assert_int_equal(notify.kind, GUEST_NOTIFY_DETACH);
    assert_int_equal(guest_client_notify(client, 20, &notify), -EAGAIN);
    assert_int_equal(guest_client_reset(client), -ETIMEDOUT);
    assert_int_equal(guest_client_fd(client), -1);
    assert_int_equal(guest_client_reset(client), -ENOTCONN);
    drop_curtain(&s, client);
}

static void a_refusal_has_its_errno(void **state)
{
    const struct step refuse = {.expect = GUEST_HELLO,
                                .answer = {.type = GUEST_REFUSE, .refuse = {EBUSY, "taken", 5}}};
    struct guest_client *client = NULL;
    char error[GUEST_ERROR_MAX];
    struct stage s;

    raise_curtain(&s, &refuse, 1);
    assert_int_equal(guest_client_open(s.path, &hello, 300, &client, error), -EBUSY);
    assert_string_equal(error, "refused by the server: taken");
    assert_null(client);
    drop_curtain(&s, NULL);
    assert_int_equal(guest_client_open(s.path, &hello, 300, &client, error), -ENOENT);
}

/* Executes TAPQ after WELCOME and `step`; returns the error, with its text in `error`. */
static int tapq_against(struct step step, char error[static GUEST_ERROR_MAX])
{
    const struct step steps[] = {WELCOME, step};
    struct guest_insn tapq = {.opcode = GUEST_OPCODE_PQAP};
    struct guest_insn_reply reply = {.cc = 9};
    struct guest_client *client;
    struct stage s;
    int r;

    raise_curtain(&s, steps, 2);
    client = open_client(&s);
    r = guest_client_execute(client, &tapq, &reply);
    assert_int_equal(reply.cc, 9);
    snprintf(error, GUEST_ERROR_MAX, "%s", guest_client_error(client));
    drop_curtain(&s, client);
    return r;
}

static void a_server_that_misbehaves_loses_the_client(void **state)
{
    const struct guest_frame stores = {
        .type = GUEST_INSN_REPLY,
        .insn_reply = {.address = 64, .data = (const uint8_t *)"x", .data_len = 1}};
    char error[GUEST_ERROR_MAX];

    assert_int_equal(tapq_against((struct step){.expect = GUEST_INSN, .garbage = true}, error),
                     -EMSGSIZE);
    assert_string_equal(error, "the server sent an invalid frame: frame too long");
    assert_int_equal(tapq_against((struct step){.expect = GUEST_INSN, .answer = stores}, error),
                     -EPROTO);
    assert_string_equal(error, "the server sent an invalid reply: INSN_REPLY: stores outside the "
                               "operand of the instruction");
    assert_int_equal(tapq_against((struct step){.expect = GUEST_INSN,
                                                .answer = {.type = GUEST_INSN_REPLY, .id = 77},
                                                .keep_id = true},
                                  error),
                     -EPROTO);
    assert_int_equal(
        tapq_against((struct step){.expect = GUEST_INSN, .answer = {.type = GUEST_RESET}}, error),
        -EPROTO);
    assert_string_equal(error, "the server sent a frame of type 9");
    assert_int_equal(tapq_against((struct step){.expect = GUEST_INSN, .silent = true}, error),
                     -ETIMEDOUT);
}

static void bad_arguments_keep_the_connection(void **state)
{
    const struct step steps[] = {WELCOME,
                                 {.expect = GUEST_RESET, .answer = {.type = GUEST_RESET_REPLY}}};
    struct guest_insn wrong = {.opcode = 0xb2b0};
    struct guest_insn_reply reply;
    struct guest_client *client;
    uint16_t response;
    struct stage s;

    raise_curtain(&s, steps, 2);
    client = open_client(&s);
    assert_int_equal(guest_client_execute(client, &wrong, &reply), -EINVAL);
    assert_int_equal(guest_client_servc(client, 0x00020001, &response), -EINVAL);
    assert_int_equal(guest_client_reset(client), 0);
    drop_curtain(&s, client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_get_their_answers),
        cmocka_unit_test(notifications_wait_and_merge),
        cmocka_unit_test(a_refusal_has_its_errno),
        cmocka_unit_test(a_server_that_misbehaves_loses_the_client),
        cmocka_unit_test(bad_arguments_keep_the_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
