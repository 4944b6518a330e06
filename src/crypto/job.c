/* SPDX-License-Identifier: MIT */
#include "crypto/job.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/memory.h"

/* The kept values of a key are cleansed by the first request that does not use them. */
static void work(struct pool_job *pool_job, void *own)
{
    struct crypto_job *job = crypto_job_of(pool_job);
    struct modexp_kept *kept = own;

    if (kept)
        kept->used = false;
    /* crypto_job_new guarantees room for an error reply. */
    if (crypto_answer(&job->card, &job->domain, buffer_span(&job->request), kept, &job->reply) < 0)
        abort();
    if (kept && !kept->used)
        modexp_forget(kept);
    explicit_bzero(job->request.data, job->request.len);
    job->request.len = 0;
    crypto_stack_cleanse();
}

static void tidy(void *own)
{
    modexp_forget(own);
}

const struct pool_own crypto_job_own = {sizeof(struct modexp_kept), tidy};

struct crypto_job *crypto_job_new(const struct crypto_card *card,
                                  const struct crypto_domain *domain, struct span request,
                                  size_t reply_room)
{
    struct crypto_job *job;

    if (reply_room < ERROR_REPLY_BYTES)
        abort();
    job = malloc(sizeof(*job) + request.len + reply_room);
    if (!job)
        return NULL;
    memset(job, 0, sizeof(*job));
    job->pool.work = work;
    job->card = *card;
    if (domain)
        job->domain = *domain;
    job->request = buffer_of(job->bytes, request.len);
    buffer_add_span(&job->request, request);
    job->reply = buffer_of(job->bytes + request.len, reply_room);
    return job;
}

void crypto_job_free(struct crypto_job *job)
{
    if (!job)
        return;
    crypto_domain_done(&job->domain);
    explicit_bzero(job->request.data, job->request.len);
    explicit_bzero(job->reply.data, job->reply.room); /* an error reply may cover a key */
    free(job);
}
