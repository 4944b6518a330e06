/* SPDX-License-Identifier: MIT */
#ifndef APUS_ZCRYPT_INTERNAL_H
#define APUS_ZCRYPT_INTERNAL_H

#include <stdlib.h>
#include <sys/queue.h>

/* Out of memory aborts, as everywhere else (base/text.h). */
#define uthash_fatal(message) abort()
#include <uthash.h>

#include "bus/bus.h"
#include "message/outcome.h"
#include "zcrypt/zcrypt.h"

/* Private to src/zcrypt. */

/* A queue that is bound to a driver of zcrypt. It belongs to the card as that was bound then
 * [zcrypt-belonging]. */
struct zcrypt_queue {
    TAILQ_ENTRY(zcrypt_queue) link; /* unless stray */
    bool offline;                   /* by a write to online, or after an unknown reply */
    bool stray;                     /* its card has been unbound since ... */
    bool card_offline;              /* ... and was offline then */
    uint32_t load;                  /* sum of the weights of its current requests */
};
TAILQ_HEAD(zcrypt_queues, zcrypt_queue);

struct zcrypt_card {
    TAILQ_ENTRY(zcrypt_card) link; /* if bound */
    bool bound;
    /* By a write to online. It belongs to the device of that generation and survives unbinding. */
    bool offline;
    uint16_t generation;
    uint32_t load;
    struct mask256 queues_bound;
    struct zcrypt_queue *queues;  /* array of AP_IDS, allocated when the first is bound */
    struct zcrypt_queues members; /* of these, those that are not stray, as they were bound */
};
TAILQ_HEAD(zcrypt_cards, zcrypt_card);

struct zcrypt {
    struct sysfs_tree *tree;
    struct ap_bus *bus;
    struct zcrypt_tokens *tokens;
    unsigned major; /* of the nodes */
    struct zcrypt_node nodes[ZCRYPT_NODES];
    uint16_t parent_generation; /* of the directory that exists while there is a node */
    struct zcrypt_card cards[AP_IDS];
    struct zcrypt_cards bound; /* of these, in the order in which they were bound */
    TAILQ_HEAD(, zcrypt_call) calls;
};

#define ZCRYPT_DOMAIN_ANY 0xffffu

/* What zcrypt needs from a request's control block; parsed once. */
struct zcrypt_block {
    uint32_t domain; /* target domain */
    bool admin;      /* administrative: never retried, checked against admask */
    bool usage;      /* CPRB with function id "T2" */
    bool special;    /* NQAP's special bit */
    unsigned effort; /* relative cost of the function */
    uint8_t service[2];
};

/* A request under way. message is NEW while it is in no queue. */
struct zcrypt_call {
    struct ap_message message; /* first: call_of casts back */
    TAILQ_ENTRY(zcrypt_call) link;
    UT_hash_handle by_token;
    struct zcrypt *zcrypt;
    uint64_t token;
    struct zcrypt_request request; /* its spans point into copy */
    struct zcrypt_block block;
    uint8_t *copy;
    size_t copy_len;
    unsigned weight; /* its share of the load of queue and card */
    unsigned tries;
    int last_qn; /* the queue tried last; -1: none yet */
};

/* All calls that somebody waits for, of the host and all guests. */
struct zcrypt_tokens {
    struct zcrypt_call *calls;
};

/* devices.c */
void zcrypt_card_bound(struct zcrypt *z, unsigned apid);
void zcrypt_card_unbound(struct zcrypt *z, unsigned apid);
void zcrypt_queue_bound(struct zcrypt *z, ap_qn qn);
void zcrypt_queue_unbound(struct zcrypt *z, ap_qn qn);
bool zcrypt_card_online(const struct zcrypt *z, unsigned apid); /* as written to online */
void zcrypt_card_set_online(struct zcrypt *z, unsigned apid, bool online);
/* NULL: it is not bound. */
static inline struct zcrypt_queue *zcrypt_queue_at(const struct zcrypt *z, ap_qn qn)
{
    const struct zcrypt_card *card = &z->cards[AP_QN_APID(qn)];

    return mask256_test(&card->queues_bound, AP_QN_APQI(qn)) ? &card->queues[AP_QN_APQI(qn)] : NULL;
}

/* Whether the card to which the queue, which is bound, belongs is online. */
bool zcrypt_queue_card_online(const struct zcrypt *z, ap_qn qn);
/* The queue among those to which requests go and of which the ioctls tell; NULL: it is not. */
const struct zcrypt_queue *zcrypt_queue_listed(const struct zcrypt *z, ap_qn qn);
static inline unsigned zcrypt_card_id(const struct zcrypt *z, const struct zcrypt_card *zc)
{
    return (unsigned)(zc - z->cards);
}

static inline ap_qn zcrypt_queue_id(const struct zcrypt *z, const struct zcrypt_card *zc,
                                    const struct zcrypt_queue *zq)
{
    return AP_QN(zcrypt_card_id(z, zc), (unsigned)(zq - zc->queues));
}
/* Whether a card or queue is usable: configured, not check-stopped, and set online. */
bool zcrypt_card_operational(const struct zcrypt *z, unsigned apid);
bool zcrypt_queue_operational(const struct zcrypt *z, ap_qn qn);

/* attrs_card.c, attrs_queue.c, and the refusals both use */
#define ZCRYPT_ADAPTER_CHECKSTOPPED "the adapter is check-stopped"
#define ZCRYPT_ADAPTER_STANDBY      "the adapter is in standby; configure it on first"
extern const struct sysfs_attr zcrypt_card_attrs[], zcrypt_queue_attrs[];

/* message.c: formats of each kind of request (the kernel's zcrypt_msgtype50, _msgtype6) */

/* Checks a request and parses its control block. -EINVAL: malformed; -ENODEV: an RSA operand longer
 * than any card supports. */
int zcrypt_message_parse(const struct zcrypt_request *r, struct zcrypt_block *out);
/* The length of the message, as far as it matters for the choice of a card. */
size_t zcrypt_message_len(const struct zcrypt_request *r);
/* Formats the message for a queue of the card, in newly allocated memory. On error, a negative
 * errno, out is unchanged. */
int zcrypt_message_format(const struct zcrypt_request *r, const struct zcrypt_block *block,
                          const struct ap_card *card, unsigned apqi, struct ap_message *out);
struct outcome zcrypt_message_judge(const struct zcrypt_request *r, enum ap_mode mode,
                                    struct span reply);

/* select.c: chooses the queue for a call [zcrypt-selection]. 0; -ENODEV; -EOPNOTSUPP; -EINVAL: the
 * message is too long for every card. */
int zcrypt_select(const struct zcrypt *z, const struct zcrypt_call *call, ap_qn *qn,
                  unsigned *weight);

/* weight.c: the load of a request on a card, and the relative cost of a service of CCA (two
 * letters) and EP11 (a function number). */
unsigned zcrypt_weight(const struct ap_card *card, const struct zcrypt_request *r,
                       const struct zcrypt_block *block);
#define ZCRYPT_EFFORT_MEDIUM 100u /* of an unlisted service */
unsigned zcrypt_cca_effort(const uint8_t service[2]);
unsigned zcrypt_ep11_effort(unsigned function);

/* nodes.c */
bool zcrypt_node_any(const struct zcrypt *z);
/* The minor, or -ENOENT. */
int zcrypt_node_find(const struct zcrypt *z, const char *name);
extern const struct sysfs_attr zcrypt_class_attrs[], zcrypt_node_attrs[];
/* The node with masks that the handle refers to; NULL: it was destroyed, or it is z90crypt. */
const struct zcrypt_node *zcrypt_node_of(const struct zcrypt *z, uint32_t handle);

/* dirs.c */
void zcrypt_nodes_register(struct zcrypt *z);

/* request.c: called by the driver's ops and zcrypt_free */
void zcrypt_calls_free(struct zcrypt *z);
void zcrypt_received(void *ctx, struct ap_message *msg, struct span reply, struct effects *fx);
void zcrypt_lost(void *ctx, struct ap_message *msg, int err, struct effects *fx);

#endif
