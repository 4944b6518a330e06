/* SPDX-License-Identifier: MIT */
/* Memory that an ancestor opens: both sides of the socket. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "ioctl/lender.h"
#include "run/lend.h"
#include "socket/fds.h"

#define LINE  7
#define OTHER 8

static const char secret[] = "what is in memory";

static bool always(const void *data)
{
    return true;
}

/* Three times. */
static bool not_long(const void *data)
{
    return atomic_fetch_add((atomic_int *)(uintptr_t)data, 1) < 3;
}

static void *lend(void *data)
{
    struct pollfd own = {.fd = *(int *)data, .events = POLLIN};

    do
        poll(&own, 1, -1);
    while (lend_answer(own.fd));
    return NULL;
}

struct other {
    int own;
    pthread_t thread;
};

/* Begins to lend to this line. */
static struct other begin(void)
{
    static struct other o;
    int listener = open("/dev/null", O_RDONLY | O_CLOEXEC), socket, came;
    struct stat sent, received;

    socket = lend_begin(listener, &o.own);
    assert_true(socket >= 0);
    came = fds_receive_one(socket, MSG_DONTWAIT);
    assert_true(came >= 0 && fstat(listener, &sent) == 0 && fstat(came, &received) == 0);
    assert_int_equal(sent.st_rdev, received.st_rdev);
    close(came);
    close(listener);
    lender_set(LINE, socket);
    return o;
}

static void test_memory_is_lent(void **state)
{
    struct other o = begin();
    char got[sizeof secret];
    int fd;

    assert_int_equal(pthread_create(&o.thread, NULL, lend, &o.own), 0);
    for (int i = 0; i < 100; i++) {
        fd = lender_open(LINE, getpid(), always, NULL);
        assert_true(fd >= 0);
        assert_int_equal(pread(fd, got, sizeof got, (off_t)(uintptr_t)secret), sizeof got);
        assert_string_equal(got, secret);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
        close(fd);
    }
    assert_int_equal(lender_open(LINE, -1, always, NULL), -EACCES); /* no such process */
    lender_drop(LINE);
    assert_int_equal(pthread_join(o.thread, NULL), 0); /* it is told */
    close(o.own);
}

static void test_only_its_own_line(void **state)
{
    struct other o;

    assert_false(lender_exists());
    assert_int_equal(lender_open(LINE, getpid(), always, NULL), -EACCES);
    o = begin();
    assert_true(lender_exists());
    assert_int_equal(lender_open(OTHER, getpid(), always, NULL), -EACCES);
    lender_drop(OTHER);
    assert_true(lender_exists());
    lender_drop(LINE);
    assert_false(lender_exists());
    assert_int_equal(lender_open(LINE, getpid(), always, NULL), -EACCES);
    close(o.own);
}

/* Stopped, it holds up its own callers, as long as they live. */
static void test_one_that_does_not_answer(void **state)
{
    struct other o = begin();
    atomic_int asked = 0;

    assert_int_equal(lender_open(LINE, getpid(), not_long, &asked), -ENODEV);
    assert_true(asked > 3);
    close(o.own); /* with the question in it */
    assert_int_equal(lender_open(LINE, getpid(), always, NULL), -EACCES);
    lender_drop(LINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_lent),
        cmocka_unit_test(test_only_its_own_line),
        cmocka_unit_test(test_one_that_does_not_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
