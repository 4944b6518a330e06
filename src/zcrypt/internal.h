/* SPDX-License-Identifier: MIT */
#ifndef APUS_ZCRYPT_INTERNAL_H
#define APUS_ZCRYPT_INTERNAL_H

#include <stdlib.h>
#include <sys/queue.h>

/* Out of memory ends the program, as everywhere else (base/text.h). */
#define uthash_fatal(message) abort()
#include <uthash.h>

#include "bus/bus.h"
#include "message/outcome.h"
#include "zcrypt/zcrypt.h"

/* Private to src/zcrypt. */

/* A queue that is bound to a driver of zcrypt. */
struct zcrypt_queue {
    bool offline;  /* as set by hand, or after a reply that nobody understands */
    uint32_t load; /* sum of the weights of the requests on their way through it */
};

struct zcrypt_card {
    bool bound;
    /* Set by hand; of the device with that generation, also while it is unbound. */
    bool offline;
    uint16_t generation;
    uint32_t load;
    struct mask256 queues_bound;
    struct zcrypt_queue *queues; /* AP_IDS of them, made with the first that is bound */
};

struct zcrypt {
    struct sysfs_tree *tree;
    struct ap_bus *bus;
    struct zcrypt_tokens *tokens;
    struct zcrypt_node nodes[ZCRYPT_NODES];
    struct zcrypt_card cards[AP_IDS];
    TAILQ_HEAD(, zcrypt_call) calls;
};

#define ZCRYPT_DOMAIN_ANY 0xffffu

/* What zcrypt has to know of a request's control block; read once. */
struct zcrypt_block {
    uint32_t domain; /* that it names */
    bool admin;      /* it administers a domain: never made twice, and admask decides */
    bool usage;      /* a CPRB "T2" */
    bool special;    /* NQAP's special bit */
    unsigned effort; /* of the function, in ratings for secure keys */
    uint8_t service[2];
};

/* A request on its way: message is NEW while no queue has it. */
struct zcrypt_call {
    struct ap_message message; /* first: the bus gives it back */
    TAILQ_ENTRY(zcrypt_call) link;
    UT_hash_handle by_token;
    struct zcrypt *zcrypt;
    uint64_t token;
    struct zcrypt_request request; /* spans point into copy */
    struct zcrypt_block block;
    uint8_t *copy;
    size_t copy_len;
    unsigned weight; /* what it adds to the load of queue and card */
    unsigned tries;
    int last_qn; /* where it was tried last, -1: nowhere */
};

/* All calls whose users can be told, of several systems. */
struct zcrypt_tokens {
    struct zcrypt_call *calls;
};

/* devices.c */
bool zcrypt_card_online(const struct zcrypt *z, unsigned apid); /* as set by hand */
void zcrypt_card_set_online(struct zcrypt *z, unsigned apid, bool online);
static inline struct zcrypt_queue *zcrypt_queue_at(const struct zcrypt *z, ap_qn qn)
{
    const struct zcrypt_card *card = &z->cards[AP_QN_APID(qn)];

    return mask256_test(&card->queues_bound, AP_QN_APQI(qn)) ? &card->queues[AP_QN_APQI(qn)] : NULL;
}
/* Whether card or queue are in operation: configured, not check-stopped, and set online. */
bool zcrypt_card_operational(const struct zcrypt *z, unsigned apid);
bool zcrypt_queue_operational(const struct zcrypt *z, ap_qn qn);

/* attrs_card.c, attrs_queue.c; reasons that both give */
#define ZCRYPT_ADAPTER_CHECKSTOPPED "the adapter is check-stopped"
#define ZCRYPT_ADAPTER_STANDBY      "the adapter is in standby; configure it on first"
extern const struct sysfs_attr zcrypt_card_attrs[], zcrypt_queue_attrs[];

/* message.c: the messages of each kind of request (the kernel's zcrypt_msgtype50, _msgtype6) */

/* Checks a request and reads its block. -EINVAL malformed; -ENODEV an RSA operand longer than any
 * card takes. */
int zcrypt_message_parse(const struct zcrypt_request *r, struct zcrypt_block *out);
/* The length of the message, as far as it decides which card takes it. */
size_t zcrypt_message_len(const struct zcrypt_request *r);
/* Makes the message for a queue of a card of that mode, in new memory. A negative errno, and the
 * message is as it was. */
int zcrypt_message_format(const struct zcrypt_request *r, const struct zcrypt_block *block,
                          enum ap_mode mode, unsigned apqi, struct ap_message *out);
struct outcome zcrypt_message_judge(const struct zcrypt_request *r, enum ap_mode mode,
                                    struct span reply);

/* select.c: the queue for a call [zcrypt-selection]. 0, or -ENODEV, -EOPNOTSUPP, or -EINVAL if no
 * card takes so long a message. */
int zcrypt_select(const struct zcrypt *z, const struct zcrypt_call *call, ap_qn *qn,
                  unsigned *weight);

/* weight.c: the load that a request puts on a card while it is under way, and the effort of the
 * services of CCA (two letters) and EP11 (a function number). */
unsigned zcrypt_weight(const struct ap_card *card, const struct zcrypt_request *r,
                       const struct zcrypt_block *block);
#define ZCRYPT_EFFORT_MEDIUM 100u /* of a service that is not in the lists */
unsigned zcrypt_cca_effort(const uint8_t service[2]);
unsigned zcrypt_ep11_effort(unsigned function);

/* nodes.c */
void zcrypt_nodes_register(struct zcrypt *z);
/* The node with masks that a handle names; NULL: it has been destroyed, or it is z90crypt. */
const struct zcrypt_node *zcrypt_node_of(const struct zcrypt *z, uint32_t handle);

/* request.c: for the driver's ops, and for zcrypt_free */
void zcrypt_calls_free(struct zcrypt *z);
void zcrypt_received(void *ctx, struct ap_message *msg, struct span reply, struct effects *fx);
void zcrypt_lost(void *ctx, struct ap_message *msg, int err, struct effects *fx);

#endif
