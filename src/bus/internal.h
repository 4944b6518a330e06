/* SPDX-License-Identifier: MIT */
#ifndef APUS_BUS_INTERNAL_H
#define APUS_BUS_INTERNAL_H

#include "bus/bus.h"

/* Private to src/bus. */

/* The driver_override of a queue [bus-driver-override]. Few queues have one. */
struct ap_override {
    ap_qn qn;
    char *name;
};

#define AP_DRIVERS_MAX 12u

/* A registered driver; its index is the driver's number. */
struct ap_driver_slot {
    const struct ap_driver *driver;
    void *ctx;
    struct ap_bus *bus;
};

struct ap_bus {
    const struct abi *abi;
    struct ap_hw hw;
    struct sysfs_tree *tree;
    struct ap_driver_slot drivers[AP_DRIVERS_MAX];
    unsigned driver_count;
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
    uint32_t oldest, newest; /* queue; AP_APQNS: none */
    uint64_t found;          /* queues so far */
    struct ap_override *overrides;
    unsigned override_count;
    uint64_t psmid;    /* of the last message sent */
    unsigned messages; /* waiting or pending, in all queues */
    struct ap_card cards[AP_IDS];
};

/* Calls op of each driver that implements it. */
#define drivers_call(b, op, ...)                                                                   \
    for (unsigned d_ = 0; d_ < (b)->driver_count; d_++)                                            \
        if ((b)->drivers[d_].driver->ops->op)                                                      \
    (b)->drivers[d_].driver->ops->op((b)->drivers[d_].ctx, __VA_ARGS__)

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

/* All queues in the order in which they were found. The kernel goes through them in this order, and
 * uevents tell [uevents-order]. qn may be removed meanwhile. */
#define queues_foreach(b, qn)                                                                      \
    for (uint32_t qn = (b)->oldest, next_;                                                         \
         qn < AP_APQNS && (next_ = queue_get(b, (ap_qn)qn)->newer, 1); qn = next_)

/* Used in the refusals of more than one file. */
#define DEVICE_UNKNOWN "no such device on the AP bus"

/* override.c */

/* The first one from that queue on. */
unsigned override_first(const struct ap_bus *b, ap_qn qn);
const char *override_get(const struct ap_bus *b, ap_qn qn);
/* len 0: clears it */
void override_set(struct ap_bus *b, ap_qn qn, const char *name, size_t len, struct effects *fx);

/* bind.c */

/* Whether the driver supports devices of this kind and hardware type; whether it would take the
 * queue, by masks or override. */
bool driver_matches(const struct ap_bus *b, unsigned driver, bool card, unsigned apid);
bool driver_accepts(const struct ap_bus *b, unsigned driver, ap_qn qn);
void queue_bind(struct ap_bus *b, ap_qn qn, unsigned driver, struct effects *fx);
void queue_unbind(struct ap_bus *b, ap_qn qn, struct effects *fx);
/* Binds the queue if a driver takes it. */
void queue_probe(struct ap_bus *b, ap_qn qn, struct effects *fx);
void card_bind(struct ap_bus *b, unsigned apid, unsigned driver, struct effects *fx);
void card_unbind(struct ap_bus *b, unsigned apid, struct effects *fx);
void card_probe(struct ap_bus *b, unsigned apid, struct effects *fx);
/* Rebinds a queue that is unbound or has a driver of the wrong side. */
void queue_rebind(struct ap_bus *b, ap_qn qn, struct effects *fx);
/* After a change of masks: rebinds queues that are unbound or have a driver of the wrong side. */
void bus_rebind(struct ap_bus *b, struct effects *fx);

/* lookup.c: whether the queue's driver sends messages, so its state machine is running */
bool queue_runs(const struct ap_bus *b, const struct ap_queue *q);

/* queue.c: resets the queue again if its state machine runs; goes on with a reset; the queue does
 * not work any more: flushes it, and lets the next scan that finds it configured reset it */
void queue_restart(struct ap_bus *b, ap_qn qn);
void queue_reset_go_on(struct ap_bus *b, ap_qn qn);
void queue_fail(struct ap_bus *b, ap_qn qn, struct effects *fx);

/* queue.c: flushes a queue that is no longer bound; its former driver gets the messages back */
void bus_flush_queue(struct ap_bus *b, ap_qn qn, const struct ap_driver_slot *of,
                     struct effects *fx);

/* restore.c: the settings of a bus that has just started */
void bus_defaults(struct ap_bus *b, const struct ap_bus_params *params);

/* masks.c */
int mask_store(struct ap_bus *b, bool adapters, const char *data, size_t len, struct effects *fx);

/* scan.c */
void bus_choose_domain(struct ap_bus *b, struct effects *fx);
void card_set_config(struct ap_bus *b, unsigned apid, bool config, struct effects *fx);

/* events.c: *_lines formats the attribute uevent; *_synth handles a write to it. */
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

/* devices.c: finds a device, or a card, by name: -ENODEV, -ENOENT. */
int device_find(const struct ap_bus *b, const char *data, size_t len, struct sysfs_dir *out);
int card_find(const struct ap_bus *b, const char *name, unsigned *out);
int devices_child_find(void *ctx, uint32_t object, const char *name, struct sysfs_child *out);
bool devices_child_next(void *ctx, uint32_t object, uint32_t *cursor, struct sysfs_child *out,
                        char name[SYSFS_NAME_MAX]);

/* tables of attributes */
extern const struct sysfs_kind_ops bus_kind_ops, bus_root_kind_ops, bus_devices_kind_ops,
    bus_drivers_kind_ops, bus_driver_kind_ops, card_kind_ops, queue_kind_ops;
void bus_module_register(struct ap_bus *b);
extern const struct sysfs_attr bus_attrs[], card_attrs[], queue_attrs[], driver_attrs[],
    bus_root_attrs[];

#endif
