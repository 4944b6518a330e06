/* SPDX-License-Identifier: MIT */
#ifndef APUS_CORE_SAVED_H
#define APUS_CORE_SAVED_H

#include "bus/bus.h"
#include "core/core.h"
#include "core/fields.h"
#include "vfio_ap/vfio_ap.h"

/*
 * What of the core outlives the daemon, as objects that can be read, written down, and set again.
 * A command names the objects that it changed (effects_changed); whoever keeps the last value of
 * each has the state after that command, whatever the order of commands was. So neither the
 * commands themselves nor their requests have to be kept.
 *
 * Not kept, and gone with the daemon: requests under way and messages in queues, AQIC, removals
 * that wait for a guest, counters of requests, scans and notifications, guests that end with their
 * connection.
 */
struct saved {
    struct change of;
    union {
        const struct machine_config *machine;
        struct {
            struct ap_masks masks;
            uint32_t domain, config_time; /* domain AP_IDS: none */
            bool poll_thread, autoprobe;
            uint64_t poll_timeout;
        } bus;
        struct {
            const char *name;
            size_t len;
        } override;
        struct {
            struct ap_bindings bindings;
            bool offline;
            struct mask256 queues_offline;
        } card;
        struct {
            const char *name;
            size_t len;
            struct mask256 ioctlmask, apmask, aqmask, admask;
        } node;
        struct {
            const char *path; /* of the node, in its tree */
            size_t len;
            struct sysfs_owner to;
        } owner;
        struct {
            struct uuid uuid;
            bool has_uuid, unbound;
            bool autostart; /* no rule looks at it; it is a note for mdevctl */
            struct apcb assigned, effective;
            bool follows; /* effective is what the filter makes of assigned now; core_restore
                           * then computes it */
        } mdev;
        struct {
            const char *name;
            uint32_t features;
            bool with_connection;
            uint32_t mdev; /* its slot; SAVED_NO_MDEV: none */
        } guest;
        struct {
            bool checkstopped;
            const char *zeroized; /* how often, by domain: "0*70,3,0*185" */
            struct mask256 zeroize_due;
            struct vfio_ap_resets resets;
        } adapter;
        struct {
            const char *rules; /* up to version 3 of the file: lines of "NUMBER LEFT RULE" */
            size_t len;
            uint32_t last;
        } faults;
        struct {
            const char *rule;
            uint32_t left; /* or FAULT_ALWAYS */
        } fault;
    };
    struct text text; /* what of it had to be written down; freed by saved_done */
};

#define SAVED_NO_MDEV UINT32_MAX

struct saved_row {
    const char *name;
    bool has_tree, has_id;
    uint32_t ids; /* below this */
    const struct field *fields;
};

extern const struct saved_row saved_rows[STATE_KINDS];

/* Reads an object. false: there is no such one now, or it is as it is without having been saved. */
bool saved_get(const struct core *c, const struct change *of, struct saved *out);
void saved_done(struct saved *s);

/* A card as it is, also one that is as a scan makes it. false: there is no such card. */
bool saved_get_card(const struct core *c, unsigned tree, unsigned apid, struct saved *out);

/* Calls each with every object that saved_get may find, in an order in which they can be set. */
void saved_each(const struct core *c, void (*each)(void *data, const struct change *of),
                void *data);

/* Less, equal or greater than zero: the same order. */
int saved_compare(const struct change *a, const struct change *b);

/*
 * Makes a core of what was saved. core_new for the machine, then core_restore for each other
 * object, sorted by saved_compare; before the first STATE_OWNER, which may be one of a node that
 * the trees have only then, and in any case core_restored. core_restore: -EINVAL, and why has got a
 * clause, if the object contradicts those before it; the core can only be freed then.
 */
int core_restore(struct core *c, const struct saved *s, struct text *why);

/* core_new, but the host's masks are these already: what would be bound otherwise need not be. */
struct core *core_new_masked(const struct machine_config *config, const struct ap_masks *masks,
                             struct effects *effects);

/* The host and its guests look around, and what ended with the daemon ends. */
void core_restored(struct core *c, struct effects *fx);

#endif
