/* SPDX-License-Identifier: MIT */
#ifndef APUS_DAEMON_CLOCK_H
#define APUS_DAEMON_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

/*
 * The time of commands, in ns since the daemon started, and the timers of EFFECT_TIMER. The real
 * clock follows CLOCK_MONOTONIC; the virtual one moves only by clock_advance.
 */
struct daemon_timer {
    uint32_t id;
    uint64_t at;
};

struct daemon_clock {
    bool is_virtual;
    uint64_t base; /* CLOCK_MONOTONIC at the start */
    uint64_t now;  /* virtual clock */
    struct daemon_timer *timers;
    unsigned count;
    sd_event_source *source; /* real clock: set to the earliest timer */
    void (*fire)(void *data, uint32_t id);
    void *data;
};

/* fire is called from the event loop or from clock_advance. 0, or -errno of the event loop. */
int clock_init(struct daemon_clock *c, sd_event *event, bool is_virtual,
               void (*fire)(void *data, uint32_t id), void *data);
void clock_done(struct daemon_clock *c);

uint64_t clock_now(const struct daemon_clock *c);

/* As EFFECT_TIMER: replaces the timer of that id, if any; at 0 cancels it. */
void clock_set_timer(struct daemon_clock *c, uint32_t id, uint64_t at);

/*
 * Advances the virtual clock by ns. Timers fire in order, each at its own time. -EBUSY if more than
 * CLOCK_FIRES_MAX fire: the clock stops at the last one.
 */
#define CLOCK_FIRES_MAX 1000000u
int clock_advance(struct daemon_clock *c, uint64_t ns);

#endif
