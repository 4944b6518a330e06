/* SPDX-License-Identifier: MIT */
#ifndef APUS_PLAN_ORDER_H
#define APUS_PLAN_ORDER_H

#include "plan/internal.h"

/*
 * The order of writes, with as few of them as can be.
 *
 * A device is written once, from start to end, or it is split: first it gives away all that it does
 * not keep, later it takes the rest. So is each of the two masks. For each way in which the masks
 * can be written, all constraints are precedences: whoever gives an APQN away comes before whoever
 * takes it. Splitting a device takes it out of the circles of that graph; the fewest splits are
 * wanted, by iterative deepening over the devices of one circle after the other.
 */

struct graph {
    struct scene *s;
    uint32_t *edge_from; /* for each item, where its edges begin; one more at the end */
    uint32_t *edges;     /* items that take what the item gives away */
    uint32_t *lo, *hi;   /* takes after that many writes of masks; gives away before that one */
    uint8_t *colour;
    uint32_t *path;
    size_t path_len, nodes;
    uint64_t budget;     /* searches for a circle */
    uint32_t *preceding; /* how many nodes must still come before */
};

/* order_graph.c */

/* The masks after that many writes. */
struct ap_masks order_masks_after(const struct scene *s, size_t events);
/* Whether zcrypt gets something with these masks that it has neither at the start nor at the end.
 */
bool order_exposes(const struct scene *s, const struct ap_masks *m);
/* Between which writes of masks the device is written, and whether it is split for that. */
void order_constrain(struct graph *g, size_t n);
/* Finds the edges: devices whose end meets the start of another one. */
void order_edges(struct graph *g);

typedef bool successor_function(struct graph *g, uint32_t node);

/* Calls each with what must come after the node, until it returns true. */
bool order_successors(struct graph *g, uint32_t node, successor_function *each);
bool order_is_node(const struct scene *s, uint32_t node);

/* order_split.c: splits devices. The steps with the masks of the scene: writes of masks and splits,
 * and much more for each guest that is interrupted; UINT32_MAX: this way does not work. */
uint32_t order_cost(struct graph *g);

/* order_masks.c: decides how the masks are written, and splits devices. The steps, as above. */
uint32_t order_masks(struct graph *g);

#endif
