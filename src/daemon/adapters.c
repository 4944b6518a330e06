/* SPDX-License-Identifier: MIT */
#include "daemon/adapters.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/error.h"
#include "crypto/job.h"
#include "crypto/refused.h"
#include "daemon/firmware.h"
#include "message/type50.h"

#define PER_SOURCE  4096u  /* limit of jobs in the pool for the host, and for each guest */
#define TOTAL       65536u /* limit of jobs in the pool */
#define REFUSED_MAX 64u    /* services that are logged because no adapter has them */
#define RETRY_US    10000u /* if the pool has no room */

/* A job under way: in the pool, in held, or in small. */
struct work {
    STAILQ_ENTRY(work) link;
    struct adapters *adapters;
    uint64_t id;
    uint32_t source;
    struct crypto_job *job;
    void (*compute)(struct pool_job *job, void *own);
};

STAILQ_HEAD(work_list, work);

struct adapters {
    struct door *door;
    struct pool *pool;
    sd_event_source *finished; /* the pool has finished jobs */
    sd_event_source *soon;     /* enabled while small is not empty */
    sd_event_source *retry;    /* armed when the pool rejects a job */
    struct work_list held;     /* jobs that the pool had no room for, oldest first */
    struct work_list small;    /* jobs computed on the event loop: cheaper, or there is no thread */
    unsigned small_count;
    struct modexp_kept kept; /* state kept from the last small job */
    uint32_t kept_source;    /* the source of that job */
    bool alone;              /* it was logged that there are no threads */
    struct firmware *firmware;
    char (*refused)[CRYPTO_SERVICE_TEXT]; /* services that were logged */
    size_t refused_count;
    atomic_bool closing;
};

static void work_free(struct work *w)
{
    crypto_job_free(w->job);
    free(w);
}

/* Each once; a client that tries many is not told of for ever. */
static void log_refused(struct adapters *a, const struct crypto_job *job)
{
    char name[CRYPTO_SERVICE_TEXT];
    text_auto message = {0};

    if (a->refused_count == REFUSED_MAX ||
        !crypto_refused(job->card.mode, buffer_span(&job->reply), name))
        return;
    for (size_t i = 0; i < a->refused_count; i++)
        if (strcmp(a->refused[i], name) == 0)
            return;
    a->refused = xrealloc(a->refused, (a->refused_count + 1) * sizeof *a->refused);
    memcpy(a->refused[a->refused_count++], name, sizeof name);
    text_addf(&message, "%s was requested, which the adapters here do not have: it is refused%s",
              name, a->refused_count == REFUSED_MAX ? "; no more of these are logged" : "");
    a->door->log(a->door, LOG_LEVEL_INFO, message.data);
}

/* The result is ignored: -ESTALE only means that the queue was reset in the meantime. */
static void work_answer(struct work *w)
{
    struct door *door = w->adapters->door;
    struct command cmd = {.kind = CMD_JOB_DONE,
                          .job = {w->id, w->job->reply.data, w->job->reply.len}};
    struct reply reply = {0};

    if (!atomic_load(&w->adapters->closing)) {
        log_refused(w->adapters, w->job);
        door->execute(door, &cmd, &reply);
        reply_done(&reply);
    }
    work_free(w);
}

static void on_done(struct pool_job *job)
{
    work_answer(crypto_job_of(job)->context);
}

/* Runs on a worker thread. When the daemon is closing, the remaining jobs are skipped. */
static void compute(struct pool_job *job, void *own)
{
    struct work *w = crypto_job_of(job)->context;

    if (!atomic_load(&w->adapters->closing))
        w->compute(job, own);
}

/* To be computed on the event loop. */
static void work_here(struct adapters *a, struct work *w)
{
    STAILQ_INSERT_TAIL(&a->small, w, link);
    a->small_count++;
    sd_event_source_set_enabled(a->soon, SD_EVENT_ON);
}

static void log_alone(struct adapters *a)
{
    text_auto message = {0};

    if (a->alone)
        return;
    a->alone = true;
    text_addf(&message, "cannot start a thread that computes, so requests are slow: %s",
              error_text(EAGAIN));
    a->door->log(a->door, LOG_LEVEL_WARNING, message.data);
}

static void work_submit(struct adapters *a, struct work *w)
{
    int rc = pool_submit(a->pool, w->source, &w->job->pool);

    if (rc == 0)
        return;
    if (rc == -ENOMEM) {
        log_alone(a);
        work_here(a, w);
        return;
    }
    STAILQ_INSERT_TAIL(&a->held, w, link);
    sd_event_source_set_time_relative(a->retry, RETRY_US);
    sd_event_source_set_enabled(a->retry, SD_EVENT_ONESHOT);
}

/* Submits what fits. A source at its limit does not hold up the others. */
static void submit_held(struct adapters *a)
{
    struct work_list held = STAILQ_HEAD_INITIALIZER(held);
    struct work *w;

    STAILQ_CONCAT(&held, &a->held);
    while ((w = STAILQ_FIRST(&held))) {
        STAILQ_REMOVE_HEAD(&held, link);
        work_submit(a, w);
    }
}

static int on_finished(sd_event_source *source, int fd, uint32_t revents, void *data)
{
    struct adapters *a = data;

    pool_collect(a->pool);
    if (!STAILQ_EMPTY(&a->held))
        submit_held(a);
    return 0;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *data)
{
    submit_held(data);
    return 0;
}

/* One job for each round of the event loop, so that clients and finished jobs do not wait long. */
static int on_soon(sd_event_source *source, void *data)
{
    struct adapters *a = data;
    struct work *w = STAILQ_FIRST(&a->small);

    STAILQ_REMOVE_HEAD(&a->small, link);
    if (--a->small_count == 0)
        sd_event_source_set_enabled(source, SD_EVENT_OFF);
    if (w->source != a->kept_source)
        modexp_forget(&a->kept);
    a->kept_source = w->source;
    w->compute(&w->job->pool, &a->kept);
    work_answer(w);
    return 0;
}

#define SMALL_EXPONENT 4u  /* bytes */
#define SMALL_MAX      64u /* small jobs that may wait: about a millisecond of work */

/*
 * A public key operation of up to 1024 bits takes a few microseconds, less than waking a thread
 * and being woken by it.
 */
static bool is_small(const struct core_job *job)
{
    struct type50_request r;
    struct span e;

    if (job->card->mode != AP_MODE_ACCEL || type50_parse(span_of(job->request, job->len), &r) < 0 ||
        r.rsa.crt || r.size > 128)
        return false;
    for (e = r.rsa.me.exponent; e.len && !*e.data; e.len--)
        e.data++;
    return e.len <= SMALL_EXPONENT;
}

static struct work *work_new(struct adapters *a, const struct core_job *job)
{
    struct work *w = xcalloc(1, sizeof(*w));
    const struct crypto_domain *domain = NULL;
    struct crypto_card card;

    firmware_card(job->card, job->domains, &card);
    if (card.mode != CRYPTO_ACCELERATOR)
        domain = firmware_domain(a->firmware, job->qn, job->key_generation);
    *w = (struct work){.adapters = a, .id = job->id, .source = job->source};
    w->job =
        crypto_job_new(&card, domain, span_of(job->request, job->len),
                       card.mode == CRYPTO_ACCELERATOR ? TYPE80_BYTES_MAX : CRYPTO_REPLY_BYTES);
    if (!w->job)
        abort();
    w->job->context = w;
    w->compute = w->job->pool.work;
    w->job->pool.work = compute;
    w->job->pool.done = on_done;
    return w;
}

static void take_job(struct adapters *a, uint64_t id)
{
    struct core_job job;
    struct work *w;

    if (core_job_get(a->door->core, id, &job) < 0)
        return;
    w = work_new(a, &job);
    /* With very many small jobs the pool is better: there the sources take turns. */
    if (is_small(&job) && a->small_count < SMALL_MAX)
        work_here(a, w);
    else
        work_submit(a, w);
}

void adapters_effects(struct adapters *a, const struct effects *effects)
{
    for (size_t i = 0; i < effects->count; i++)
        if (effects->v[i].kind == EFFECT_JOB)
            take_job(a, effects->v[i].node);
}

/* Called synchronously while an attribute is read; such a query takes a few microseconds. */
static void answer_question(void *ctx, const struct machine_job *request,
                            const struct adapter_config *config, unsigned domains,
                            struct text *reply)
{
    struct adapters *a = ctx;
    uint8_t room[CRYPTO_REPLY_BYTES];
    struct buffer out = buffer_of(room, sizeof(room));
    struct crypto_card card;

    firmware_card(config, domains, &card);
    if (crypto_answer(&card, firmware_domain(a->firmware, request->qn, request->zeroize_count),
                      span_of(request->request, request->len), NULL, &out) < 0)
        abort();
    text_add(reply, (const char *)out.data, out.len);
}

static int add_sources(struct adapters *a, sd_event *event)
{
    int rc = sd_event_add_io(event, &a->finished, pool_fd(a->pool), EPOLLIN, on_finished, a);

    if (rc >= 0)
        rc = sd_event_add_defer(event, &a->soon, on_soon, a);
    if (rc >= 0)
        rc = sd_event_source_set_enabled(a->soon, SD_EVENT_OFF);
    if (rc >= 0)
        rc = sd_event_add_time_relative(event, &a->retry, CLOCK_MONOTONIC, 0, 0, on_retry, a);
    if (rc >= 0)
        rc = sd_event_source_set_enabled(a->retry, SD_EVENT_OFF);
    return rc;
}

/*
 * The number of CPUs that the daemon may use. Not by sysconf(3), which reads a file in /sys: that
 * may be on our own FUSE mount, and the read would deadlock.
 */
static unsigned usable_cpus(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) < 0 || CPU_COUNT(&set) < 1)
        return 1;
    return (unsigned)CPU_COUNT(&set);
}

static int new_firmware(struct adapters *a, const uint8_t secret[CRYPTO_KEY_BYTES])
{
    bool locked = false;

    a->firmware = firmware_new(secret, &locked);
    if (!a->firmware)
        return -ENOMEM;
    if (!locked)
        a->door->log(a->door, LOG_LEVEL_WARNING,
                     "the adapters' keys cannot be locked in memory and may be swapped out: the "
                     "limit is too low (ulimit -l, or LimitMEMLOCK= of the service)");
    return 0;
}

int adapters_new(struct door *door, sd_event *event, const uint8_t secret[CRYPTO_KEY_BYTES],
                 struct adapters **out)
{
    struct adapters *a = xcalloc(1, sizeof(*a));
    struct pool_limits limits = {usable_cpus(), PER_SOURCE, TOTAL};
    int rc;

    a->door = door;
    STAILQ_INIT(&a->held);
    STAILQ_INIT(&a->small);
    rc = new_firmware(a, secret);
    if (rc == 0)
        rc = pool_new(&limits, &crypto_job_own, &a->pool);
    if (rc >= 0)
        rc = add_sources(a, event);
    if (rc < 0) {
        adapters_free(a);
        return rc;
    }
    core_set_firmware(door->core, &(struct machine_firmware){answer_question, a});
    *out = a;
    return 0;
}

static void free_all(struct work_list *list)
{
    while (!STAILQ_EMPTY(list)) {
        struct work *w = STAILQ_FIRST(list);

        STAILQ_REMOVE_HEAD(list, link);
        work_free(w);
    }
}

void adapters_free(struct adapters *a)
{
    if (!a)
        return;
    atomic_store(&a->closing, true);
    core_set_firmware(a->door->core, NULL);
    pool_free(a->pool);
    free_all(&a->held);
    free_all(&a->small);
    modexp_forget(&a->kept);
    free(a->refused);
    firmware_free(a->firmware);
    sd_event_source_disable_unref(a->finished);
    sd_event_source_disable_unref(a->soon);
    sd_event_source_disable_unref(a->retry);
    free(a);
}
