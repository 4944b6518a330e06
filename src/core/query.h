/* SPDX-License-Identifier: MIT */
#ifndef APUS_CORE_QUERY_H
#define APUS_CORE_QUERY_H

#include "bus/bus.h"
#include "core/core.h"
#include "machine/fault.h"

/* Queries, which change nothing: what status, map and guest show print. */

struct adapter_info {
    const struct adapter_config *config; /* type, serial, functions ... as in the machine */
    bool installed, in_lpar, online, checkstopped;
    bool device; /* the host's bus has a card device for it */
};

struct host_info {
    enum abi_profile abi;
    struct mask256 apmask, aqmask;
    struct mask256 apm, aqm, adm; /* as QCI reports them to the LPAR */
    unsigned max_adapter, max_domain;
    bool interrupts; /* facility 65 */
    uint64_t scans;
    unsigned mdevs, guests;
    const struct machine_identity *identity;
};

struct apqn_info {
    bool device;                     /* the host's bus has a queue device for it */
    bool deconfigured, checkstopped; /* as the bus knows from the queue itself */
    bool zcrypt;                     /* reserved for the zcrypt drivers by apmask and aqmask */
    const char *driver;              /* bound to, or NULL */
    bool assigned;                   /* to mdev */
    struct uuid mdev;
    bool in_use;       /* a guest can use it now */
    const char *guest; /* the guest attached to mdev, or NULL */
    uint32_t zeroized; /* how often the machine has zeroized it */
};

struct mdev_info {
    uint32_t group; /* number of its IOMMU group */
    struct uuid uuid;
    struct mask256 apm, aqm, adm;                   /* assigned */
    struct mask256 guest_apm, guest_aqm, guest_adm; /* what its guest has, or would have */
    const char *guest;                              /* NULL: none attached */
    bool autostart;                                 /* noted when it was set up, for mdevctl */
    bool follows; /* guest_* are what the filter makes of the assignment now; false: of before */
};

struct guest_info {
    unsigned number;
    const char *name;
    unsigned features; /* GUEST_* */
    bool attached;
    struct uuid mdev;
    bool connected;   /* to a client that is its CPUs (CMD_CPU_CONNECT) */
    uint32_t process; /* that runs its CPUs or has opened its device by VFIO; 0: none is known */
    struct mask256 apm, aqm, adm; /* its APCB */
    bool opened;                  /* its process has opened the device through VFIO */
    uint64_t config_changes;      /* notifications of a changed configuration so far */
    uint64_t release_requests;
    struct ap_counts counts; /* of its instructions */
};

/* The fault rules, in the order in which they are tried. */
const struct fault_list *core_faults(const struct core *c);

void core_host_info(const struct core *c, struct host_info *out);
void core_adapter_info(const struct core *c, unsigned apid, struct adapter_info *out);
void core_apqn_info(const struct core *c, ap_qn qn, struct apqn_info *out);

/* The domains of an adapter that are reserved for the zcrypt drivers, by masks and overrides. */
struct mask256 core_default_row(const struct core *c, unsigned apid);
/* Of the queues that the host's bus has, those that no zcrypt driver has. */
struct mask256 core_undriven_row(const struct core *c, unsigned apid);

/* The first queue that the guest of a device with this assignment cannot have, of those in
 * effective. AP_APQNS: none. */
unsigned core_mdev_misfit(const struct core *c, const struct apcb *assigned,
                          const struct apcb *effective);

/* Of the host or a guest: whether its system has an AP bus, whether that has a queue, and what a
 * scan would make of a card. */
bool core_has_bus(const struct core *c, unsigned tree);
bool core_has_queue(const struct core *c, unsigned tree, ap_qn qn);
struct ap_bindings core_expected_bindings(const struct core *c, unsigned tree, unsigned apid);

/* The host's file of that path below /sys. 0, -ENOENT, -ENOTDIR or -ELOOP. */
int core_find_file(const struct core *c, const char *path, sysfs_ino *out);

/* The interruption control that the queue's guest, or the LPAR, last set with AQIC. enable is false
 * if it set none, or the queue was reset since. */
struct ap_aqic core_queue_aqic(const struct core *c, ap_qn qn);

/* What has happened to a queue, and how many messages are in it. A guest's counts are in
 * guest_info, and its pending messages are those of its queues. */
struct ap_counts core_queue_counts(const struct core *c, ap_qn qn);
unsigned core_queue_pending(const struct core *c, ap_qn qn);

unsigned core_guest_pending(const struct core *c, const struct guest_info *guest);

/* The queues of the LPAR, and those that have had messages. *cursor starts at 0; false at the end.
 */
bool core_queue_next(const struct core *c, uint32_t *cursor, ap_qn *out);

/* How many of a device's queues its guest has, and how many of them no guest would get. */
struct mdev_queues {
    unsigned plugged, withheld;
};

struct mdev_queues mdev_queues(const struct mdev_info *m);

/* Adds what an earlier daemon has counted; zeroized of a queue is kept with the machine. false:
 * there is no such guest. */
void core_queue_counts_restore(struct core *c, ap_qn qn, const struct ap_counts *counts);
bool core_guest_counts_restore(struct core *c, const char *guest, const struct ap_counts *counts);

/* Iteration: *cursor starts at 0; false at the end. */
bool core_mdev_next(const struct core *c, uint32_t *cursor, struct mdev_info *out);
bool core_guest_next(const struct core *c, uint32_t *cursor, struct guest_info *out);

const struct abi *core_abi(const struct core *c);

/* The mediated device of an IOMMU group. -ENODEV: there is none; removing: its removal waits for
 * the guest. */
int core_group_mdev(const struct core *c, uint32_t group, struct uuid *out, bool *removing);

/* The name of the guest of that number, even if the last command stopped it; NULL: no such guest.
 */
const char *core_guest_name(const struct core *c, unsigned number);

/* 0, or -ENOENT. */
int core_guest_info(const struct core *c, unsigned number, struct guest_info *out);
int core_guest_find(const struct core *c, const char *name, struct guest_info *out);

#endif
