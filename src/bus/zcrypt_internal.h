/* SPDX-License-Identifier: MIT */
#ifndef APUS_BUS_ZCRYPT_INTERNAL_H
#define APUS_BUS_ZCRYPT_INTERNAL_H

#include <sys/queue.h>

#include "bus/internal.h"
#include "bus/zcrypt.h"

/* Private to zcrypt. */

/* A request on its way. It is found again by its PSMID: slot, and the slot's generation. */
struct zcrypt_call {
    TAILQ_ENTRY(zcrypt_call) waiting; /* while its queue is full */
    bool is_waiting;
    uint64_t token;
    uint64_t psmid;
    struct zcrypt_request request; /* spans point into copy */
    uint8_t *copy;
    size_t copy_len;
    ap_qn qn;
    unsigned weight; /* what it adds to the load of queue and card */
    unsigned tries;
    int last_qn; /* where it was tried last, -1: nowhere */
    size_t rsa_len;
};

struct call_slot {
    struct zcrypt_call *call;
    uint32_t generation;
};

struct zcrypt {
    struct sysfs_tree *tree;
    struct ap_bus *bus;
    struct zcrypt_node nodes[ZCRYPT_NODES];
    struct call_slot *slots;
    uint32_t slot_count, slot_hint;
    TAILQ_HEAD(, zcrypt_call) waiting;
};

/* zcrypt_select.c: the queue for a call (spec 3.3). 0, or -ENODEV, -EOPNOTSUPP, or -EINVAL if no
 * card takes so long a message. */
int zcrypt_select(const struct zcrypt *z, const struct zcrypt_call *call, ap_qn *qn,
                  unsigned *weight);

/* zcrypt_weight.c: the load that a request puts on a card while it is under way. */
unsigned zcrypt_weight(const struct ap_card *card, const struct zcrypt_request *r);

/* zcrypt_nodes.c */
void zcrypt_nodes_register(struct zcrypt *z);
/* The node with masks that a handle names; NULL: it has been destroyed, or it is z90crypt. */
const struct zcrypt_node *zcrypt_node_of(const struct zcrypt *z, uint32_t handle);

/* True for a CPRB that administers a domain. */
bool zcrypt_is_admin(const struct zcrypt_request *r);

#endif
