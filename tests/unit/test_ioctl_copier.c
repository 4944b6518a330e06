/* SPDX-License-Identifier: MIT */
/* Copies that never end do not block those of others. */
#include <dirent.h>
#include <errno.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "ioctl/copier.h"

#define LOOP_US 10000000u
#define SHARED  32u /* threads that are kept */

struct test_copy {
    struct copy copy;
    bool stuck, done;
};

static sd_event *event;
static struct copier *copier;
static sem_t release;
static atomic_uint begun;
static unsigned told; /* of threads that could not be had */

static void begin(struct copy *copy)
{
    atomic_fetch_add(&begun, 1);
}

static void work(struct copy *copy)
{
    if (((struct test_copy *)copy)->stuck)
        sem_wait(&release);
}

static void done(struct copy *copy)
{
    ((struct test_copy *)copy)->done = true;
}

static void submit(struct test_copy *t, uid_t uid, pid_t process, bool stuck)
{
    *t = (struct test_copy){{.uid = uid, .process = process}, stuck};
    t->copy.begin = begin;
    t->copy.work = work;
    t->copy.done = done;
    copier_submit(copier, &t->copy);
}

static void wait_begun(unsigned count)
{
    for (unsigned i = 0; i < 10000 && atomic_load(&begun) < count; i++)
        usleep(1000);
    assert_int_equal(atomic_load(&begun), count);
}

static void wait_done(const struct test_copy *t)
{
    while (!t->done)
        assert_true(sd_event_run(event, LOOP_US) > 0);
}

static void release_all(struct test_copy *copies, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        sem_post(&release);
    for (unsigned i = 0; i < count; i++)
        wait_done(&copies[i]);
}

static void no_thread(void *data, int error)
{
    assert_int_equal(error, -EAGAIN);
    told++;
}

static int set_up(void **state)
{
    told = 0;
    atomic_store(&begun, 0);
    sem_init(&release, 0, 0);
    return sd_event_new(&event) < 0 || copier_new(event, no_thread, NULL, &copier) < 0;
}

static int tear_down(void **state)
{
    copier_free(copier);
    sd_event_unref(event);
    sem_destroy(&release);
    return 0;
}

static void a_process_has_eight_threads(void **state)
{
    struct test_copy copies[20], other;

    for (unsigned i = 0; i < 20; i++)
        submit(&copies[i], 1, 7, true);
    wait_begun(8);
    submit(&other, 1, 8, false);
    wait_done(&other);
    assert_int_equal(atomic_load(&begun), 9);
    release_all(copies, 20);
    assert_int_equal(atomic_load(&begun), 21);
}

static unsigned threads(void)
{
    DIR *dir = opendir("/proc/self/task");
    unsigned count = 0;

    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));)
        count += *e->d_name != '.';
    closedir(dir);
    return count;
}

/* A process without a thread gets one, in addition to those that are shared. */
static void many_processes(void **state)
{
    struct test_copy copies[100], second, other;
    unsigned before = threads();

    for (unsigned i = 0; i < 100; i++)
        submit(&copies[i], 1, (pid_t)(1000 + i), true);
    wait_begun(100);
    submit(&second, 1, 1000, false);
    submit(&other, 1, 8, false);
    wait_done(&other);
    assert_true(!second.done && second.copy.waiting);
    release_all(copies, 100);
    wait_done(&second);
    for (unsigned i = 0; i < 10000 && threads() > before + SHARED; i++)
        usleep(1000);
    assert_true(threads() <= before + SHARED);
}

/* A user with many processes leaves threads for others. */
static void a_user_has_128_threads(void **state)
{
    struct test_copy copies[300], other;

    for (unsigned i = 0; i < 300; i++)
        submit(&copies[i], 1, (pid_t)(1000 + i), true);
    wait_begun(128);
    submit(&other, 2, 1000, false);
    wait_done(&other);
    assert_int_equal(atomic_load(&begun), 129);
    release_all(copies, 300);
    assert_int_equal(atomic_load(&begun), 301);
}

static void cancelled(void **state)
{
    struct test_copy copies[9];

    for (unsigned i = 0; i < 9; i++)
        submit(&copies[i], 1, 7, true);
    wait_begun(8);
    assert_false(copier_cancel(copier, &copies[0].copy));
    assert_true(copier_cancel(copier, &copies[8].copy));
    release_all(copies, 8);
    assert_false(copies[8].done);
    assert_false(copier_cancel(copier, &copies[0].copy));
}

static void limit_threads(rlim_t limit)
{
    struct rlimit r;

    assert_int_equal(getrlimit(RLIMIT_NPROC, &r), 0);
    r.rlim_cur = limit < r.rlim_max ? limit : r.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NPROC, &r), 0);
}

/* In a process of its own of a user with a limit, since root has none. */
static void with_limit(void (*test)(void))
{
    pid_t child;
    int status;

    if (geteuid() != 0)
        skip();
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        set_up(NULL);
        limit_threads(0);
        if (setgid(54322) < 0 || setuid(54322) < 0)
            _exit(2);
        test();
        copier_free(copier);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static void submit_without_threads(void)
{
    struct test_copy own = {{.uid = 0, .process = 7, .trusted = true}};
    struct test_copy waits, late, after;

    own.copy.begin = begin;
    EXPECT(!copier_submit(copier, &own.copy)); /* for the caller to do */
    EXPECT(told == 1 && atomic_load(&begun) == 0);
    submit(&waits, 1, 8, false);
    EXPECT(waits.copy.waiting && !waits.done);
    wait_done(&waits); /* in the end it is given up */
    EXPECT(waits.copy.given_up && told == 1);
    submit(&late, 1, 8, false);
    limit_threads(RLIM_INFINITY);
    wait_done(&late);
    EXPECT(!late.copy.given_up && told == 1);
    submit(&after, 1, 9, false);
    wait_done(&after);
    EXPECT(!after.copy.given_up);
}

/* It costs speed, or the request, but nobody waits for ever. */
static void without_threads(void **state)
{
    with_limit(submit_without_threads);
}

/* Somebody sets the wall clock back: that is no reason to wait longer. */
static bool clock_set_back;

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, now);

    if (clock_set_back && clock == CLOCK_REALTIME)
        now->tv_sec += 3600;
    return rc;
}

/* Its thread keeps it. */
extern struct copier *left;
struct copier *left;

static void the_end_does_not_go_by_the_wall_clock(void **state)
{
    static struct test_copy stuck;
    struct timespec from, to;

    submit(&stuck, 1, 7, true);
    wait_begun(1);
    clock_gettime(CLOCK_MONOTONIC, &from);
    left = copier;
    clock_set_back = true;
    alarm(20); /* an hour otherwise */
    copier_free(copier);
    alarm(0);
    clock_set_back = false;
    clock_gettime(CLOCK_MONOTONIC, &to);
    assert_true(to.tv_sec - from.tv_sec < 10);
    copier = NULL;
    sem_post(&release);
    usleep(100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_process_has_eight_threads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_processes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_user_has_128_threads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cancelled, set_up, tear_down),
        cmocka_unit_test(without_threads),
        cmocka_unit_test_setup_teardown(the_end_does_not_go_by_the_wall_clock, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
