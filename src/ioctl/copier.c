/* SPDX-License-Identifier: MIT */
#include "ioctl/copier.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "thread/thread.h"

#define SHARED_THREADS 32u  /* for all processes */
#define THREADS_MAX    512u /* those beyond are for processes that have none */
#define PER_USER       128u
#define PER_PROCESS    8u
#define BUCKETS        256u
#define PATIENCE_NS    200000000L /* copier_free: for copies under way */
#define RETRY_US       50000u     /* interval of attempts to start a thread */
#define RETRIES        20u        /* number of attempts before waiting copies are given up */

TAILQ_HEAD(copy_list, copy);
TAILQ_HEAD(customer_list, customer);
TAILQ_HEAD(user_list, user);

/* A user; exists as long as it has customers. */
struct user {
    uid_t uid;
    unsigned running, customers;
    /* Customers with waiting copies: those without a thread, which are served first, and others. */
    struct customer_list first, others;
    TAILQ_ENTRY(user) link;
};

/* A process; exists as long as it has copies waiting or under way. */
struct customer {
    struct user *user;
    pid_t process;
    unsigned running;
    struct copy_list waiting;
    struct customer_list *queue; /* the list it is in; NULL: none */
    TAILQ_ENTRY(customer) in_queue;
    LIST_ENTRY(customer) in_bucket;
};

struct copier {
    int fd; /* readable while finished is not empty */
    sd_event_source *source, *retry;
    copier_no_thread *no_thread;
    void *data;
    unsigned refusals; /* attempts to start a thread since one could be started */
    pthread_mutex_t lock;
    pthread_cond_t work, ended;
    /* All below under lock. */
    LIST_HEAD(, customer) buckets[BUCKETS];
    struct user_list users; /* the next one to be served first */
    struct copy_list finished;
    unsigned threads, idle, running, waiting_count;
    bool quit;
};

static struct user *user_get(struct copier *c, uid_t uid)
{
    struct user *user;

    TAILQ_FOREACH (user, &c->users, link)
        if (user->uid == uid)
            return user;
    user = xcalloc(1, sizeof *user);
    user->uid = uid;
    TAILQ_INIT(&user->first);
    TAILQ_INIT(&user->others);
    TAILQ_INSERT_TAIL(&c->users, user, link);
    return user;
}

static struct customer *customer_get(struct copier *c, uid_t uid, pid_t process)
{
    struct customer *customer;

    LIST_FOREACH (customer, &c->buckets[(unsigned)process % BUCKETS], in_bucket)
        if (customer->process == process && customer->user->uid == uid)
            return customer;
    customer = xcalloc(1, sizeof *customer);
    customer->user = user_get(c, uid);
    customer->user->customers++;
    customer->process = process;
    TAILQ_INIT(&customer->waiting);
    LIST_INSERT_HEAD(&c->buckets[(unsigned)process % BUCKETS], customer, in_bucket);
    return customer;
}

static void customer_free(struct copier *c, struct customer *customer)
{
    struct user *user = customer->user;

    LIST_REMOVE(customer, in_bucket);
    free(customer);
    if (--user->customers == 0) {
        TAILQ_REMOVE(&c->users, user, link);
        free(user);
    }
}

/* Moves the customer to the right list, or frees it. */
static void customer_settle(struct copier *c, struct customer *customer)
{
    struct user *user = customer->user;
    struct customer_list *queue = NULL;

    if (customer->queue)
        TAILQ_REMOVE(customer->queue, customer, in_queue);
    if (!TAILQ_EMPTY(&customer->waiting) && customer->running < PER_PROCESS)
        queue = customer->running ? &user->others : &user->first;
    customer->queue = queue;
    if (queue)
        TAILQ_INSERT_TAIL(queue, customer, in_queue);
    else if (TAILQ_EMPTY(&customer->waiting) && !customer->running)
        customer_free(c, customer);
}

/* The user's next customer. Beyond the shared threads only processes without a thread get one. */
static struct customer *next_of(const struct copier *c, const struct user *user)
{
    if (user->running >= PER_USER)
        return NULL;
    if (TAILQ_EMPTY(&user->first) && c->running < SHARED_THREADS)
        return TAILQ_FIRST(&user->others);
    return TAILQ_FIRST(&user->first);
}

static struct customer *next_customer(struct copier *c)
{
    struct customer *customer;
    struct user *user;

    TAILQ_FOREACH (user, &c->users, link)
        if ((customer = next_of(c, user))) {
            TAILQ_REMOVE(&c->users, user, link);
            TAILQ_INSERT_TAIL(&c->users, user, link);
            return customer;
        }
    return NULL;
}

static void count_running(struct copier *c, struct customer *customer, int more)
{
    customer->running += (unsigned)more;
    customer->user->running += (unsigned)more;
    c->running += (unsigned)more;
    customer_settle(c, customer);
}

static void forget_waiting(struct copier *c, struct copy *copy)
{
    TAILQ_REMOVE(&copy->customer->waiting, copy, link);
    copy->waiting = false;
    c->waiting_count--;
}

/* Takes the next copy. NULL: there is none, or none that may have another thread. */
static struct copy *take(struct copier *c)
{
    struct customer *customer = next_customer(c);
    struct copy *copy;

    if (!customer)
        return NULL;
    copy = TAILQ_FIRST(&customer->waiting);
    forget_waiting(c, copy);
    count_running(c, customer, 1);
    copy->begin(copy);
    return copy;
}

static void finish(struct copier *c, struct copy *copy)
{
    count_running(c, copy->customer, -1);
    if (TAILQ_EMPTY(&c->finished))
        eventfd_write(c->fd, 1);
    TAILQ_INSERT_TAIL(&c->finished, copy, link);
}

static void run(struct copier *c, struct copy *copy)
{
    pthread_mutex_unlock(&c->lock);
    copy->work(copy);
    pthread_mutex_lock(&c->lock);
    finish(c, copy);
}

static void copier_destroy(struct copier *c)
{
    struct customer *customer;

    for (unsigned i = 0; i < BUCKETS; i++)
        while ((customer = LIST_FIRST(&c->buckets[i]))) {
            customer_free(c, customer);
        }
    pthread_mutex_unlock(&c->lock);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->work);
    pthread_cond_destroy(&c->ended);
    close(c->fd);
    free(c);
}

static void *copier_main(void *data)
{
    struct copier *c = data;

    pthread_mutex_lock(&c->lock);
    for (;;) {
        struct copy *copy = take(c);

        if (copy) {
            run(c, copy);
            continue;
        }
        if (c->quit || c->threads > SHARED_THREADS)
            break;
        c->idle++;
        pthread_cond_wait(&c->work, &c->lock);
        c->idle--;
    }
    c->threads--;
    pthread_cond_signal(&c->ended);
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* Called with the lock held, on the event loop. On failure the copy waits for a busy thread or a
 * later attempt. */
static void start_thread(struct copier *c)
{
    int rc = thread_start("apus-copy", copier_main, c, NULL);

    if (rc == 0) {
        c->threads++;
        c->refusals = 0;
        return;
    }
    if (c->refusals++ == 0)
        c->no_thread(c->data, rc);
    sd_event_source_set_time_relative(c->retry, RETRY_US);
    sd_event_source_set_enabled(c->retry, SD_EVENT_ONESHOT);
}

static void give_up(struct copier *c)
{
    struct copy *copy;

    while ((copy = take(c))) {
        copy->given_up = true;
        finish(c, copy);
    }
}

static int on_retry(sd_event_source *source, uint64_t usec, void *data)
{
    struct copier *c = data;

    pthread_mutex_lock(&c->lock);
    if (c->waiting_count > c->idle)
        start_thread(c);
    if (c->refusals > RETRIES)
        give_up(c);
    pthread_mutex_unlock(&c->lock);
    return 0;
}

/* Whether a new thread would help. Copies of a user or process at its limit do not count. */
static bool wants_thread(const struct copier *c, const struct customer *customer)
{
    return c->waiting_count > c->idle && customer->user->running < PER_USER &&
           c->threads < (customer->running ? SHARED_THREADS : THREADS_MAX);
}

bool copier_submit(struct copier *c, struct copy *copy)
{
    bool here;

    pthread_mutex_lock(&c->lock);
    copy->given_up = false;
    copy->customer = customer_get(c, copy->uid, copy->process);
    TAILQ_INSERT_TAIL(&copy->customer->waiting, copy, link);
    copy->waiting = true;
    c->waiting_count++;
    customer_settle(c, copy->customer);
    if (wants_thread(c, copy->customer))
        start_thread(c);
    here = copy->trusted && c->threads == 0;
    if (here) {
        forget_waiting(c, copy);
        customer_settle(c, copy->customer);
    }
    pthread_cond_signal(&c->work);
    pthread_mutex_unlock(&c->lock);
    return !here;
}

bool copier_cancel(struct copier *c, struct copy *copy)
{
    bool waiting;

    pthread_mutex_lock(&c->lock);
    waiting = copy->waiting;
    if (waiting) {
        forget_waiting(c, copy);
        customer_settle(c, copy->customer);
    }
    pthread_mutex_unlock(&c->lock);
    return waiting;
}

static void call_done(struct copier *c)
{
    struct copy_list finished = TAILQ_HEAD_INITIALIZER(finished);
    struct copy *copy;
    eventfd_t count;

    pthread_mutex_lock(&c->lock);
    eventfd_read(c->fd, &count);
    TAILQ_CONCAT(&finished, &c->finished, link);
    pthread_mutex_unlock(&c->lock);
    while ((copy = TAILQ_FIRST(&finished))) {
        TAILQ_REMOVE(&finished, copy, link);
        copy->done(copy);
    }
}

static int on_finished(sd_event_source *source, int fd, uint32_t revents, void *data)
{
    call_done(data);
    return 0;
}

/* Its waits have an end by the clock that nobody sets. */
static void condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

static int open_sources(struct copier *c, sd_event *event)
{
    int rc = c->fd < 0 ? -errno : 0;

    if (rc == 0)
        rc = sd_event_add_io(event, &c->source, c->fd, EPOLLIN, on_finished, c);
    if (rc >= 0)
        rc = sd_event_add_time_relative(event, &c->retry, CLOCK_MONOTONIC, 0, 0, on_retry, c);
    if (rc >= 0)
        rc = sd_event_source_set_enabled(c->retry, SD_EVENT_OFF);
    return rc;
}

static void close_sources(struct copier *c)
{
    sd_event_source_disable_unref(c->source);
    sd_event_source_disable_unref(c->retry);
}

int copier_new(sd_event *event, copier_no_thread *no_thread, void *data, struct copier **out)
{
    struct copier *c = xcalloc(1, sizeof *c);
    int rc;

    c->no_thread = no_thread;
    c->data = data;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->work, NULL);
    condition_init(&c->ended);
    TAILQ_INIT(&c->users);
    TAILQ_INIT(&c->finished);
    c->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    rc = open_sources(c, event);
    if (rc < 0) {
        close_sources(c);
        if (c->fd >= 0)
            close(c->fd);
        free(c);
        return rc;
    }
    *out = c;
    return 0;
}

/* True: no thread is left. */
static bool wait_for_threads(struct copier *c)
{
    struct timespec end;

    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_nsec += PATIENCE_NS;
    end.tv_sec += end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    while (c->threads && pthread_cond_timedwait(&c->ended, &c->lock, &end) == 0)
        ;
    return c->threads == 0;
}

void copier_free(struct copier *c)
{
    if (!c)
        return;
    close_sources(c);
    pthread_mutex_lock(&c->lock);
    c->quit = true;
    pthread_cond_broadcast(&c->work);
    if (wait_for_threads(c)) {
        pthread_mutex_unlock(&c->lock);
        call_done(c);
        pthread_mutex_lock(&c->lock);
        copier_destroy(c);
    } else {
        /* c is leaked: a thread still blocks in a caller's memory, and may use c afterwards. */
        pthread_mutex_unlock(&c->lock);
        call_done(c);
    }
}
