/* SPDX-License-Identifier: MIT */
#ifndef APUS_VFIO_AP_INTERNAL_H
#define APUS_VFIO_AP_INTERNAL_H

#include "base/slots.h"
#include "vfio_ap/vfio_ap.h"

/* Private to src/vfio_ap. */

#define MDEV_MAX  65536u
#define MDEV_NONE UINT32_MAX

/* What a change of the host left to do: nothing, tell the guest of a loss, or compute what it gets
 * from scratch. */
enum mdev_pending { PENDING_NONE, PENDING_TELL, PENDING_FILTER };

/* A directory of which there is one; ctx of its kind. */
struct fixed_dir {
    struct vfio_ap *v;
    const char *name;
    struct sysfs_dir parent;
};

struct mdev {
    struct uuid uuid;
    uint64_t id;             /* in vfio_ap.mdevs */
    uint32_t slot;           /* of id */
    uint32_t next_in_bucket; /* slot */
    struct apcb assigned;
    /* What the guest has or would have. The guest's own APCB is a copy of it, made by mdev_publish.
     */
    struct apcb effective;
    struct vfio_ap_guest *guest;
    enum mdev_pending pending; /* to be done when the bus settles */
    bool interrupted;      /* a queue was taken away: the guest is told even if it gets it back */
    uint32_t next_pending; /* slot */
    uint64_t remove_token; /* someone waits for this device to be given up */
    bool removing;
};

struct vfio_ap {
    const struct abi *abi;
    struct sysfs_tree *tree;
    struct ap_bus *bus;
    struct ap_hw hw;
    const struct ap_driver *driver; /* as the bus knows it */
    struct slots mdevs;
    uint32_t *buckets; /* by hash of the UUID: first slot */
    uint32_t bucket_count;
    /* Who has which APQN: rows for quick intersection, and the owner's slot for the one that is
     * named in a message. */
    struct mask256 taken[AP_IDS];
    uint32_t owner[AP_APQNS];
    /* Queues whose reset has not ended, by adapter; those of them that are to be zeroized once
     * more when it has. */
    struct mask256 unreset[AP_IDS], again[AP_IDS];
    unsigned unreset_count;
    struct apcb host; /* the LPAR's masks as of the last scan */
    uint32_t pending; /* first of the devices with something pending */
    struct fixed_dir fixed[SYSFS_KINDS];
};

/* mdev.c: the life of a mediated device */
int mdev_create(struct vfio_ap *v, const struct uuid *uuid, struct effects *fx);
/* -EBUSY, or -EINPROGRESS when the guest was asked and the caller waits. */
int mdev_remove(struct vfio_ap *v, struct mdev *m, struct effects *fx);
void mdev_destroy(struct vfio_ap *v, struct mdev *m, struct effects *fx);

/* table.c */
void mdev_enter(struct vfio_ap *v, struct mdev *m);
void mdev_leave(struct vfio_ap *v, struct mdev *m);
struct mdev *mdev_at(const struct vfio_ap *v, uint32_t slot);
/* The device that a queue is assigned to, or NULL. */
struct mdev *mdev_owner(const struct vfio_ap *v, ap_qn qn);
/* What is to be done when the bus settles; the larger of two wishes counts. */
void mdev_mark(struct vfio_ap *v, struct mdev *m, enum mdev_pending what);

/* conflicts.c: APQNs that stand against a write, for one message */
#define CONFLICTS_NAMED 4u
struct conflicts {
    unsigned count;
    ap_qn first[CONFLICTS_NAMED];
};
void conflicts_add(struct conflicts *c, unsigned apid, const struct mask256 *row);
void conflicts_describe(const struct vfio_ap *v, const struct conflicts *c, struct text *out);

/* assign.c: checks and changes of what is assigned */
int assign_plan(const struct vfio_ap *v, const struct mdev *m, const struct apcb *wanted,
                const char *what, struct effects *fx);
void assign_commit(struct vfio_ap *v, struct mdev *m, const struct apcb *wanted);
unsigned vfio_ap_max_adapter(const struct vfio_ap *v);
unsigned vfio_ap_max_domain(const struct vfio_ap *v);

/* filter.c: what the guest gets */
struct apcb mdev_filter(const struct vfio_ap *v, const struct mdev *m);
/* Takes what is not wanted any more from the guest, and resets it; gives it what is new. */
void mdev_publish(struct vfio_ap *v, struct mdev *m, struct apcb wanted, struct effects *fx);
void vfio_ap_settle(void *ctx, struct effects *fx);

/*
 * reset.c [guests-queue-reset]. queue_reset zeroizes a queue that a guest may have had; until that
 * has ended the queue is in v->unreset and its adapter is passed to nobody. queue_reset_watch is
 * for a queue that somebody else has reset, queue_reset_forget for one that leaves the driver.
 * queue_resets_look looks which have ended; the devices they are assigned to are then to be
 * computed anew.
 */
void queue_reset(struct vfio_ap *v, ap_qn qn);
void queue_reset_watch(struct vfio_ap *v, ap_qn qn);
void queue_reset_forget(struct vfio_ap *v, ap_qn qn);
void queue_resets_look(struct vfio_ap *v);

/* attrs_mdev.c, attrs_matrix.c, dirs.c */
extern const struct sysfs_attr mdev_attrs[], mdev_type_attrs[], matrix_attrs[];

static inline struct vfio_ap *vfio_ap_of(void *fixed)
{
    return ((struct fixed_dir *)fixed)->v;
}

void vfio_ap_register_dirs(struct vfio_ap *v);

#endif
