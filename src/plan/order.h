/* SPDX-License-Identifier: MIT */
#ifndef APUS_PLAN_ORDER_H
#define APUS_PLAN_ORDER_H

#include "plan/internal.h"

/*
 * The order of writes, with as few of them as can be.
 *
 * A device is written once, from start to end, or it is split: first it gives away all that it does
 * not keep, later it takes the rest. So is each of the two masks. Writes of masks, and overrides
 * that are set or cleared, are events in a row. For each such row, all constraints are precedences:
 * whoever gives an APQN away comes before whoever takes it. Splitting a device takes it out of the
 * circles of that graph; the fewest splits are wanted, by iterative deepening over the devices of
 * one circle after the other.
 *
 * Linux has either masks or overrides. Where overrides come in place of masks, all bits of these
 * are set first, so that zcrypt gets all queues that have a driver. Where masks come in place of
 * overrides, the queues keep their drivers until the first of the masks is written.
 */

struct graph {
    struct scene *s;
    uint32_t *edge_from; /* for each item, where its edges begin; one more at the end */
    uint32_t *edges;     /* items that take what the item gives away */
    uint32_t *lo, *hi;   /* takes after that many events; gives away before that one */
    uint8_t *colour;
    uint32_t *path;
    size_t path_len, nodes;
    uint64_t budget;     /* searches for a circle */
    uint32_t *preceding; /* how many nodes must still come before */
};

/* order_owner.c */

bool order_is_mask(const struct event *e);
/* The masks after that many events. */
struct ap_masks order_masks_after(const struct scene *s, size_t events);
/* The bits that event t, a write of a mask, sets anew; counted from 1. */
struct mask256 order_new_bits(const struct scene *s, size_t t);
/* Whether a device with a forbids event t. */
bool order_vetoes(const struct scene *s, size_t t, const struct apcb *a);
/* Whether no device can be assigned a after that many events. */
bool order_refuses(const struct scene *s, size_t events, const struct apcb *a);
/* Whether after that many events zcrypt has something of a, where overrides decide or decided. */
bool order_takes(const struct scene *s, size_t events, const struct apcb *a);
/* What zcrypt has of the adapter after that many events, and has neither at the start nor at the
 * end. */
struct mask256 order_exposed_row(const struct scene *s, size_t events, unsigned apid);
/* Whether zcrypt gets such a thing, so that this way does not work. Notes what is to be unbound to
 * avoid that. */
bool order_exposes(struct scene *s, size_t events);
/* Whether such a queue is among them. */
bool order_is_loose(const struct scene *s, const struct apcb *a);

/* order_graph.c */

/* Between which events the device is written, and whether it is split for that. */
void order_constrain(struct graph *g, size_t n);
/* Finds the edges: devices whose end meets the start of another one. */
void order_edges(struct graph *g);

typedef bool successor_function(struct graph *g, uint32_t node);

/* Calls each with what must come after the node, until it returns true. */
bool order_successors(struct graph *g, uint32_t node, successor_function *each);
bool order_is_node(const struct scene *s, uint32_t node);

/* order_split.c: splits devices. The steps with the events of the scene: these, splits, and queues
 * that are unbound, and much more for each guest that is interrupted; UINT32_MAX: this way does not
 * work. */
uint32_t order_cost(struct graph *g);

/* order_masks.c: decides how the masks are written, and splits devices. The steps, as above. */
uint32_t order_masks(struct graph *g);

#endif
