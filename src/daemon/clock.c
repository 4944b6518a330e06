/* SPDX-License-Identifier: MIT */
#include "daemon/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/text.h"

#define NS_PER_US 1000u

static uint64_t monotonic(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t clock_now(const struct daemon_clock *c)
{
    return c->is_virtual ? c->now : monotonic() - c->base;
}

/* The earliest timer; on a tie the one with the lowest id, so that runs are reproducible. NULL:
 * none. */
static struct daemon_timer *earliest(struct daemon_clock *c)
{
    struct daemon_timer *best = NULL;

    for (unsigned i = 0; i < c->count; i++) {
        struct daemon_timer *t = &c->timers[i];

        if (!best || t->at < best->at || (t->at == best->at && t->id < best->id))
            best = t;
    }
    return best;
}

static void arm(struct daemon_clock *c)
{
    struct daemon_timer *next = earliest(c);

    if (!c->source)
        return;
    if (!next) {
        sd_event_source_set_enabled(c->source, SD_EVENT_OFF);
        return;
    }
    sd_event_source_set_time(c->source, (c->base + next->at + NS_PER_US - 1) / NS_PER_US);
    sd_event_source_set_enabled(c->source, SD_EVENT_ONESHOT);
}

/* Fires the earliest timer if it is due at time; returns whether one was. */
static bool fire_one(struct daemon_clock *c, uint64_t time)
{
    struct daemon_timer *next = earliest(c);
    uint32_t id;

    if (!next || next->at > time)
        return false;
    id = next->id;
    if (c->is_virtual && next->at > c->now)
        c->now = next->at;
    *next = c->timers[--c->count];
    c->fire(c->data, id);
    return true;
}

static int on_time(sd_event_source *source, uint64_t usec, void *data)
{
    struct daemon_clock *c = data;
    uint64_t now = clock_now(c);

    /* A timer that sets itself to the current time fires in the next round of the event loop. */
    for (unsigned left = c->count; left && fire_one(c, now); left--)
        ;
    arm(c);
    return 0;
}

int clock_init(struct daemon_clock *c, sd_event *event, bool is_virtual,
               void (*fire)(void *data, uint32_t id), void *data)
{
    int rc;

    *c = (struct daemon_clock){
        .is_virtual = is_virtual, .base = monotonic(), .fire = fire, .data = data};
    if (is_virtual)
        return 0;
    rc = sd_event_add_time(event, &c->source, CLOCK_MONOTONIC, 0, 1, on_time, c);
    if (rc < 0)
        return rc;
    return sd_event_source_set_enabled(c->source, SD_EVENT_OFF);
}

void clock_done(struct daemon_clock *c)
{
    sd_event_source_disable_unref(c->source);
    free(c->timers);
    *c = (struct daemon_clock){0};
}

void clock_set_timer(struct daemon_clock *c, uint32_t id, uint64_t at)
{
    unsigned i = 0;

    while (i < c->count && c->timers[i].id != id)
        i++;
    if (i == c->count && at) {
        c->timers = xrealloc(c->timers, (c->count + 1) * sizeof(*c->timers));
        c->count++;
    }
    if (i < c->count && at)
        c->timers[i] = (struct daemon_timer){id, at};
    else if (i < c->count)
        c->timers[i] = c->timers[--c->count];
    arm(c);
}

int clock_advance(struct daemon_clock *c, uint64_t ns)
{
    uint64_t target = c->now + ns;

    for (unsigned fired = 0; fire_one(c, target); fired++)
        if (fired == CLOCK_FIRES_MAX)
            return -EBUSY;
    c->now = target;
    return 0;
}
