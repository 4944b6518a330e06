/* SPDX-License-Identifier: MIT */
#ifndef APUS_BUS_BUS_H
#define APUS_BUS_BUS_H

#include <sys/queue.h>

#include "base/abi.h"
#include "base/effects.h"
#include "machine/config.h"
#include "machine/hw.h"
#include "message/bytes.h"
#include "sysfs/tree.h"

/*
 * The AP bus: the cards and queues that a scan found, the drivers they are bound to, and apmask and
 * aqmask, which decide who owns a queue. It sees the hardware only through AP instructions, so the
 * host and each guest run the same code. It knows no driver; drivers register with it.
 */
struct ap_bus;

/* Kernel parameters [masks-kernel-parameters]. */
struct ap_bus_params {
    const struct abi *abi;
    struct mask256 apmask, aqmask;
    int domain; /* -1: chosen by the bus */
};

struct ap_masks {
    struct mask256 apmask, aqmask;
};

#define AP_DRIVER_NONE 0xffu /* in place of a driver's number */

/* A card device. Drivers read it; the bus alone writes. */
struct ap_card {
    uint16_t generation; /* of the current device, or the last one; 0: there was none */
    uint8_t driver;      /* number of the driver, or AP_DRIVER_NONE */
    bool present : 1, config : 1, chkstop : 1;
    uint8_t type, raw_type; /* hardware type */
    uint8_t mode;           /* enum ap_mode, if functions has one */
    uint8_t depth;          /* raw: queue depth minus 1 */
    uint8_t max_message;    /* in units of 4 KiB; 0: not reported */
    uint32_t functions;     /* upper half of the facilities that TAPQ reports */
    uint64_t total_requests;
    struct ap_queue *queues; /* array of AP_IDS, allocated with the first queue */
    struct mask256 present_queues;
};

/* The longest message that the card accepts, in bytes. */
#define AP_MESSAGE_DEFAULT 12288u
static inline size_t ap_card_message_max(const struct ap_card *card)
{
    return card->max_message ? card->max_message * 4096u : AP_MESSAGE_DEFAULT;
}

/* The state machine of a queue is drawn in queue.c. */
enum ap_sm_state { AP_SM_STATE_IDLE, AP_SM_STATE_RESET_START, AP_SM_STATE_RESET_WAIT };

/* A queue device. Drivers read it; the bus alone writes. */
struct ap_queue {
    uint16_t generation; /* as in struct ap_card */
    uint8_t driver;
    uint8_t sm_state; /* enum ap_sm_state */
    bool present : 1, config : 1, chkstop : 1;
    bool initiated : 1;    /* its state machine runs while the adapter is available */
    bool failed : 1;       /* the next scan that finds it configured resets it */
    uint64_t found;        /* counts up with each queue that is found */
    uint32_t older, newer; /* the queues in the order in which they were found; AP_APQNS: none */
    uint32_t requestq_count, pendingq_count; /* waiting for room; in the hardware queue */
    uint64_t total_requests;
    struct ap_queue_messages *messages; /* allocated with the first message; private to queue.c */
};

/* A message to a queue. Its driver owns it; the bus has it in a list while it is WAITING or
 * PENDING. */
enum ap_message_state { AP_MESSAGE_NEW, AP_MESSAGE_WAITING, AP_MESSAGE_PENDING };

struct ap_message {
    TAILQ_ENTRY(ap_message) link;
    enum ap_message_state state;
    ap_qn qn;
    uint64_t psmid;        /* assigned by the bus each time it is sent */
    struct buffer data;    /* wiped and freed by ap_message_done */
    bool special;          /* for NQAP */
    struct ap_admin admin; /* for NQAP */
};

/* Identifies a device to its driver: the APID for a card driver, the APQN for a queue driver. */
typedef uint32_t ap_device_id;

/* Called by the bus. Any of them may be NULL. The bus is in a consistent state during each call. */
struct ap_driver_ops {
    /* The device was bound to the driver, or is about to be unbound (its hardware, if still there,
     * answers until then). */
    void (*probe)(void *ctx, ap_device_id id, struct effects *fx);
    void (*remove)(void *ctx, ap_device_id id, struct effects *fx);
    /*
     * A driver that sends messages implements both. The message goes back to the driver in state
     * NEW. received: it was answered. lost: it will not be: -EAGAIN if no adapter has seen it, -EIO
     * if one may have, -EINVAL if the queue does not accept such a message.
     */
    void (*received)(void *ctx, struct ap_message *msg, struct span reply, struct effects *fx);
    void (*lost)(void *ctx, struct ap_message *msg, int err, struct effects *fx);
    /* Whether the change of masks would take away an APQN in use. If so, why names the APQNs and
     * their users. */
    bool (*in_use)(void *ctx, const struct ap_masks *old, const struct ap_masks *wanted,
                   struct text *why);
    /* The host configuration has changed: called before the devices are updated, and after. */
    void (*config_changed)(void *ctx, const struct ap_qci *new, const struct ap_qci *old,
                           struct effects *fx);
    void (*scan_complete)(void *ctx, const struct ap_qci *new, const struct ap_qci *old,
                          struct effects *fx);
    /* An adapter appeared or vanished, or entered or left standby or checkstop. */
    void (*adapter_changed)(void *ctx, unsigned apid, struct effects *fx);
    /* Called once at the end of a series of calls, for work that was deferred so that it is done
     * once. */
    void (*settle)(void *ctx, struct effects *fx);
};

struct ap_driver {
    const char *name;
    bool card;       /* true: drives cards; false: queues */
    bool is_default; /* takes the queues that apmask and aqmask reserve for the default drivers; the
                      * other drivers take the rest */
    uint16_t types;  /* bit t: hardware type t */
    const struct sysfs_attr *attrs; /* of the bound devices; may be NULL */
    const struct ap_driver_ops *ops;
    bool needs_mode;    /* does not take what does not tell its mode */
    const char *module; /* added to the tree before the driver is registered; NULL: none */
};

/* Registers the kinds of the bus with tree. Does not scan yet. */
struct ap_bus *ap_bus_new(const struct ap_bus_params *params, struct ap_hw hw,
                          struct sysfs_tree *tree);
void ap_bus_free(struct ap_bus *b);

/*
 * To be called before the first scan. The driver is kept by reference; ctx is passed to its ops and
 * attributes. If several drivers accept a device, the one registered first gets it.
 */
void ap_driver_register(struct ap_bus *b, const struct ap_driver *driver, void *ctx);

void ap_bus_scan(struct ap_bus *b, struct effects *fx);

/*
 * A scan after an event about certain adapters. The others are scanned only if the configuration
 * that QCI reports has changed as well.
 */
void ap_bus_scan_adapters(struct ap_bus *b, const struct mask256 *adapters, struct effects *fx);

/* Ends a series of calls: the drivers settle. */
void ap_bus_settle(struct ap_bus *b, struct effects *fx);

/* Ownership, by masks and overrides: the domains of the adapter that belong to the default drivers,
 * and whether a given APQN does. This is the only place that decides who owns an APQN. */
struct mask256 ap_bus_default_row(const struct ap_bus *b, const struct ap_masks *masks,
                                  unsigned apid);
bool ap_bus_owned_by_default(const struct ap_bus *b, ap_qn qn);

const struct ap_masks *ap_bus_masks(const struct ap_bus *b);
const struct ap_qci *ap_bus_qci(const struct ap_bus *b);
uint64_t ap_bus_scans(const struct ap_bus *b);
int ap_bus_config_time(const struct ap_bus *b); /* seconds between periodic scans */
int ap_bus_domain(const struct ap_bus *b);      /* the default domain; -1: none */
unsigned ap_bus_max_adapter(const struct ap_bus *b);
unsigned ap_bus_max_domain(const struct ap_bus *b);

/* NULL: there is no such device. */
const struct ap_card *ap_bus_card(const struct ap_bus *b, unsigned apid);
const struct ap_queue *ap_bus_queue(const struct ap_bus *b, ap_qn qn);
/* NULL while the queue is unbound or does not exist. */
const struct ap_driver *ap_bus_queue_driver(const struct ap_bus *b, ap_qn qn);

/* The uevent for a driver that sets its device online or offline. */
void ap_card_send_online(struct ap_bus *b, unsigned apid, bool online, struct effects *fx);
void ap_queue_send_online(struct ap_bus *b, ap_qn qn, bool online, struct effects *fx);

/* Logs a refused write to an attribute of a card or queue. Returns err, a -errno. */
int ap_card_refuse(struct effects *fx, unsigned apid, const char *file, int err, const char *why);
int ap_queue_refuse(struct effects *fx, ap_qn qn, const char *file, int err, const char *why);

/* Asks the adapter's firmware without going through the queue, as ap_hw_ops.ask_firmware and
 * .serial. */
bool ap_queue_ask(const struct ap_bus *b, ap_qn qn, struct span request, struct text *reply);
const char *ap_card_serial(const struct ap_bus *b, unsigned apid);

/*
 * restore.c: what outlives the daemon. settings and bindings are set as they were,
 * without questions; false: there is no such device now.
 */
struct ap_bus_settings {
    struct ap_masks masks;
    int domain, config_time;
    bool poll_thread, autoprobe;
    uint64_t poll_timeout;
};

void ap_bus_settings_get(const struct ap_bus *b, struct ap_bus_settings *out);
void ap_bus_settings_restore(struct ap_bus *b, const struct ap_bus_settings *s, struct effects *fx);

/* *cursor is 0 at first. */
bool ap_bus_override_next(const struct ap_bus *b, unsigned *cursor, ap_qn *qn);
const char *ap_bus_override(const struct ap_bus *b, ap_qn qn); /* NULL: none */
bool ap_bus_override_restore(struct ap_bus *b, ap_qn qn, const char *name, size_t len,
                             struct effects *fx);

/* Whether the card is bound, and which of its queues to a driver of which side. */
struct ap_bindings {
    bool card;
    struct mask256 by_default, by_other;
};

/* What a scan would make of the card. */
struct ap_bindings ap_bus_bindings_expected(const struct ap_bus *b, unsigned apid);

/* Returns whether they differ from what a probe makes of the devices that are there. */
bool ap_bus_bindings_get(const struct ap_bus *b, unsigned apid, struct ap_bindings *out);
bool ap_bus_bindings_restore(struct ap_bus *b, unsigned apid, const struct ap_bindings *in,
                             struct effects *fx);

/* queue.c: queues for drivers that send messages */

/* For a driver's probe: starts the queue's state machine with a reset. The queue accepts messages
 * once that has ended. */
void ap_queue_init_state(struct ap_bus *b, ap_qn qn);

/*
 * Sends msg, which must be NEW, to the queue msg->qn. 0: it is in the queue or waiting for room;
 * received or lost follows. -EAGAIN: the queue does not accept it now, another one may. -EINVAL:
 * the queue does not accept such a message. After an error msg is NEW.
 */
int ap_queue_message(struct ap_bus *b, struct ap_message *msg, uint64_t now);

/* Cancels msg, which is NEW afterwards. A message in the hardware queue stays there; its reply is
 * dropped. */
void ap_cancel_message(struct ap_bus *b, struct ap_message *msg);

/* All messages of the queue are lost; the hardware is not involved. */
void ap_flush_queue(struct ap_bus *b, ap_qn qn, struct effects *fx);

/* Wipes (it may hold a key) and frees the data of a message, which must be NEW. */
void ap_message_done(struct ap_message *msg);

/* Fetches replies, if there are any. */
void ap_queue_poll(struct ap_bus *b, ap_qn qn, struct effects *fx);

/*
 * The hardware state of the queue may have changed: a reset has ended, a reply is there, or there
 * is room again. After a series of queues the caller calls ap_bus_settle.
 */
void ap_queue_look(struct ap_bus *b, ap_qn qn, struct effects *fx);

/* The system starts anew: its devices go, with all that was set by hand, and it scans. */
void ap_bus_boot(struct ap_bus *b, const struct ap_bus_params *params, struct effects *fx);

/* Another system used the queues meanwhile: resets those of all drivers that send messages. */
void ap_bus_restart(struct ap_bus *b);

/*
 * Resets the queues that have had messages pending for this long without a reply; the messages are
 * lost [bus-queue-timeout]. Returns when to check again; 0: no message is under way, so not before
 * the next ap_queue_message.
 */
#define AP_QUEUE_TIMEOUT_NS (900 * UINT64_C(1000000000))
uint64_t ap_bus_check_timeouts(struct ap_bus *b, struct effects *fx);

#endif
