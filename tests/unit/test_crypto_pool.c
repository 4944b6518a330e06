/* SPDX-License-Identifier: MIT */
/* The worker pool: each submitted job is done once, sources take turns, limits hold. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/pool.h"

struct test_job {
    struct pool_job job;
    unsigned id, worked, done;
    struct pool *resubmit;
};

/* A gate that blocks the only worker until the test has queued its jobs. */
static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_open = PTHREAD_COND_INITIALIZER;
static bool gate;

/* For jobs that are let through one at a time. */
static sem_t tickets, arrivals, tidied;

static unsigned order[64], order_count;

static void work(struct pool_job *job, void *own)
{
    ((struct test_job *)job)->worked++;
}

static void work_at_gate(struct pool_job *job, void *own)
{
    pthread_mutex_lock(&gate_lock);
    while (!gate)
        pthread_cond_wait(&gate_open, &gate_lock);
    pthread_mutex_unlock(&gate_lock);
    work(job, own);
}

static void set_gate(bool open)
{
    pthread_mutex_lock(&gate_lock);
    gate = open;
    pthread_cond_broadcast(&gate_open);
    pthread_mutex_unlock(&gate_lock);
}

static void done(struct pool_job *job)
{
    struct test_job *t = (struct test_job *)job;

    t->done++;
    if (order_count < 64)
        order[order_count++] = t->id;
    if (t->resubmit && t->done < 3)
        assert_int_equal(pool_submit(t->resubmit, 0, job), 0);
}

static struct test_job make(unsigned id)
{
    return (struct test_job){.job = {.work = work, .done = done}, .id = id};
}

static struct pool *make_pool(unsigned threads, unsigned per_source, unsigned total)
{
    const struct pool_limits limits = {threads, per_source, total};
    struct pool *pool = NULL;

    order_count = 0;
    set_gate(false);
    assert_int_equal(pool_new(&limits, NULL, &pool), 0);
    return pool;
}

static void wait_collect(struct pool *pool)
{
    struct pollfd fd = {.fd = pool_fd(pool), .events = POLLIN};

    assert_int_equal(poll(&fd, 1, 10000), 1);
    assert_true(pool_collect(pool) > 0);
}

static bool readable(struct pool *pool)
{
    struct pollfd fd = {.fd = pool_fd(pool), .events = POLLIN};

    return poll(&fd, 1, 0) == 1;
}

/* Lets that many jobs through the gate, and waits until the next one arrives there. */
static void let_through(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        sem_post(&tickets);
        sem_wait(&arrivals);
    }
}

static void work_with_ticket(struct pool_job *job, void *own)
{
    sem_post(&arrivals);
    sem_wait(&tickets);
    work(job, own);
}

static void submit_at_ticket(struct pool *pool, uint32_t source, struct test_job *job, unsigned id)
{
    *job = make(id);
    job->job.work = work_with_ticket;
    assert_int_equal(pool_submit(pool, source, &job->job), 0);
}

static void let_through_quietly(struct pool *pool, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        let_through(1);
        assert_false(readable(pool));
    }
}

static void answers_come_several_at_a_time(void **state)
{
    struct pool *pool = make_pool(1, 100, 100);
    struct test_job jobs[8];

    sem_init(&tickets, 0, 0);
    sem_init(&arrivals, 0, 0);
    for (unsigned i = 0; i < 7; i++)
        submit_at_ticket(pool, 0, &jobs[i], i);
    sem_wait(&arrivals);
    let_through_quietly(pool, 2);
    let_through(1);
    assert_true(readable(pool));
    assert_int_equal(pool_collect(pool), 3);
    let_through_quietly(pool, 1);
    /* No more than two are pending, so the owner is notified of more. */
    let_through(1);
    assert_int_equal(pool_collect(pool), 2);
    let_through(1);
    assert_int_equal(pool_collect(pool), 1);
    sem_post(&tickets);
    wait_collect(pool);
    assert_int_equal(order_count, 7);
    pool_free(pool);
}

static void an_answer_to_another_source_does_not_wait(void **state)
{
    struct pool *pool = make_pool(1, 100, 100);
    struct test_job jobs[9];

    sem_init(&tickets, 0, 0);
    sem_init(&arrivals, 0, 0);
    /* A source of its own keeps the worker busy until all others are queued. */
    submit_at_ticket(pool, 2, &jobs[8], 8);
    sem_wait(&arrivals);
    for (unsigned i = 0; i < 8; i++)
        submit_at_ticket(pool, i == 7, &jobs[i], i);
    let_through(1);
    assert_int_equal(pool_collect(pool), 1);
    let_through_quietly(pool, 1);
    /* Sources take turns, so this is the other one's. */
    let_through(1);
    assert_true(readable(pool));
    assert_int_equal(pool_collect(pool), 2);
    assert_int_equal(order[2], 7);
    for (unsigned i = 0; i < 6; i++)
        sem_post(&tickets);
    while (order_count < 9)
        wait_collect(pool);
    pool_free(pool);
}

static void limits_are_checked(void **state)
{
    static const struct pool_limits bad[] = {{0, 1, 1}, {1, 0, 1}, {1, 1, 0}};
    struct pool *pool = NULL;

    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(pool_new(&bad[i], NULL, &pool), -EINVAL);
    assert_null(pool);
}

static void threads_start_when_needed(void **state)
{
    struct pool *pool = make_pool(3, 100, 100);
    struct test_job jobs[5];

    assert_int_equal(pool_threads(pool), 0);
    assert_false(readable(pool));
    assert_int_equal(pool_collect(pool), 0);
    for (unsigned i = 0; i < 5; i++) {
        jobs[i] = make(i);
        jobs[i].job.work = work_at_gate;
        assert_int_equal(pool_submit(pool, 0, &jobs[i].job), 0);
        assert_int_equal(pool_threads(pool), i < 3 ? i + 1 : 3);
    }
    assert_int_equal(pool_pending(pool), 5);
    set_gate(true);
    while (jobs[0].done + jobs[1].done + jobs[2].done + jobs[3].done + jobs[4].done < 5)
        wait_collect(pool);
    assert_int_equal(pool_pending(pool), 0);
    assert_false(readable(pool));
    pool_free(pool);
}

static void bounds_push_back(void **state)
{
    struct pool *pool = make_pool(1, 2, 3);
    struct test_job jobs[4];

    for (unsigned i = 0; i < 4; i++) {
        jobs[i] = make(i);
        jobs[i].job.work = work_at_gate;
    }
    assert_int_equal(pool_submit(pool, 7, &jobs[0].job), 0);
    assert_int_equal(pool_submit(pool, 7, &jobs[1].job), 0);
    assert_int_equal(pool_submit(pool, 7, &jobs[2].job), -EAGAIN);
    /* Another source still has room, until both reach the total. */
    assert_int_equal(pool_submit(pool, 8, &jobs[2].job), 0);
    assert_int_equal(pool_submit(pool, 9, &jobs[3].job), -EAGAIN);
    set_gate(true);
    while (jobs[2].done == 0 || jobs[1].done == 0)
        wait_collect(pool);
    assert_int_equal(pool_submit(pool, 9, &jobs[3].job), 0);
    pool_stop(pool);
    assert_int_equal(pool_submit(pool, 7, &jobs[0].job), -ESHUTDOWN);
    assert_int_equal(jobs[3].worked, 1);
    assert_int_equal(jobs[3].done, 0);
    assert_int_equal(pool_collect(pool), 1);
    assert_int_equal(jobs[3].done, 1);
    pool_free(pool);
}

/* A single job does not wait behind the many of another source. */
static void sources_take_turns(void **state)
{
    static const unsigned want[] = {0, 1, 10, 20, 2, 11, 3};
    struct pool *pool = make_pool(1, 10, 20);
    struct test_job jobs[7];
    static const struct {
        unsigned source, id;
    } plan[] = {{0, 0}, {1, 1}, {1, 2}, {1, 3}, {2, 10}, {2, 11}, {3, 20}};

    for (unsigned i = 0; i < 7; i++) {
        jobs[i] = make(plan[i].id);
        if (i == 0)
            jobs[i].job.work = work_at_gate;
        assert_int_equal(pool_submit(pool, plan[i].source, &jobs[i].job), 0);
    }
    set_gate(true);
    pool_stop(pool);
    assert_int_equal(pool_collect(pool), 7);
    for (unsigned i = 0; i < 7; i++)
        assert_int_equal(order[i], want[i]);
    pool_free(pool);
}

/* A job counts the jobs since the worker's memory was tidied. */
static void work_and_leave(struct pool_job *job, void *own)
{
    ((struct test_job *)job)->worked = ++*(unsigned *)own;
}

static void tidy(void *own)
{
    *(unsigned *)own = 0;
    sem_post(&tidied);
}

static void submit_leaving(struct pool *pool, uint32_t source, struct test_job *job)
{
    *job = make(source);
    job->job.work = work_and_leave;
    assert_int_equal(pool_submit(pool, source, &job->job), 0);
}

/* What a job leaves in the worker's memory is seen only by the next job of its source. */
static void what_a_worker_has_stays_with_a_source(void **state)
{
    static const struct pool_own own = {sizeof(unsigned), tidy};
    static const struct pool_limits limits = {1, 10, 20};
    /* In turn: the first, the last, and then the other jobs of source 1. */
    static const unsigned sources[] = {1, 1, 1, 1, 2}, sees[] = {1, 1, 2, 3, 1};
    struct test_job first, jobs[5];
    struct pool *pool;

    sem_init(&tickets, 0, 0);
    sem_init(&arrivals, 0, 0);
    sem_init(&tidied, 0, 0);
    order_count = 0;
    assert_int_equal(pool_new(&limits, &own, &pool), 0);
    submit_at_ticket(pool, 0, &first, 0);
    sem_wait(&arrivals);
    for (unsigned i = 0; i < 5; i++)
        submit_leaving(pool, sources[i], &jobs[i]);
    sem_post(&tickets);
    while (order_count < 6)
        wait_collect(pool);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(jobs[i].worked, sees[i]);
    /* Three times for another source, and once when no job is left. */
    for (unsigned i = 0; i < 4; i++)
        sem_wait(&tidied);
    submit_leaving(pool, 1, &jobs[0]);
    pool_free(pool);
    assert_int_equal(jobs[0].worked, 1);
}

static void done_may_submit(void **state)
{
    struct pool *pool = make_pool(2, 1, 1);
    struct test_job job = make(1);

    job.resubmit = pool;
    assert_int_equal(pool_submit(pool, 0, &job.job), 0);
    while (job.done < 3)
        wait_collect(pool);
    assert_int_equal(job.worked, 3);
    pool_free(pool);
}

/* Freeing the pool finishes and reports all queued jobs. */
static void free_drains(void **state)
{
    struct pool *pool = make_pool(2, 64, 64);
    struct test_job jobs[64];

    set_gate(true);
    for (unsigned i = 0; i < 64; i++) {
        jobs[i] = make(i);
        assert_int_equal(pool_submit(pool, i % 5, &jobs[i].job), 0);
    }
    pool_free(pool);
    for (unsigned i = 0; i < 64; i++)
        assert_true(jobs[i].worked == 1 && jobs[i].done == 1);
    pool_free(NULL);
}

static void many_jobs_many_sources(void **state)
{
    enum { COUNT = 20000 };
    struct pool *pool = make_pool(4, 8, 64);
    struct test_job *jobs = calloc(COUNT, sizeof(*jobs));

    assert_non_null(jobs);
    for (unsigned i = 0; i < COUNT; i++) {
        jobs[i] = make(i);
        while (pool_submit(pool, i * 2654435761u % 97, &jobs[i].job) == -EAGAIN)
            wait_collect(pool);
    }
    pool_stop(pool);
    pool_collect(pool);
    for (unsigned i = 0; i < COUNT; i++)
        assert_true(jobs[i].worked == 1 && jobs[i].done == 1);
    pool_free(pool);
    free(jobs);
}

/* In a process of its own of a user with a limit, since root has none. */
static int submit_without_threads(void)
{
    const struct pool_limits limits = {2, 4, 4};
    struct rlimit none = {0, 0};
    struct test_job job = make(0);
    struct pool *pool;

    if (setuid(65534) < 0 || setrlimit(RLIMIT_NPROC, &none) < 0 ||
        pool_new(&limits, NULL, &pool) < 0)
        return 2;
    return pool_submit(pool, 7, &job.job) == -ENOMEM ? 0 : 1;
}

static void without_threads(void **state)
{
    pid_t child;
    int status;

    if (geteuid() != 0)
        skip();
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(submit_without_threads());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_are_checked),
        cmocka_unit_test(threads_start_when_needed),
        cmocka_unit_test(bounds_push_back),
        cmocka_unit_test(without_threads),
        cmocka_unit_test(sources_take_turns),
        cmocka_unit_test(what_a_worker_has_stays_with_a_source),
        cmocka_unit_test(done_may_submit),
        cmocka_unit_test(free_drains),
        cmocka_unit_test(many_jobs_many_sources),
        cmocka_unit_test(answers_come_several_at_a_time),
        cmocka_unit_test(an_answer_to_another_source_does_not_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
