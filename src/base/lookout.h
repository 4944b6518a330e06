/* SPDX-License-Identifier: MIT */
#ifndef APUS_BASE_LOOKOUT_H
#define APUS_BASE_LOOKOUT_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/*
 * Whether to look for the next request for a moment before sleeping. A round trip between two CPUs
 * that halt in between is mostly their wake-ups. Looking out pays while one program sends request
 * after request; where it does not (program and daemon share a CPU, so that nothing can come while
 * we look; the requests take their time elsewhere) it is tried ever more seldom.
 *
 *             a row of `patience` requests, then a look: one came
 *   SLEEPING -----------------------------------------------------> LOOKING
 *    |   ^ ^                                                         |  | ^
 *    '---' |                                         one came: trust |  '-'
 *  nothing '---------------------------------------------------------'  grows
 *  came: patience doubles      nothing came, until trust is used up
 *
 * Who serves: the FUSE session (fuse/session.c), the socket of a real guest (guest/server.c), and
 * the listener of a seccomp filter (seccomp/listener.c; of paths only before Linux 6.6). QEMU's
 * plugin looks for the answers likewise (guest/client.c). Times are in nanoseconds of any monotonic
 * clock.
 */
#define LOOKOUT_NS           50000u
#define LOOKOUT_SOON_NS      250000u /* between an answer and the next request of a row */
#define LOOKOUT_PATIENCE_MIN 4u
#define LOOKOUT_PATIENCE_MAX 8192u
#define LOOKOUT_TRUST_MAX    16u
#define LOOKOUT_LOSS         4u

struct lookout {
    uint64_t answered; /* when the last request had been served */
    unsigned row;      /* requests that came soon after the answer before them */
    unsigned patience; /* how many of them it takes to try; 0: LOOKOUT_PATIENCE_MIN */
    unsigned trust;    /* in that a request will come */
};

/* A request that the caller was woken for has arrived, or was served. */
void lookout_arrived(struct lookout *l, uint64_t now);
void lookout_served(struct lookout *l, uint64_t now);

/* To be asked once all requests are served. If true, the caller looks for LOOKOUT_NS, and says
 * whether a request came. */
bool lookout_pays(const struct lookout *l);
void lookout_tell(struct lookout *l, bool came);

static inline uint64_t lookout_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
