/* SPDX-License-Identifier: MIT */
/* Unix sockets whose clients send unwanted descriptors, and too many of them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/un.h>

#include "descriptors.h"
#include "socket/acceptor.h"
#include "socket/connection.h"
#include "socket/fds.h"
#include "socket/outbox.h"

struct sockets {
    struct closer *closer;
    int near, far, peer; /* a pair, and the peer that keeps a lingering socket open */
    double start;
    unsigned threads; /* of this process */
};

static unsigned threads_now(void)
{
    DIR *tasks = opendir("/proc/self/task");
    unsigned count = 0;

    while (readdir(tasks))
        count++;
    closedir(tasks);
    return count;
}

static int setup(void **state)
{
    struct sockets *s = calloc(1, sizeof *s);
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    *s = (struct sockets){closer_new(), pair[0], pair[1], -1, 0, threads_now()};
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct sockets *s = *state;

    if (s->near >= 0)
        close(s->near);
    if (s->far >= 0)
        close(s->far);
    if (s->peer >= 0)
        close(s->peer);
    closer_free(s->closer);
    /* What they close is not to become free in the middle of the next test. */
    while (threads_now() > s->threads)
        usleep(1000);
    free(s);
    return 0;
}

static void assert_quick(const struct sockets *s)
{
    assert_true(seconds_now() - s->start < LINGER_SECONDS / 2.0);
}

/* The descriptors then belong to the receiver only. */
static void give_away(int to, const char *text, const int *fds, unsigned count)
{
    descriptors_send(to, text, fds, count);
    for (unsigned i = 0; i < count; i++)
        close(fds[i]);
}

/* The other end of a pipe is closed within some seconds. */
static void assert_closed(int read_end)
{
    struct pollfd fd = {.fd = read_end, .events = POLLIN};

    assert_int_equal(poll(&fd, 1, 10000), 1);
    assert_true(fd.revents & POLLHUP);
    close(read_end);
}

/* Checks an assumption of the tests below. */
static void a_lingering_socket_keeps_close_waiting(void **state)
{
    struct sockets *s = *state;
    int fd = lingering_open(&s->peer);

    s->start = seconds_now();
    close(fd);
    assert_true(seconds_now() - s->start > LINGER_SECONDS / 2.0);
}

static void the_closer_does_not_wait(void **state)
{
    struct sockets *s = *state;
    int fd = lingering_open(&s->peer), pipe_ends[2];

    assert_int_equal(pipe2(pipe_ends, O_CLOEXEC), 0);
    s->start = seconds_now();
    closer_close(s->closer, fd);
    closer_close(s->closer, pipe_ends[1]);
    assert_quick(s);
    assert_closed(pipe_ends[0]);
    assert_quick(s);
}

static void the_last_descriptor_is_kept(void **state)
{
    struct sockets *s = *state;
    int first[2], second[2], passed = -1;
    char bytes[8];

    assert_int_equal(pipe2(first, O_CLOEXEC), 0);
    assert_int_equal(pipe2(second, O_CLOEXEC), 0);
    give_away(s->far, "ab", (int[]){first[1], second[1]}, 2);
    assert_int_equal(socket_receive(s->near, bytes, sizeof bytes, &passed, s->closer), 2);
    assert_closed(first[0]);
    assert_int_equal(write(passed, "x", 1), 1);
    assert_int_equal(read(second[0], bytes, 1), 1);
    assert_true(fcntl(passed, F_GETFD) & FD_CLOEXEC);
    close(passed);
    assert_closed(second[0]);
}

/* A stream socket may be the peer's own end; what a lender sends (ioctl/lender.h) is none. */
static void a_stream_socket_is_not_kept(void **state)
{
    static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET};
    struct sockets *s = *state;
    char bytes[8];

    for (unsigned i = 0; i < 2; i++) {
        int ends[2], passed = -1;

        assert_int_equal(socketpair(AF_UNIX, types[i] | SOCK_CLOEXEC, 0, ends), 0);
        give_away(s->far, "a", (int[]){ends[1]}, 1);
        assert_int_equal(socket_receive(s->near, bytes, sizeof bytes, &passed, s->closer), 1);
        assert_int_equal(passed >= 0, types[i] == SOCK_SEQPACKET);
        if (passed >= 0)
            close(passed);
        assert_closed(ends[0]);
    }
}

/* The maximum that the kernel passes in one message; it would close those without room. */
static void what_nobody_wants_is_closed_elsewhere(void **state)
{
    struct sockets *s = *state;
    int fds[253], pipe_ends[2];
    char bytes[8];

    assert_int_equal(pipe2(pipe_ends, O_CLOEXEC), 0);
    fds[0] = lingering_open(&s->peer);
    fds[1] = pipe_ends[1];
    for (unsigned i = 2; i < 253; i++)
        fds[i] = fcntl(i % 2 ? fds[0] : fds[1], F_DUPFD_CLOEXEC, 0);
    give_away(s->far, "a", fds, 253);
    s->start = seconds_now();
    assert_int_equal(socket_receive(s->near, bytes, sizeof bytes, NULL, s->closer), 1);
    assert_quick(s);
    assert_closed(pipe_ends[0]);
}

static void what_was_never_read_is_closed_elsewhere(void **state)
{
    struct sockets *s = *state;

    give_away(s->far, "a", (int[]){lingering_open(&s->peer)}, 1);
    s->start = seconds_now();
    socket_hang_up(s->near, s->closer);
    s->near = -1;
    assert_quick(s);
    assert_int_equal(send(s->far, "b", 1, MSG_NOSIGNAL) < 0 ? errno : 0, EPIPE);
}

static void one_descriptor_comes_with_a_byte(void **state)
{
    struct sockets *s = *state;
    int pipe_ends[2], fd;

    assert_int_equal(fds_receive_one(s->near, MSG_DONTWAIT), -EAGAIN);
    assert_int_equal(pipe2(pipe_ends, O_CLOEXEC), 0);
    assert_int_equal(fds_send(s->far, "", 1, pipe_ends[1]), 1);
    close(pipe_ends[1]);
    fd = fds_receive_one(s->near, 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);
    assert_closed(pipe_ends[0]);
}

static void none_or_several_are_refused(void **state)
{
    struct sockets *s = *state;
    int pipe_ends[2];

    assert_int_equal(fds_send(s->far, "", 1, -1), 1);
    assert_int_equal(fds_receive_one(s->near, 0), -EPROTO);
    assert_int_equal(pipe2(pipe_ends, O_CLOEXEC), 0);
    give_away(s->far, "a", (int[]){pipe_ends[1], fcntl(pipe_ends[1], F_DUPFD_CLOEXEC, 0)}, 2);
    assert_int_equal(fds_receive_one(s->near, 0), -EPROTO);
    assert_closed(pipe_ends[0]);
    close(s->far);
    s->far = -1;
    assert_int_equal(fds_receive_one(s->near, 0), -EPROTO);
    assert_int_equal(fds_send(s->near, "", 1, -1), -1);
    assert_int_equal(errno, EPIPE);
}

#define QUEUE 900 /* may wait to be accepted */

struct door {
    sd_event *event;
    struct acceptor *acceptor;
    struct sockaddr_un address;
    struct rlimit limit;
    unsigned connected, turned_away;
    bool hold; /* turned_away closes later, as the closer does */
    int held;
};

static void on_connected(void *data, int fd)
{
    ((struct door *)data)->connected++;
    close(fd);
}

static void on_turned_away(void *data, int fd)
{
    struct door *d = data;

    d->turned_away++;
    if (d->hold)
        d->held = fd;
    else
        close(fd);
}

static int open_door(void **state)
{
    struct door *d = calloc(1, sizeof *d);
    struct acceptor_user user = {d, on_connected, on_turned_away};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    d->address.sun_family = AF_UNIX;
    snprintf(d->address.sun_path + 1, sizeof d->address.sun_path - 1, "apus-test-%d", getpid());
    assert_int_equal(bind(fd, (struct sockaddr *)&d->address, sizeof d->address), 0);
    assert_int_equal(listen(fd, QUEUE), 0);
    assert_true(sd_event_new(&d->event) >= 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &d->limit), 0);
    assert_int_equal(acceptor_new(d->event, fd, &user, &d->acceptor), 0);
    *state = d;
    return 0;
}

static int close_door(void **state)
{
    struct door *d = *state;

    acceptor_free(d->acceptor);
    sd_event_unref(d->event);
    free(d);
    return 0;
}

static int knock(const struct door *d)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(connect(fd, (const struct sockaddr *)&d->address, sizeof d->address), 0);
    return fd;
}

/* Makes descriptors from this number on unavailable. */
static void limit_descriptors(const struct door *d, int first)
{
    struct rlimit limit = {(rlim_t)first, d->limit.rlim_max};

    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Counts the iterations of the event loop in some time. */
static unsigned turns_within(struct door *d, double seconds)
{
    double end = seconds_now() + seconds;
    unsigned turns = 0;

    while (seconds_now() < end)
        turns += sd_event_run(d->event, 20000) > 0;
    return turns;
}

static int lowest_free(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    close(fd);
    return fd;
}

static void without_descriptors_who_knocks_is_turned_away(void **state)
{
    struct door *d = *state;
    int client = knock(d);

    limit_descriptors(d, lowest_free());
    turns_within(d, 0.1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &d->limit), 0);
    assert_int_equal(d->connected, 0);
    assert_int_equal(d->turned_away, 1);
    close(client);
    client = knock(d);
    turns_within(d, 0.1);
    assert_int_equal(d->connected, 1);
    close(client);
}

/* What takes a while to be closed must not cost the spare one for ever. */
static void after_a_shortage_there_is_a_spare_one_again(void **state)
{
    struct door *d = *state;
    int client = knock(d), next;

    next = knock(d);
    d->hold = true;
    limit_descriptors(d, lowest_free());
    turns_within(d, 0.1);
    assert_int_equal(d->turned_away, 1);
    d->hold = false;
    close(d->held);
    turns_within(d, 2.5 * ACCEPTOR_PAUSE_MS / 1000);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &d->limit), 0);
    assert_int_equal(d->connected, 0);
    assert_int_equal(d->turned_away, 2);
    close(client);
    close(next);
}

/* Not even the spare one can be used: 3 is below all that are open. */
static void without_a_spare_the_loop_rests(void **state)
{
    struct door *d = *state;
    int client = knock(d);

    limit_descriptors(d, 3);
    assert_true(turns_within(d, 0.5) < 20);
    assert_int_equal(d->connected + d->turned_away, 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &d->limit), 0);
    turns_within(d, 2.5 * ACCEPTOR_PAUSE_MS / 1000);
    assert_int_equal(d->connected, 1);
    close(client);
}

static int busy(sd_event_source *source, int fd, uint32_t events, void *data)
{
    ++*(unsigned *)data;
    return 0;
}

/* In turns of the event loop, whatever they take: others are served once, not once for each that
 * waits in front; and many who knock do not keep others waiting. */
static void who_knocks_waits_for_a_turn(void **state)
{
    enum { OTHERS = 50 };
    struct door *d = *state;
    sd_event_source *others[OTHERS];
    unsigned served[OTHERS] = {0}, most = 0;
    int clients[QUEUE];

    for (unsigned i = 0; i < OTHERS; i++) {
        int fd = eventfd(1, EFD_CLOEXEC);

        assert_true(sd_event_add_io(d->event, &others[i], fd, EPOLLIN, busy, &served[i]) >= 0);
        assert_true(sd_event_source_set_io_fd_own(others[i], true) >= 0);
    }
    for (unsigned i = 0; i < QUEUE; i++)
        clients[i] = knock(d);
    while (d->connected < QUEUE) {
        unsigned before = d->connected;

        assert_true(sd_event_run(d->event, 0) >= 0);
        most = d->connected - before > most ? d->connected - before : most;
    }
    assert_in_range(most, 2, ACCEPTOR_BATCH);
    for (unsigned i = 0; i < OTHERS; i++) {
        assert_in_range(served[i], 1, QUEUE / ACCEPTOR_BATCH + 2);
        sd_event_source_disable_unref(others[i]);
    }
    for (unsigned i = 0; i < QUEUE; i++)
        close(clients[i]);
}

/* What a slow peer has read takes no memory, though it has never read all. */
static void an_outbox_is_as_large_as_what_waits(void **state)
{
    struct outbox o = {0};
    static char block[1 << 16];
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    for (unsigned i = 0; i < 64; i++)
        text_add(&o.text, block, sizeof block);
    while (outbox_waiting(&o) > sizeof block) {
        assert_int_equal(outbox_flush(&o, pair[0]), 0);
        assert_true(o.sent <= outbox_waiting(&o));
        assert_true(o.text.capacity <= 16 * (outbox_waiting(&o) + 1024));
        assert_true(read(pair[1], block, sizeof block) > 0);
    }
    outbox_done(&o);
    close(pair[0]);
    close(pair[1]);
}

static void *end_at_once(void *data)
{
    return data;
}

/* ThreadSanitizer has a thread of its own from the first one on. threads_now is to count it from
 * the start. */
static int first_thread(void **state)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, end_at_once, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    return 0;
}

#define PAIR(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define DOOR(test) cmocka_unit_test_setup_teardown(test, open_door, close_door)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PAIR(a_lingering_socket_keeps_close_waiting),
        PAIR(the_closer_does_not_wait),
        PAIR(the_last_descriptor_is_kept),
        PAIR(a_stream_socket_is_not_kept),
        PAIR(what_nobody_wants_is_closed_elsewhere),
        PAIR(what_was_never_read_is_closed_elsewhere),
        PAIR(one_descriptor_comes_with_a_byte),
        PAIR(none_or_several_are_refused),
        DOOR(without_descriptors_who_knocks_is_turned_away),
        cmocka_unit_test(an_outbox_is_as_large_as_what_waits),
        DOOR(after_a_shortage_there_is_a_spare_one_again),
        DOOR(without_a_spare_the_loop_rests),
        DOOR(who_knocks_waits_for_a_turn),
    };

    return cmocka_run_group_tests(tests, first_thread, NULL);
}
