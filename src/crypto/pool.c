/* SPDX-License-Identifier: MIT */
#include "crypto/pool.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/text.h"
#include "thread/thread.h"

#define BUCKETS 64u

struct job_list {
    struct pool_job *first, **end;
};

/* Exists while it has jobs that wait or run. */
struct pool_source {
    uint32_t id;
    unsigned pending;
    struct job_list waiting;
    struct pool_source *next_in_bucket, *next_in_turn;
};

struct pool {
    struct pool_limits limits;
    struct pool_own own;
    int fd;
    pthread_mutex_t lock;
    pthread_cond_t work; /* a job waits, or the pool is stopping */
    /* All below is protected by lock. */
    struct pool_source *buckets[BUCKETS];
    struct pool_source *turn, **turn_end; /* sources with waiting jobs, next one first */
    struct job_list finished;
    unsigned waiting, pending, finished_count, idle, started;
    bool told; /* fd is readable */
    bool stopping;
    pthread_t threads[];
};

static void list_init(struct job_list *list)
{
    list->first = NULL;
    list->end = &list->first;
}

static void list_add(struct job_list *list, struct pool_job *job)
{
    job->next = NULL;
    *list->end = job;
    list->end = &job->next;
}

static struct pool_job *list_take(struct job_list *list)
{
    struct pool_job *job = list->first;

    list->first = job->next;
    if (!list->first)
        list->end = &list->first;
    return job;
}

static struct pool_source **source_place(struct pool *pool, uint32_t id)
{
    struct pool_source **place = &pool->buckets[id % BUCKETS];

    while (*place && (*place)->id != id)
        place = &(*place)->next_in_bucket;
    return place;
}

static void turn_add(struct pool *pool, struct pool_source *source)
{
    source->next_in_turn = NULL;
    *pool->turn_end = source;
    pool->turn_end = &source->next_in_turn;
}

static struct pool_source *turn_take(struct pool *pool)
{
    struct pool_source *source = pool->turn;

    pool->turn = source->next_in_turn;
    if (!pool->turn)
        pool->turn_end = &pool->turn;
    return source;
}

static struct pool_job *take_job(struct pool *pool)
{
    struct pool_source *source = turn_take(pool);
    struct pool_job *job = list_take(&source->waiting);

    if (source->waiting.first)
        turn_add(pool, source);
    pool->waiting--;
    return job;
}

/* Adding 1 to an eventfd that is 0 cannot fail. */
static void tell(struct pool *pool)
{
    uint64_t one = 1;

    if (!pool->told && write(pool->fd, &one, sizeof(one)) != sizeof(one))
        abort();
    pool->told = true;
}

/*
 * Each wake-up of the owner takes the processor away from a worker. So while a source has many jobs
 * waiting, the owner is notified of several finished ones at a time. A finished job waits for at
 * most two more jobs of each thread, and no longer than the source's next job waits anyway.
 */
static bool can_wait(const struct pool *pool, const struct pool_source *source)
{
    unsigned rounds = 2 * pool->limits.threads;

    return pool->finished_count <= rounds && source->pending >= rounds + pool->finished_count;
}

/* True if the owner was notified and has not collected yet. */
static bool finish_job(struct pool *pool, struct pool_job *job)
{
    struct pool_source *source = job->source;
    bool wait, told;

    pthread_mutex_lock(&pool->lock);
    source->pending--;
    pool->pending--;
    job->source = NULL;
    list_add(&pool->finished, job);
    pool->finished_count++;
    wait = can_wait(pool, source);
    if (source->pending == 0) {
        *source_place(pool, source->id) = source->next_in_bucket;
        free(source);
    }
    if (!wait)
        tell(pool);
    told = pool->told;
    pthread_mutex_unlock(&pool->lock);
    return told;
}

/* Called with the lock held, as all above. NULL: the pool is stopping and no job is left. */
static struct pool_job *wait_for_job(struct pool *pool)
{
    while (!pool->turn && !pool->stopping) {
        pool->idle++;
        pthread_cond_wait(&pool->work, &pool->lock);
        pool->idle--;
    }
    return pool->turn ? take_job(pool) : NULL;
}

struct worker {
    struct pool *pool;
    void *own;
    uint32_t source; /* of its last job */
    bool untidy;
};

static void tidy(struct worker *w)
{
    if (w->untidy)
        w->pool->own.tidy(w->own);
    w->untidy = false;
}

static struct pool_job *next_job(struct worker *w)
{
    struct pool *pool = w->pool;
    struct pool_job *job;

    pthread_mutex_lock(&pool->lock);
    if (!pool->turn)
        tidy(w);
    job = wait_for_job(pool);
    pthread_mutex_unlock(&pool->lock);
    if (job && job->source->id != w->source)
        tidy(w);
    if (job)
        w->source = job->source->id;
    return job;
}

static void *run_worker(void *argument)
{
    struct pool *pool = argument;
    struct worker w = {pool, xcalloc(1, pool->own.size)};
    struct pool_job *job;

    while ((job = next_job(&w))) {
        w.untidy = pool->own.size > 0;
        job->work(job, w.own);
        /*
         * The notified owner may be waiting for this very processor. Without the yield it would
         * wait until the worker's time slice ends, and the other workers could run out of jobs.
         */
        if (finish_job(pool, job))
            sched_yield();
    }
    free(w.own);
    return NULL;
}

static int start_thread(struct pool *pool)
{
    int rc = thread_start("apus-crypto", run_worker, pool, &pool->threads[pool->started]);

    if (rc == 0)
        pool->started++;
    return rc;
}

int pool_new(const struct pool_limits *limits, const struct pool_own *own, struct pool **out)
{
    struct pool *pool;

    if (!limits->threads || !limits->per_source || !limits->total)
        return -EINVAL;
    pool = calloc(1, sizeof(*pool) + limits->threads * sizeof(pool->threads[0]));
    if (!pool)
        return -ENOMEM;
    pool->limits = *limits;
    if (own)
        pool->own = *own;
    pool->turn_end = &pool->turn;
    list_init(&pool->finished);
    pool->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (pool->fd < 0) {
        free(pool);
        return -errno;
    }
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    *out = pool;
    return 0;
}

int pool_fd(const struct pool *pool)
{
    return pool->fd;
}

static int enqueue(struct pool *pool, uint32_t id, struct pool_job *job)
{
    struct pool_source **place = source_place(pool, id), *source = *place;

    if (!source) {
        source = calloc(1, sizeof(*source));
        if (!source)
            return -EAGAIN;
        source->id = id;
        list_init(&source->waiting);
        *place = source;
    }
    if (!source->waiting.first)
        turn_add(pool, source);
    list_add(&source->waiting, job);
    job->source = source;
    source->pending++;
    pool->pending++;
    pool->waiting++;
    return 0;
}

static int submit(struct pool *pool, uint32_t id, struct pool_job *job)
{
    struct pool_source *source = *source_place(pool, id);

    if (pool->stopping)
        return -ESHUTDOWN;
    if (pool->pending >= pool->limits.total ||
        (source && source->pending >= pool->limits.per_source))
        return -EAGAIN;
    if (pool->waiting >= pool->idle && pool->started < pool->limits.threads &&
        start_thread(pool) < 0 && pool->started == 0)
        return -ENOMEM;
    return enqueue(pool, id, job);
}

int pool_submit(struct pool *pool, uint32_t source, struct pool_job *job)
{
    bool idle;
    int r;

    pthread_mutex_lock(&pool->lock);
    r = submit(pool, source, job);
    idle = pool->idle > 0;
    pthread_mutex_unlock(&pool->lock);
    if (!r && idle)
        pthread_cond_signal(&pool->work);
    return r;
}

unsigned pool_collect(struct pool *pool)
{
    struct pool_job *job, *next;
    unsigned count = 0;
    uint64_t value;

    pthread_mutex_lock(&pool->lock);
    job = pool->finished.first;
    list_init(&pool->finished);
    /* With the lock held, so that the next job to finish finds the counter at 0. */
    if (pool->told && read(pool->fd, &value, sizeof(value)) != sizeof(value))
        abort();
    pool->told = false;
    pool->finished_count = 0;
    pthread_mutex_unlock(&pool->lock);
    for (; job; job = next, count++) {
        next = job->next;
        job->done(job);
    }
    return count;
}

void pool_stop(struct pool *pool)
{
    unsigned started;

    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    started = pool->started;
    pool->started = 0;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < started; i++)
        pthread_join(pool->threads[i], NULL);
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    pool_stop(pool);
    pool_collect(pool);
    close(pool->fd);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

unsigned pool_threads(struct pool *pool)
{
    unsigned n;

    pthread_mutex_lock(&pool->lock);
    n = pool->started;
    pthread_mutex_unlock(&pool->lock);
    return n;
}

unsigned pool_pending(struct pool *pool)
{
    unsigned n;

    pthread_mutex_lock(&pool->lock);
    n = pool->pending;
    pthread_mutex_unlock(&pool->lock);
    return n;
}
