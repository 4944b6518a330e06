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
 * The AP bus: cards and queues that a scan found, the drivers they are bound to, and apmask and
 * aqmask, which say whose a queue is. It sees the hardware through AP instructions alone, so the
 * host and each guest run the same code. It knows no driver: drivers register.
 */
struct ap_bus;

/* Kernel parameters [masks-kernel-parameters]. */
struct ap_bus_params {
    const struct abi *abi;
    struct mask256 apmask, aqmask;
    int domain; /* -1: choose */
};

struct ap_masks {
    struct mask256 apmask, aqmask;
};

#define AP_DRIVER_NONE 0xffu /* in place of a driver's number */

/* A card device. Drivers read it; the bus alone writes. */
struct ap_card {
    uint16_t generation; /* of the device that exists, or of the last one; never 0 then */
    uint8_t driver;      /* number of the driver, or AP_DRIVER_NONE */
    bool present : 1, config : 1, chkstop : 1;
    uint8_t type, raw_type; /* hardware type */
    uint8_t mode;           /* enum adapter_mode */
    uint8_t depth;          /* raw: 0 is a depth of one */
    uint8_t max_message;    /* in units of 4 KiB; 0: the card does not say */
    uint32_t functions;     /* upper half of the facilities that TAPQ reports */
    uint64_t total_requests;
    struct ap_queue *queues; /* AP_IDS of them, made with the first queue */
    struct mask256 present_queues;
};

/* The longest message that the card takes, in bytes. */
#define AP_MESSAGE_DEFAULT 12288u
static inline size_t ap_card_message_max(const struct ap_card *card)
{
    return card->max_message ? card->max_message * 4096u : AP_MESSAGE_DEFAULT;
}

/* The state machine of a queue is drawn in queue.c. */
enum ap_sm_state { AP_SM_STATE_IDLE, AP_SM_STATE_RESET_START, AP_SM_STATE_RESET_WAIT };

/* A queue device. Drivers read it; the bus alone writes. */
struct ap_queue {
    uint16_t generation; /* as that of a card */
    uint8_t driver;
    uint8_t sm_state; /* enum ap_sm_state */
    bool present : 1, config : 1, chkstop : 1, interrupts : 1;
    uint32_t requestq_count, pendingq_count; /* messages that wait for room, and that are inside */
    uint64_t total_requests;
    struct ap_queue_messages *messages; /* made with the first message; private to queue.c */
};

/* A message on its way through a queue. It is its driver's; while WAITING or PENDING the bus has it
 * in a list. */
enum ap_message_state { AP_MESSAGE_NEW, AP_MESSAGE_WAITING, AP_MESSAGE_PENDING };

struct ap_message {
    TAILQ_ENTRY(ap_message) link;
    enum ap_message_state state;
    ap_qn qn;
    uint64_t psmid;        /* given by the bus each time it is sent */
    struct buffer data;    /* cleansed and freed by ap_message_done */
    bool special;          /* for NQAP */
    struct ap_admin admin; /* for NQAP */
};

/* The number of adapter and domain ids: APID of a card driver, APQN of a queue driver. */
typedef uint32_t ap_device_id;

/*
 * What the bus calls. All may be NULL. Each is called with the bus in a consistent state.
 */
struct ap_driver_ops {
    /* A device was bound to the driver, or is about to be taken from it (its hardware still
     * answers, if it exists). */
    void (*probe)(void *ctx, ap_device_id id, struct effects *fx);
    void (*remove)(void *ctx, ap_device_id id, struct effects *fx);
    /*
     * A driver that sends messages has both. The message is the driver's again, state NEW.
     * received: it was answered. lost: it will not be; -EAGAIN no adapter has seen it; -EIO one may
     * have; -EINVAL the queue takes no such message.
     */
    void (*received)(void *ctx, struct ap_message *msg, struct span reply, struct effects *fx);
    void (*lost)(void *ctx, struct ap_message *msg, int err, struct effects *fx);
    /* Would the change of masks take something that is in use? If so, why says what and whose. */
    bool (*in_use)(void *ctx, const struct ap_masks *old, const struct ap_masks *wanted,
                   struct text *why);
    /* Two phases of a changed host configuration: before the devices are touched, and after. */
    void (*config_changed)(void *ctx, const struct ap_qci *new, const struct ap_qci *old,
                           struct effects *fx);
    void (*scan_complete)(void *ctx, const struct ap_qci *new, const struct ap_qci *old,
                          struct effects *fx);
    /* An adapter came or vanished, or went to or came from standby or checkstop. */
    void (*adapter_changed)(void *ctx, unsigned apid, struct effects *fx);
    /* The end of a run of calls: everything follows that was put off so that it happens once. */
    void (*settle)(void *ctx, struct effects *fx);
};

struct ap_driver {
    const char *name;
    bool card;       /* drives cards, otherwise queues */
    bool is_default; /* takes the queues that apmask and aqmask keep for the host; the others take
                        what these leave */
    uint16_t types;  /* bit t: hardware type t */
    const struct sysfs_attr *attrs; /* of a device while it is bound; may be NULL */
    const struct ap_driver_ops *ops;
};

/* tree: the kinds of the bus are registered there. No scan happens yet. */
struct ap_bus *ap_bus_new(const struct ap_bus_params *params, struct ap_hw hw,
                          struct sysfs_tree *tree);
void ap_bus_free(struct ap_bus *b);

/*
 * Before the first scan. The driver is kept by reference; ctx is what its ops and attributes get.
 * Where several would take a device, the first to register does.
 */
void ap_driver_register(struct ap_bus *b, const struct ap_driver *driver, void *ctx);

void ap_bus_scan(struct ap_bus *b, struct effects *fx);

/*
 * A scan after an event that names the adapters it is about: the others are looked at only if the
 * configuration that QCI reports has changed, too.
 */
void ap_bus_scan_adapters(struct ap_bus *b, const struct mask256 *adapters, struct effects *fx);

/* The end of several calls: drivers settle, and the uevent of complete bindings follows. */
void ap_bus_settle(struct ap_bus *b, struct effects *fx);

/* Ownership: the domains of the adapter that are the default drivers', by masks and overrides, and
 * whether one APQN is among them. Everyone who asks whose an APQN is asks here. */
struct mask256 ap_bus_default_row(const struct ap_bus *b, const struct ap_masks *masks,
                                  unsigned apid);
bool ap_bus_owned_by_default(const struct ap_bus *b, ap_qn qn);

const struct ap_masks *ap_bus_masks(const struct ap_bus *b);
const struct ap_qci *ap_bus_qci(const struct ap_bus *b);
uint64_t ap_bus_scans(const struct ap_bus *b);
int ap_bus_config_time(const struct ap_bus *b); /* seconds between two scans by timer */
int ap_bus_domain(const struct ap_bus *b);      /* the default domain, -1: none */
unsigned ap_bus_max_adapter(const struct ap_bus *b);
unsigned ap_bus_max_domain(const struct ap_bus *b);

/* NULL: there is no such device. */
const struct ap_card *ap_bus_card(const struct ap_bus *b, unsigned apid);
const struct ap_queue *ap_bus_queue(const struct ap_bus *b, ap_qn qn);
/* NULL while the queue is unbound or does not exist. */
const struct ap_driver *ap_bus_queue_driver(const struct ap_bus *b, ap_qn qn);

/* The uevent of a driver that sets its device online or offline. */
void ap_card_send_online(struct ap_bus *b, unsigned apid, bool online, struct effects *fx);
void ap_queue_send_online(struct ap_bus *b, ap_qn qn, bool online, struct effects *fx);

/* What the adapter's firmware answers beside the queue, as ap_hw_ops.ask and .serial. */
bool ap_queue_ask(const struct ap_bus *b, ap_qn qn, struct span request, struct text *reply);
const char *ap_card_serial(const struct ap_bus *b, unsigned apid);

/* queue.c: queues as drivers use them that send messages */

/* A driver's probe: the queue is reset, and takes messages when that has ended. */
void ap_queue_init_state(struct ap_bus *b, ap_qn qn);

/*
 * Sends msg, which is NEW, through the queue msg->qn. 0: it is inside, or waits for room; received
 * or lost follows. -EAGAIN: the queue does not take it now, another may. -EINVAL: it takes no such
 * message. It is NEW after an error.
 */
int ap_queue_message(struct ap_bus *b, struct ap_message *msg, uint64_t now);

/* The sender has lost interest: msg is NEW afterwards. A message that is inside stays there; its
 * reply is dropped. */
void ap_cancel_message(struct ap_bus *b, struct ap_message *msg);

/* All messages of the queue are lost; the hardware is not asked. */
void ap_flush_queue(struct ap_bus *b, ap_qn qn, struct effects *fx);

/* Frees what a message holds, which may be a key. It must be NEW. */
void ap_message_done(struct ap_message *msg);

/* A reply may be there. */
void ap_queue_poll(struct ap_bus *b, ap_qn qn, struct effects *fx);

/*
 * The hardware has something to see in the queue: a reset may have ended, a reply may be there, or
 * it may take messages again. ap_bus_settle is to follow after the last of several queues.
 */
void ap_queue_look(struct ap_bus *b, ap_qn qn, struct effects *fx);

/* Another system had the queues for a while: all that send messages start anew. */
void ap_bus_restart(struct ap_bus *b);

/*
 * A queue with messages inside that gives no reply for so long is reset, and they are lost
 * [zcrypt-timeout]. Returns when that is to be looked at again; 0: no message is on
 * its way, and none will be before the next ap_queue_message.
 */
#define AP_QUEUE_TIMEOUT_NS (900 * UINT64_C(1000000000))
uint64_t ap_bus_check_timeouts(struct ap_bus *b, struct effects *fx);

#endif
