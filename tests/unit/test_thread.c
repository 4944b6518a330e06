/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "thread/thread.h"
#include "unit.h"

struct seen {
    sem_t over;
    sigset_t blocked;
    char name[16];
    int detached;
};

static void *look(void *data)
{
    struct seen *s = data;
    pthread_attr_t attributes;

    pthread_sigmask(SIG_BLOCK, NULL, &s->blocked);
    pthread_getname_np(pthread_self(), s->name, sizeof s->name);
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getdetachstate(&attributes, &s->detached);
    pthread_attr_destroy(&attributes);
    sem_post(&s->over);
    return data;
}

static void check(struct seen *s, int detached)
{
    sigset_t mine;

    while (sem_wait(&s->over) < 0 && errno == EINTR)
        ;
    assert_string_equal(s->name, "apus-test");
    assert_int_equal(s->detached, detached);
    assert_true(sigismember(&s->blocked, SIGTERM));
    assert_true(sigismember(&s->blocked, SIGUSR1));
    pthread_sigmask(SIG_BLOCK, NULL, &mine);
    assert_false(sigismember(&mine, SIGTERM));
    sem_destroy(&s->over);
}

static void a_joinable_thread(void **state)
{
    struct seen seen = {0};
    pthread_t thread;
    void *result;

    sem_init(&seen.over, 0, 0);
    assert_int_equal(thread_start("apus-test", look, &seen, &thread), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, &seen);
    check(&seen, PTHREAD_CREATE_JOINABLE);
}

static void a_detached_thread(void **state)
{
    static struct seen seen; /* may be written until the process ends */

    sem_init(&seen.over, 0, 0);
    assert_int_equal(thread_start("apus-test", look, &seen, NULL), 0);
    check(&seen, PTHREAD_CREATE_DETACHED);
}

/* In a process of its own, which is limited to one thread; the limit does not apply to root. */
static int start_without_room(void)
{
    struct rlimit none = {0, 0};
    pthread_t thread;

    if ((geteuid() == 0 && setuid(65534) < 0) || setrlimit(RLIMIT_NPROC, &none) < 0)
        return 0;
    return thread_start("apus-test", look, NULL, &thread) == -EAGAIN &&
                   thread_start("apus-test", look, NULL, NULL) == -EAGAIN
               ? 1
               : 2;
}

static void no_thread_can_be_had(void **state)
{
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0)
        _exit(start_without_room());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 0)
        skip();
    assert_int_equal(WEXITSTATUS(status), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_joinable_thread),
        cmocka_unit_test(a_detached_thread),
        cmocka_unit_test(no_thread_can_be_had),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
