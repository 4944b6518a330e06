/* SPDX-License-Identifier: MIT */
#ifndef APUS_CORE_STATE_H
#define APUS_CORE_STATE_H

#include "bus/bus.h"
#include "core/commands.h"
#include "core/core.h"
#include "machine/machine.h"
#include "vfio_ap/vfio_ap.h"
#include "zcrypt/zcrypt.h"

/* Private to src/core. */

/* The modelled Linux of a guest. Created by CMD_GUEST_LOOK only, so that an idle guest is small. */
struct guest_linux {
    struct sysfs_tree tree;
    struct ap_bus *bus;
    struct zcrypt *zcrypt;
};

struct core_guest {
    struct vfio_ap_guest v;
    char name[CORE_GUEST_NAME];
    struct guest_linux *linux_system;
    bool connected;       /* a client is its CPUs, and receives all replies */
    uint32_t process;     /* that runs the CPUs or has opened the device; 0: none, or unknown */
    bool opened;          /* the process has opened the device through VFIO */
    bool by_device;       /* started through VFIO: it ends with device and CPUs */
    bool with_connection; /* it ends with the one who started it, and with the daemon */
};

struct core {
    const struct abi *abi;
    struct machine *machine;
    uint64_t machine_seen;         /* machine_changes() at the last scan */
    uint8_t adapters_told[AP_IDS]; /* enum adapter_news, as it was told last */
    bool requests_watched;         /* TIMER_REQUESTS is set */
    uint64_t alarm_set;            /* the time for which TIMER_ALARM is set; 0: not set */
    struct sysfs_tree tree;
    struct ap_bus *bus;
    struct zcrypt *zcrypt;
    struct zcrypt_tokens *tokens; /* of the host's and all guests' requests */
    struct vfio_ap *vfio_ap;
    struct core_guest **guests; /* by number; NULL where there is none */
    unsigned guest_slots;
    unsigned stopped_number;       /* the guest that the last command stopped */
    char stopped[CORE_GUEST_NAME]; /* its name; "": none */
    bool lpar_connected;           /* a client is the LPAR's CPUs, in place of our host */
};

/* guests.c */
struct core_guest *guest_at(const struct core *c, unsigned number);
struct core_guest *guest_by_name(const struct core *c, const char *name);
/* The guest that the command names. -ENOENT: there is none. */
int guest_find(struct core *c, const struct command *cmd, struct reply *reply,
               struct core_guest **out);
void guests_free(struct core *c);
/* Attaches the guest to the device. A result of vfio_ap_attach, or -ENODEV. */
int guest_attach(struct core *c, struct core_guest *g, const struct uuid *uuid, struct effects *fx,
                 struct reply *reply);
void guest_detach(struct core *c, struct core_guest *g, struct effects *fx);
void guest_stop(struct core *c, struct core_guest *g, struct effects *fx);
/* As it was; NULL: number or name is another guest's, or cannot be a guest's. */
struct core_guest *guest_restore(struct core *c, unsigned number, const char *name,
                                 unsigned features);
/* The guest's own system, made if there is none; NULL: there is no such guest. */
struct guest_linux *guest_system(struct core *c, unsigned number);
/* The zcrypt and the bus of a tree, or NULL. */
struct zcrypt *zcrypt_of(const struct core *c, unsigned tree);
struct ap_bus *bus_of(const struct core *c, unsigned tree);
/* Rescans the bus of each guest whose APCB changed in effects[from..], or of all guests, as a real
 * guest does on the CHSC event. */
void guests_rescan(struct core *c, struct effects *fx, size_t from, bool all);
void guest_rescan(struct core_guest *g, struct effects *fx);
/* Fails the pending requests of our own system, whose queues a client takes over. */
void zcrypt_end(struct core *c, unsigned tree, struct effects *fx);

/* requests.c */
/* The queue may have a reply: the guest's bus polls it, or its client is notified. */
void guest_reply(struct core *c, const struct vfio_ap_guest *g, ap_qn qn, struct effects *fx);
/* The same for a queue that no guest has. */
void lpar_reply(struct core *c, ap_qn qn, struct effects *fx);
/* The guest that can use the queue now, or NULL. */
const struct vfio_ap_guest *guest_using(const struct core *c, ap_qn qn);
/* Checks the queues of all systems for requests that timed out, and sets the timer again while any
 * are pending. */
void requests_overdue(struct core *c, struct effects *fx);
void jobs_announce(struct core *c, struct effects *fx);

/* trees.c */
/* NULL: there is none. */
struct sysfs_tree *tree_of(struct core *c, unsigned tree);
/* Names the nodes of all trees whose mode or owner changed; gone: nodes may have gone. */
void owners_changed(struct core *c, bool gone, struct effects *fx);

/* proc.c: adds proc/sysinfo to the tree of the host. */
void proc_register(struct core *c);

/* tree_objects.c */
struct visit {
    void (*each)(void *data, const struct change *of);
    void *data;
};

/* Calls v for each object of the tree that outlives the daemon. */
void tree_objects(const struct sysfs_tree *t, const struct ap_bus *b, const struct zcrypt *z,
                  unsigned tree, const struct visit *v);
/* Names them as changed: the tree comes or goes. */
void tree_changed(const struct sysfs_tree *t, const struct ap_bus *b, const struct zcrypt *z,
                  unsigned tree, struct effects *fx);

/* news.c */
/* Appends the effects for whoever only watches: states of adapters, resets, lost requests, faults.
 * forget: what is there now, nobody is to be told of. */
void news_tell(struct core *c, struct effects *fx);
void news_forget(struct core *c);

/* saved.c */
/* Names what changed in the machine and in the resets of queues. */
void machine_changed(struct core *c, struct effects *fx);

/* timers.c */
/* Sets the timer for the next scan, config_time from now. */
void scan_timer(const struct core *c, struct effects *fx);

/* faults.c */
/* Takes the alarms that are due, and lets those that wait for the queues look at them. */
void alarms_handle(struct core *c, struct effects *fx);
/* Sets the timer for the next alarm, unless it is already set. */
void alarms_arm(struct core *c, struct effects *fx);

/* The functions of commands, by file: */
/* trees.c, timers.c */
command_function core_store, core_owner, core_timer;
/* guests.c */
command_function core_guest_start, core_guest_stop, core_guest_attach, core_guest_detach;
command_function core_guest_look;
/* migrate.c, cpus.c */
command_function core_guest_migrate, core_cpu_connect, core_cpu_reset;
/* boot.c */
command_function core_boot;
/* vfio.c */
command_function core_vfio_open, core_vfio_close, core_vfio_reset;
/* requests.c */
command_function core_insn, core_zcrypt_send, core_job_done, core_cancel;
/* faults.c */
command_function core_fault_add, core_fault_remove;
/* support_element.c */
/* A command of kind CMD_SE_LPAR as people give it: "se lpar add domain 0x09". */
void core_se_command(const struct command *cmd, struct text *out);

command_function core_se_adapter, core_se_lpar, core_sclp, core_checkstop, core_machine_set;

#endif
