/* SPDX-License-Identifier: MIT */
#ifndef APUS_CRYPTO_POOL_H
#define APUS_CRYPTO_POOL_H

#include <stddef.h>
#include <stdint.h>

/*
 * Worker threads with bounded queues. One owner thread submits jobs and collects finished ones in
 * its event loop; threads start when there is work for them and then sleep without waking up.
 * Workers take jobs in turn from all sources that have some (a source is whoever must not starve
 * the others: a guest, a client), within a source in the order of submission.
 */
struct pool;

/*
 * Embedded in the submitter's job, which must live until done was called. work runs on a worker,
 * gets what the worker has for itself (struct pool_own) and must not touch the owner's state; done
 * runs in pool_collect. The rest is the pool's.
 */
struct pool_job {
    void (*work)(struct pool_job *job, void *own);
    void (*done)(struct pool_job *job);
    struct pool_job *next;
    struct pool_source *source;
};

struct pool_limits {
    unsigned threads;    /* at most that many; at least 1 */
    unsigned per_source; /* jobs of one source that wait or run */
    unsigned total;      /* jobs of all sources that wait or run */
};

/*
 * Memory that each worker has for itself, zeroed at first. tidy is called before the worker waits
 * or ends and before it takes a job of another source: what one job leaves there is for the next
 * job of the same source that waits already, and for nobody else.
 */
struct pool_own {
    size_t size;
    void (*tidy)(void *own);
};

/* own NULL: workers have nothing. 0; -EINVAL a limit of 0; -ENOMEM; or what eventfd fails with. */
int pool_new(const struct pool_limits *limits, const struct pool_own *own, struct pool **out);

/*
 * Readable when finished jobs wait for pool_collect: at once, or, while more than two jobs of the
 * same source for each thread wait or run, for several together.
 */
int pool_fd(const struct pool *pool);

/*
 * 0: done will be called exactly once for the job. Otherwise the job was not taken: -EAGAIN a bound
 * is reached; -ENOMEM there is no thread, and none can be started; -ESHUTDOWN after pool_stop.
 */
int pool_submit(struct pool *pool, uint32_t source, struct pool_job *job);

/* Calls done for all finished jobs, in the order in which they finished; returns how many. done may
 * submit again and may free its job. */
unsigned pool_collect(struct pool *pool);

/* Takes no more jobs, finishes those that it has, ends the threads. */
void pool_stop(struct pool *pool);

/* Stops, collects, frees. NULL is allowed. */
void pool_free(struct pool *pool);

/* How many threads were started so far; jobs that wait or run. For metrics and tests. */
unsigned pool_threads(struct pool *pool);
unsigned pool_pending(struct pool *pool);

#endif
