/* SPDX-License-Identifier: MIT */
#ifndef APUS_ZCRYPT_ZCRYPT_H
#define APUS_ZCRYPT_ZCRYPT_H

#include "base/abi.h"
#include "base/effects.h"
#include "base/mask256.h"
#include "message/rsa.h"
#include "sysfs/tree.h"

struct ap_bus;

/*
 * zcrypt: the device nodes (z90crypt and those created through class zcrypt [zcrypt-nodes]) and the
 * requests that come in through them: which queue takes a request, how its reply is judged, and
 * when another queue is tried [zcrypt-retries].
 */
struct zcrypt;

/* The kernel picks one at load time; ours is in the same dynamic range. */
#define ZCRYPT_MAJOR    250
#define ZCRYPT_NODES    256 /* minors */
#define ZCRYPT_NAME_MAX 32
#define ZCRYPT_Z90CRYPT                                                                            \
    0xffffu /* object of z90crypt in SYSFS_DEV_NODE; that of other nodes is the minor */

struct zcrypt_node {
    char name[ZCRYPT_NAME_MAX];
    uint16_t generation;
    bool present;
    struct mask256 ioctlmask, apmask, aqmask, admask; /* all zero after create */
};

/* What outlives the daemon: nodes, and what was set offline. false: the node or its name exists, or
 * there is no such card. zcrypt_offline_get: whether anything is offline. */
bool zcrypt_node_restore(struct zcrypt *z, unsigned minor, const struct zcrypt_node *node);
bool zcrypt_offline_get(const struct zcrypt *z, unsigned apid, bool *card, struct mask256 *queues);
bool zcrypt_offline_restore(struct zcrypt *z, unsigned apid, bool card,
                            const struct mask256 *queues);

/* The requests of the host and all guests, by the token of the command that brought them. */
struct zcrypt_tokens;
struct zcrypt_tokens *zcrypt_tokens_new(void);
void zcrypt_tokens_free(struct zcrypt_tokens *tokens);

/* Registers zcrypt's drivers (those of the profile) with the bus and its nodes with the tree. To be
 * freed before bus and tokens. */
struct zcrypt *zcrypt_new(const struct abi *abi, struct sysfs_tree *tree, struct ap_bus *bus,
                          struct zcrypt_tokens *tokens);
void zcrypt_free(struct zcrypt *z);

/* Its system starts anew: the nodes that were created go. */
void zcrypt_boot(struct zcrypt *z, struct effects *fx);

/* NULL: no such node. */
const struct zcrypt_node *zcrypt_node_at(const struct zcrypt *z, unsigned minor);

/*
 * The handle that open(2) of a node gets, for the functions below: ZCRYPT_Z90CRYPT, or a number
 * that is never reused, so a handle cannot gain the rights of a later node. object must exist.
 */
uint32_t zcrypt_node_handle(const struct zcrypt *z, uint32_t object);

/* 0; -EPERM: the node's ioctlmask does not allow the number; -ENODEV: the node was destroyed. */
int zcrypt_ioctl_allowed(const struct zcrypt *z, uint32_t node, unsigned number);

enum zcrypt_kind { ZCRYPT_RSA, ZCRYPT_CCA, ZCRYPT_EP11 };

struct zcrypt_target {
    uint16_t apid, apqi; /* 0xffff: any */
};

#define ZCRYPT_ANY_CARD UINT32_MAX

/* A request of a user; the spans are copied. */
struct zcrypt_request {
    enum zcrypt_kind kind;
    uint32_t node;          /* handle of its node */
    struct rsa_request rsa; /* ZCRYPT_RSA, in user form */
    struct span control; /* ZCRYPT_CCA: CPRBX and parameters; ZCRYPT_EP11: EP11 block and payload */
    struct span data;    /* ZCRYPT_CCA */
    uint8_t agent[2];    /* ZCRYPT_CCA */
    uint32_t card;       /* ZCRYPT_CCA: APID or ZCRYPT_ANY_CARD */
    uint32_t reply_control, reply_data;  /* size of the user's reply buffers */
    const struct zcrypt_target *targets; /* ZCRYPT_EP11; empty: any queue */
    unsigned target_count;
};

/*
 * Sends a request. -EINPROGRESS: EFFECT_REPLY follows with the effects' token. Its value is 0 or an
 * errno of the list below; its text, for zcrypt_reply_parse, is empty if no adapter has answered,
 * and only the status if one has rejected the request.
 *
 * Errors in order: -EINVAL malformed, or longer than any card accepts; -ENODEV no queue can take
 * it, the node does not allow it, or the node is gone; -EOPNOTSUPP a CPRB that is neither usage nor
 * administrative, on a node with masks. Later: -EIO too many tries, or an adapter may have seen an
 * administrative request, which is not repeated; -EMSGSIZE the reply is too long.
 */
int zcrypt_send(struct zcrypt *z, const struct zcrypt_request *request, struct effects *fx);

struct zcrypt_reply {
    uint32_t status;     /* of an xcRB [messages-xcrb-status] */
    struct span control; /* ZCRYPT_CCA, ZCRYPT_EP11 */
    struct span data;    /* result of ZCRYPT_RSA, data block of ZCRYPT_CCA */
};

/* Parses the text of EFFECT_REPLY. 0 or -EINVAL. */
int zcrypt_reply_parse(const char *text, size_t len, struct zcrypt_reply *out);

/* The caller that waits for token is gone; its reply will be dropped. */
void zcrypt_cancel(struct zcrypt_tokens *tokens, uint64_t token);

/* The system ends, or a real one replaces it: all requests end with -ENODEV. */
void zcrypt_abandon(struct zcrypt *z, struct effects *fx);

/* What the status ioctls report of card x 256 + domain [zcrypt-status]. */
struct zcrypt_status {
    uint8_t type; /* hardware type; 0: no device */
    bool online;
    uint8_t functions; /* TAPQ facility bits >> 26 */
};

void zcrypt_device_status(const struct zcrypt *z, uint16_t qn, struct zcrypt_status *out);
/* Of the queues in the default domain, per card: STATUS_MASK, QDEPTH_MASK, PERDEV_REQCNT. */
uint8_t zcrypt_card_status(const struct zcrypt *z, unsigned apid);
uint8_t zcrypt_card_in_flight(const struct zcrypt *z, unsigned apid);
uint32_t zcrypt_card_requests(const struct zcrypt *z, unsigned apid);
unsigned zcrypt_waiting_count(const struct zcrypt *z); /* Z90STAT_REQUESTQ_COUNT */
unsigned zcrypt_sent_count(const struct zcrypt *z);    /* Z90STAT_PENDINGQ_COUNT */
int zcrypt_default_domain(const struct zcrypt *z);

#endif
