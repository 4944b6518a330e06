/* SPDX-License-Identifier: MIT */
/*
 * Maps, plans and explanations for the control socket. Each is made by a thread of its own from a
 * copy of the core, which it builds from the text of export: nothing is shared, so the thread may
 * take minutes. Nobody waits for it when the daemon ends, and it ends soon when its client has
 * gone.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "control/json.h"
#include "control/view.h"
#include "daemon/internal.h"
#include "map/map.h"
#include "plan/explain.h"
#include "plan/plan.h"
#include "plan/refusal.h"
#include "store/setup.h"
#include "thread/thread.h"

#define STUDIES_MAX 4u /* at the same time */

struct study {
    struct study *next; /* of those that are done, or of those that run */
    atomic_bool abandoned;
    struct studies *all;
    uint64_t ticket;
    struct text present; /* the machine file of what runs */
    struct study_request request;
    struct mask256 adapters, domains; /* of the request, as all strings below */
    char *machine, *guest, *object, *path, *value, *message, *command;
    json_t *result; /* NULL: error */
    struct control_error error;
};

/* Freed by whoever is last: the daemon or a thread. */
struct studies {
    struct daemon *daemon;
    sd_event_source *source;
    int fd; /* counts those that are done */
    pthread_mutex_t lock;
    /* Below, all is protected by lock. */
    struct study *done, *at_work;
    unsigned running;
    bool ended;
};

static char *copy_of(const char *string)
{
    return string ? xstrdup(string) : NULL;
}

static struct study *study_new(struct daemon *d, const struct study_request *request,
                               uint64_t ticket)
{
    struct study *s = xcalloc(1, sizeof(*s));

    s->all = d->studies;
    s->ticket = ticket;
    s->request = *request;
    if (request->adapters)
        s->adapters = *request->adapters;
    if (request->domains)
        s->domains = *request->domains;
    s->machine = copy_of(request->machine);
    s->guest = copy_of(request->guest);
    s->object = copy_of(request->object);
    s->path = copy_of(request->path);
    s->value = copy_of(request->value);
    s->message = copy_of(request->message);
    s->command = copy_of(request->command);
    setup_format(d->door.core, &s->present);
    return s;
}

static void study_free(struct study *s)
{
    free(s->machine);
    free(s->guest);
    free(s->object);
    free(s->path);
    free(s->value);
    free(s->message);
    free(s->command);
    text_done(&s->present);
    json_decref(s->result);
    control_error_done(&s->error);
    free(s);
}

static void refuse(struct study *s, int err, const char *why)
{
    control_error_set(&s->error, CONTROL_REFUSED, err, "%s", why ? why : error_text(err));
}

/* The core of a machine file. */
static int build(struct study *s, const char *name, const char *data, size_t len, struct core **out)
{
    text_auto why = {0};
    int rc = setup_load(name, data, len, out, &why);

    if (rc < 0)
        refuse(s, -rc, why.data);
    return rc;
}

static int build_other(struct study *s, struct core **out)
{
    return build(s, "machine", s->machine, strlen(s->machine), out);
}

static void study_map(struct study *s, const struct core *now)
{
    struct map_filter filter = {s->request.adapters ? &s->adapters : NULL,
                                s->request.domains ? &s->domains : NULL, s->guest, false};
    struct core *after = NULL;
    map_auto map = {0};

    if (s->machine && build_other(s, &after) < 0)
        return;
    map_read(after ? now : NULL, after ? after : now, &map);
    if (map_filter(&map, &filter) < 0)
        control_error_set(&s->error, CONTROL_REFUSED, ENOENT, "no guest '%s' has a mediated device",
                          s->guest);
    else
        s->result = control_view_map(&map);
    core_free(after);
}

static void add_text(struct study *s, const struct plan *p, const struct core *from,
                     const struct core *to)
{
    text_auto out = {0};

    if (s->request.format == STUDY_NO_TEXT)
        return;
    if (s->request.format == STUDY_TEXT)
        plan_text(p, &out);
    else if (s->request.format == STUDY_SE)
        plan_se(p, &out);
    else if (s->request.format == STUDY_SH)
        plan_sh(p, from, &out);
    else
        (s->request.format == STUDY_VIRSH ? plan_virsh : plan_mdevctl)(p, from, to, &out);
    control_json_set(s->result, "text", control_json_string(out.data ? out.data : ""));
}

static void study_plan(struct study *s, const struct core *now)
{
    const struct core *from = now, *to;
    struct core *other = NULL;
    struct plan plan;
    text_auto why = {0};

    if (build_other(s, &other) < 0)
        return;
    to = other;
    if (s->request.undo) {
        from = other;
        to = now;
    }
    if (plan_make(from, to, s->request.interrupt, &plan, &why) < 0) {
        control_error_set(&s->error, CONTROL_REFUSED, EINVAL, "there is no plan: %s", why.data);
    } else {
        s->result = control_view_plan(&plan);
        add_text(s, &plan, from, to);
    }
    plan_done(&plan);
    core_free(other);
}

static void study_explain(struct study *s, const struct core *now)
{
    text_auto out = {0};

    if (explain_object(now, s->object, &out) < 0)
        control_error_set(&s->error, CONTROL_REFUSED, ENOENT,
                          "'%s' is no queue such as 05.0004, no guest that runs, and no mediated "
                          "device",
                          s->object);
    else
        s->result = json_pack("{s:o}", "text", control_json_string(out.data));
}

static void study_refusal(struct study *s, const struct core *now)
{
    struct alternatives alternatives;
    text_auto out = {0};

    map_name(s->message, 0, &out);
    text_adds(&out, "\n");
    if (s->command)
        alternatives_to_task(now, s->command, &alternatives);
    else
        alternatives_find(now, s->path, s->value, &alternatives);
    alternatives_text(&alternatives, &out);
    s->result = control_view_alternatives(&alternatives);
    control_json_set(s->result, "text", control_json_string(out.data));
    alternatives_done(&alternatives);
}

static void (*const studies[])(struct study *s, const struct core *now) = {
    [STUDY_MAP] = study_map,
    [STUDY_PLAN] = study_plan,
    [STUDY_EXPLAIN] = study_explain,
    [STUDY_REFUSAL] = study_refusal,
};

static void studies_free(struct studies *all)
{
    close(all->fd);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

/* Under the lock. */
static void leave_work(struct study *s)
{
    struct study **at = &s->all->at_work;

    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
}

/* The daemon takes the result, or has ended. */
static void hand_over(struct study *s)
{
    struct studies *all = s->all;
    uint64_t one = 1;
    bool last;

    pthread_mutex_lock(&all->lock);
    leave_work(s);
    all->running--;
    last = all->ended && !all->running;
    if (!all->ended) {
        s->next = all->done;
        all->done = s;
        if (write(all->fd, &one, sizeof(one)) != sizeof(one))
            abort(); /* a count of this size cannot overflow */
    }
    s = all->ended ? s : NULL;
    pthread_mutex_unlock(&all->lock);
    if (s)
        study_free(s);
    if (last)
        studies_free(all);
}

static void *run(void *data)
{
    struct study *s = data;
    struct core *now = NULL;

    plan_abandon_on(&s->abandoned);
    if (build(s, "the running machine", s->present.data, s->present.len, &now) == 0)
        studies[s->request.kind](s, now);
    core_free(now);
    hand_over(s);
    return NULL;
}

static int on_done(sd_event_source *source, int fd, uint32_t events, void *data)
{
    struct studies *all = data;
    struct study *s, *next;
    uint64_t count;

    if (read(fd, &count, sizeof(count)) != sizeof(count))
        return 0;
    pthread_mutex_lock(&all->lock);
    s = all->done;
    all->done = NULL;
    pthread_mutex_unlock(&all->lock);
    for (; s; s = next) {
        next = s->next;
        control_server_finish(all->daemon->control, s->ticket, json_incref(s->result), &s->error);
        study_free(s);
    }
    return 0;
}

int daemon_studies_begin(struct daemon *d, struct text *why)
{
    struct studies *all = xcalloc(1, sizeof(*all));
    int rc;

    pthread_mutex_init(&all->lock, NULL);
    all->daemon = d;
    all->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    rc = all->fd < 0 ? -errno
                     : sd_event_add_io(d->event, &all->source, all->fd, EPOLLIN, on_done, all);
    if (rc < 0) {
        text_addf(why, "cannot set up the event loop: %s", error_text(-rc));
        studies_free(all);
        return rc;
    }
    d->studies = all;
    return 0;
}

void daemon_studies_end(struct daemon *d)
{
    struct studies *all = d->studies;
    struct study *s, *next;
    bool last;

    if (!all)
        return;
    sd_event_source_disable_unref(all->source);
    pthread_mutex_lock(&all->lock);
    s = all->done;
    all->done = NULL;
    all->ended = true;
    for (struct study *w = all->at_work; w; w = w->next)
        atomic_store(&w->abandoned, true);
    last = !all->running;
    pthread_mutex_unlock(&all->lock);
    for (; s; s = next) {
        next = s->next;
        study_free(s);
    }
    if (last)
        studies_free(all);
    d->studies = NULL;
}

/* Whether one more may run. */
static bool admit(struct studies *all)
{
    bool room;

    pthread_mutex_lock(&all->lock);
    room = all->running < STUDIES_MAX;
    all->running += room;
    pthread_mutex_unlock(&all->lock);
    return room;
}

void daemon_study_abandon(void *daemon, uint64_t ticket)
{
    struct studies *all = ((struct daemon *)daemon)->studies;

    pthread_mutex_lock(&all->lock);
    for (struct study *s = all->at_work; s; s = s->next)
        if (s->ticket == ticket)
            atomic_store(&s->abandoned, true);
    pthread_mutex_unlock(&all->lock);
}

static void go_to_work(struct study *s)
{
    pthread_mutex_lock(&s->all->lock);
    s->next = s->all->at_work;
    s->all->at_work = s;
    pthread_mutex_unlock(&s->all->lock);
}

int daemon_study(void *daemon, const struct study_request *request, uint64_t ticket,
                 struct text *why)
{
    struct daemon *d = daemon;
    struct study *s;
    int rc;

    if (!admit(d->studies)) {
        text_addf(why, "%u maps, plans or explanations are being made already; try again later",
                  STUDIES_MAX);
        return -EAGAIN;
    }
    s = study_new(d, request, ticket);
    go_to_work(s);
    rc = thread_start("apus-study", run, s, NULL);
    if (rc < 0) {
        text_addf(why, "cannot start a thread: %s", error_text(-rc));
        pthread_mutex_lock(&d->studies->lock);
        leave_work(s);
        d->studies->running--;
        pthread_mutex_unlock(&d->studies->lock);
        study_free(s);
    }
    return rc;
}
