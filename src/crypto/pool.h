/* SPDX-License-Identifier: MIT */
#ifndef APUS_CRYPTO_POOL_H
#define APUS_CRYPTO_POOL_H

#include <stddef.h>
#include <stdint.h>

/*
 * Worker threads with bounded queues. One owner thread submits jobs and collects finished ones in
 * its event loop. Threads are started when there is work, and never wake up without any. Workers
 * serve the sources round robin, so that none (a guest, a client) starves the others; jobs of one
 * source are taken in the order of submission.
 */
struct pool;

/*
 * Embedded in the submitter's job, which must live until done is called. work runs on a worker with
 * the worker's own memory (struct pool_own), and must not touch the owner's state; done runs in
 * pool_collect. The other members are private to the pool.
 */
struct pool_job {
    void (*work)(struct pool_job *job, void *own);
    void (*done)(struct pool_job *job);
    struct pool_job *next;
    struct pool_source *source;
};

struct pool_limits {
    unsigned threads;    /* maximum number of threads, at least 1 */
    unsigned per_source; /* jobs of one source that wait or run */
    unsigned total;      /* jobs of all sources that wait or run */
};

/*
 * Memory private to each worker, initially zero. tidy is called before the worker waits or ends,
 * and before it takes a job of another source. So what a job leaves there is seen only by a job of
 * the same source that follows immediately.
 */
struct pool_own {
    size_t size;
    void (*tidy)(void *own);
};

/* own NULL: workers have no memory of their own. 0; -EINVAL: a limit is 0; -ENOMEM; or the -errno
 * of eventfd(2). */
int pool_new(const struct pool_limits *limits, const struct pool_own *own, struct pool **out);

/*
 * Readable when finished jobs wait for pool_collect. While more than two jobs per thread of a
 * source wait or run, its finished jobs are signalled several at a time.
 */
int pool_fd(const struct pool *pool);

/*
 * 0: done will be called exactly once for the job. Otherwise the job was not accepted: -EAGAIN: a
 * limit is reached; -ENOMEM: there is no thread, and none can be started; -ESHUTDOWN after
 * pool_stop.
 */
int pool_submit(struct pool *pool, uint32_t source, struct pool_job *job);

/* Calls done for all finished jobs in the order in which they finished, and returns their number.
 * done may submit jobs and may free its own. */
unsigned pool_collect(struct pool *pool);

/* Accepts no more jobs, finishes the accepted ones, ends the threads. */
void pool_stop(struct pool *pool);

/* Stops, collects, frees. NULL is allowed. */
void pool_free(struct pool *pool);

/* Threads started so far; jobs that wait or run. For metrics and tests. */
unsigned pool_threads(struct pool *pool);
unsigned pool_pending(struct pool *pool);

#endif
