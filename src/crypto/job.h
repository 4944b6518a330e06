/* SPDX-License-Identifier: MIT */
#ifndef APUS_CRYPTO_JOB_H
#define APUS_CRYPTO_JOB_H

#include "crypto/firmware.h"
#include "crypto/pool.h"

/*
 * One request in the pool, and its reply. It holds copies of all that the worker needs, so that the
 * owner's state may change meanwhile. The owner sets pool.done and context before it submits
 * &job->pool.
 */
struct crypto_job {
    struct pool_job pool; /* first: done gets a pointer to it */
    void *context;
    struct crypto_card card;
    struct crypto_domain domain;
    struct buffer request; /* cleansed and emptied once answered */
    struct buffer reply;
    uint8_t bytes[];
};

/* The memory of each worker: values kept while consecutive requests use the same key. */
extern const struct pool_own crypto_job_own;

/* domain may be NULL for an accelerator. reply_room at least 8, CRYPTO_REPLY_BYTES for any reply.
 * NULL if out of memory. */
struct crypto_job *crypto_job_new(const struct crypto_card *card,
                                  const struct crypto_domain *domain, struct span request,
                                  size_t reply_room);

/* Cleanses and frees; NULL is allowed. */
void crypto_job_free(struct crypto_job *job);

static inline struct crypto_job *crypto_job_of(struct pool_job *job)
{
    return (struct crypto_job *)job;
}

#endif
