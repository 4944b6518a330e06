/* SPDX-License-Identifier: MIT */
#ifndef APUS_BUS_INTERNAL_H
#define APUS_BUS_INTERNAL_H

#include "bus/bus.h"

/* Private to src/bus. */

/* Reasons that more than one file gives. */
#define DEVICE_UNKNOWN       "there is no such device on the AP bus"
#define MASK_UNKNOWN         "not a mask: write 0x and up to 64 hex digits, or a list such as +1-3,-0x47"
#define ADAPTER_CHECKSTOPPED "the adapter is check-stopped"
#define ADAPTER_STANDBY      "the adapter is in standby; configure it on first"
#define SWITCH_WANTED        "0 or 1 is wanted"

enum ap_driver_index {
    DRIVER_CEX2ACARD,
    DRIVER_CEX2AQUEUE,
    DRIVER_CEX2CARD,
    DRIVER_CEX2CQUEUE,
    DRIVER_CEX4CARD,
    DRIVER_CEX4QUEUE,
    DRIVER_VFIO_AP,
    DRIVERS,
    DRIVER_NONE = DRIVERS
};

struct ap_driver_info {
    const char *name;
    bool card;      /* drives cards, otherwise queues */
    bool zcrypt;    /* a default driver: takes what the masks give to zcrypt */
    uint16_t types; /* bit t: hardware type t */
};

/* What zcrypt's start of a queue waits for: to be accepted, or to end. */
enum ap_reset { RESET_NONE, RESET_START, RESET_WAIT };

struct ap_queue {
    uint16_t generation; /* of the device that exists, or of the last one */
    uint8_t driver;      /* enum ap_driver_index */
    uint8_t reset;       /* enum ap_reset */
    bool present : 1, config : 1, chkstop : 1, user_online : 1, interrupts : 1;
    uint16_t requestq, pendingq; /* requests that wait for room, and that are inside */
    uint32_t load;               /* sum of the weights of both */
    uint64_t requests;
    uint64_t alive; /* while pendingq: when it last took its first request, or gave a reply */
};

struct ap_card {
    uint16_t generation;
    uint8_t driver;
    bool present : 1, config : 1, chkstop : 1, user_online : 1;
    uint8_t type, raw_type, mode, depth, max_message;
    uint32_t functions;
    uint32_t load;
    uint64_t requests;
    struct ap_queue *queues; /* AP_IDS of them, made with the first queue */
    struct mask256 present_queues;
};

#define AP_MESSAGE_DEFAULT 12288u /* bytes, where the card does not say */

static inline size_t card_message_max(const struct ap_card *card)
{
    return card->max_message ? card->max_message * 4096u : AP_MESSAGE_DEFAULT;
}

/* driver_override of a queue (spec 2.4); few at any time. */
struct ap_override {
    ap_qn qn;
    char *name;
};

struct ap_bus {
    const struct abi *abi;
    struct ap_hw hw;
    const struct ap_queue_driver *driver;
    struct zcrypt *zcrypt; /* NULL until it registers */
    struct sysfs_tree *tree;
    struct ap_masks masks;
    struct ap_qci qci;
    bool has_qci;
    int domain;
    int config_time;
    bool poll_thread, autoprobe;
    uint64_t poll_timeout;
    uint64_t scans, bindings_complete_count;
    bool bindings_complete;
    unsigned queues, bound_queues;
    struct ap_override *overrides;
    unsigned override_count;
    struct ap_card cards[AP_IDS];
};

extern const struct ap_driver_info ap_drivers[DRIVERS];

bool ap_driver_exists(const struct ap_bus *b, unsigned driver);

static inline struct ap_queue *queue_get(const struct ap_bus *b, ap_qn qn)
{
    const struct ap_card *card = &b->cards[AP_QN_APID(qn)];

    return card->queues ? &card->queues[AP_QN_APQI(qn)] : NULL;
}

static inline struct ap_queue *queue_find(const struct ap_bus *b, ap_qn qn)
{
    struct ap_queue *q = queue_get(b, qn);

    return q && q->present ? q : NULL;
}

/* bind.c */
const char *override_get(const struct ap_bus *b, ap_qn qn);
void override_set(struct ap_bus *b, ap_qn qn, const char *name, size_t len); /* len 0 clears */
bool driver_accepts(const struct ap_bus *b, unsigned driver, ap_qn qn);
/* Whatever zcrypt had in the queue is lost. */
void queue_requests_lost(struct ap_bus *b, ap_qn qn, struct effects *fx);
void queue_bind(struct ap_bus *b, ap_qn qn, unsigned driver, struct effects *fx);
void queue_unbind(struct ap_bus *b, ap_qn qn, struct effects *fx);
void queue_probe(struct ap_bus *b, ap_qn qn,
                 struct effects *fx); /* binds it if a driver wants it */
void card_bind(struct ap_bus *b, unsigned apid, unsigned driver, struct effects *fx);
void card_unbind(struct ap_bus *b, unsigned apid, struct effects *fx);
void card_probe(struct ap_bus *b, unsigned apid, struct effects *fx);
/* After a change of masks: what has the wrong kind of driver, or none, is bound anew. */
void bus_rebind(struct ap_bus *b, struct effects *fx);
void bus_settle(struct ap_bus *b, struct effects *fx);

/* reset.c */
void queue_start(struct ap_bus *b, ap_qn qn);

/* masks.c */
int mask_show(const struct mask256 *mask, struct text *out);
int mask_store(struct ap_bus *b, bool adapters, const char *data, size_t len, struct effects *fx);

/* scan.c */
void bus_choose_domain(struct ap_bus *b);

/* events.c: *_lines are the text of an attribute uevent; *_synth is a write to it. */
#define UEVENT_LINES_MAX 96
void card_lines(const struct ap_bus *b, unsigned apid, char out[UEVENT_LINES_MAX]);
void queue_lines(const struct ap_bus *b, ap_qn qn, char out[UEVENT_LINES_MAX]);
int card_synth(struct ap_bus *b, unsigned apid, const char *data, size_t len, struct effects *fx);
int queue_synth(struct ap_bus *b, ap_qn qn, const char *data, size_t len, struct effects *fx);
void card_uevent(struct ap_bus *b, unsigned apid, const char *action, const char *extra,
                 struct effects *fx);
void queue_uevent(struct ap_bus *b, ap_qn qn, const char *action, const char *extra,
                  struct effects *fx);
void bus_uevent(struct ap_bus *b, const char *extra, const char *extra2, struct effects *fx);
const char *mode_name(unsigned mode);

/* tables of attributes */
extern const struct sysfs_kind_ops bus_kind_ops, bus_root_kind_ops, bus_devices_kind_ops,
    bus_drivers_kind_ops, bus_driver_kind_ops, card_kind_ops, queue_kind_ops;
extern const struct sysfs_attr bus_attrs[], card_attrs[], queue_attrs[], driver_attrs[],
    bus_root_attrs[];

/* drivers.c: a device of the bus by its name. 0 or -ENODEV. */
int device_find(const struct ap_bus *b, const char *data, size_t len, struct sysfs_dir *out);

#endif
