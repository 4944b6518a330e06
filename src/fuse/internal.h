/* SPDX-License-Identifier: MIT */
#ifndef APUS_FUSE_INTERNAL_H
#define APUS_FUSE_INTERNAL_H

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>
#include <time.h>

#include "base/lookout.h"
#include "fuse/fuse.h"
#include "ioctl/call.h"

/* An open file; the kernel refers to it by fh. */
struct open_file {
    LIST_ENTRY(open_file) link;
    sysfs_ino ino;
    bool device;
    uint32_t node;                /* device: its handle from core_open */
    bool shown;                   /* content is valid: a read at offset 0 succeeded */
    bool unread;                  /* poll(2) reports something to read */
    struct fuse_pollhandle *poll; /* set while someone sleeps in poll(2) */
    struct text content;
};

/*
 * A request whose command returned -EINPROGRESS; embedded in the owner's object. complete is called
 * exactly once, with the result and the text of EFFECT_REPLY, if any. It must answer the request
 * and free the object. A signal to the caller ends the wait with -EINTR, an unmount with -ENODEV;
 * in both cases the command is cancelled.
 */
struct waiting {
    LIST_ENTRY(waiting) link;
    struct fuse_mount *mount;
    fuse_req_t req;
    uint64_t token;
    void (*complete)(struct waiting *w, int result, const char *text, size_t len);
};

#define WAITING_BUCKETS 256

LIST_HEAD(waiting_list, waiting);
struct fuse_call;

/* Where the tree is mounted. */
struct mount_point {
    char *path;     /* absolute; NULL: there is nothing to unmount */
    bool by_helper; /* by fusermount3 */
};

struct fuse_mount {
    TAILQ_ENTRY(fuse_mount) link;
    struct fuse_hub *hub;
    unsigned tree;
    struct fuse_session *session;
    struct fuse_buf buffer; /* a request; allocated by libfuse */
    char *listing;          /* a reply to readdir; allocated when first needed */
    sd_event_source *readable;
    struct lookout lookout;
    struct mount_point point;
    bool ended;          /* by the kernel: unmounted, or aborted, which leaves a dead mount */
    bool closing;        /* freed by its owner; every request gets ENODEV */
    atomic_uint notices; /* for this mount, not yet delivered */
    uid_t uid;
    gid_t gid;
    struct timespec born;
    fuse_ended_fn *ended_fn;
    void *ended_data;
    LIST_HEAD(, open_file) files;
    unsigned devices_open;        /* number of files that are device nodes */
    bool threads_named;           /* callers are known to be in our PID namespace */
    LIST_HEAD(, fuse_call) calls; /* pending ioctls */
};

/* What the notifier is to deliver: that a name is gone, a reply, or that all before it is done.
 * Notices are delivered in order. */
struct notice {
    enum { NOTICE_GONE, NOTICE_WRITTEN, NOTICE_CONTROLLED, NOTICE_SETTLED, NOTICE_TAKEN } kind;
    struct fuse_mount *mount; /* all kinds but NOTICE_SETTLED */
    union {
        struct {
            sysfs_ino parent;
            uint32_t name, len; /* offset and length in the batch's names */
        } gone;
        struct {
            fuse_req_t req;
            int result; /* bytes written or -errno */
        } written;      /* NOTICE_CONTROLLED too */
        struct {
            void (*done)(void *data);
            void *data;
        } settled;
    };
};

struct batch {
    struct notice *v;
    size_t count, capacity;
    size_t next; /* index of the next one to deliver */
    struct text names;
};

struct settled {
    STAILQ_ENTRY(settled) link;
    void (*done)(void *data);
    void *data;
};

struct fuse_hub {
    struct door *door;
    sd_event *event;
    TAILQ_HEAD(mount_list, fuse_mount) mounts; /* including closing ones */
    uint64_t next_token;
    struct waiting_list waiting[WAITING_BUCKETS]; /* by token */
    struct ioctl_desk *desk;
    struct fuse_sync sync; /* all NULL: nothing is kept */
    struct fuse_mounter mounter;

    sd_event_source *progressed; /* on wake_fd: the notifier has finished a batch */
    int wake_fd;
    pthread_t notifier;
    uint64_t queued;                /* number of notices ever queued; event loop only */
    atomic_uint_least64_t finished; /* number of notices ever delivered */
    sd_event_source *patience;      /* timeout for queued replies */
    uint64_t progress;              /* value of finished when the timeout was set */
    bool stuck;                     /* the notifier is blocked; replies do not wait for it */

    pthread_mutex_t lock; /* protects the rest; never held during a call into the kernel */
    pthread_cond_t work;
    struct batch batch;   /* queued notices */
    struct batch running; /* the notifier delivers these; the event loop may take replies out */
    bool quit;
    STAILQ_HEAD(settled_list, settled) settled;
};

/*
 * notifier.c. A reply is queued after the invalidations before it, so that its receiver finds the
 * names gone. An invalidation waits for the lock of the directory, and a client that lists it into
 * memory whose pages never arrive may hold that forever. So after NOTIFIER_PATIENCE_US without
 * progress the replies are sent without waiting.
 */
#define NOTIFIER_PATIENCE_US 1000000u
int notifier_start(struct fuse_hub *hub);
void notifier_stop(struct fuse_hub *hub);
void notifier_gone(struct fuse_mount *m, sysfs_ino parent, const char *name, size_t len);
/* Answers a write: at once if nothing is queued, otherwise after that. result: bytes or -errno. */
void notifier_written(struct fuse_mount *m, fuse_req_t req, int result);
/* The same for an ioctl that returns no data. result: 0 or -errno. */
void notifier_controlled(struct fuse_mount *m, fuse_req_t req, int result);
bool notifier_settle(struct fuse_hub *hub, void (*done)(void *data), void *data);
/* Sends all queued replies, in order, instead of the notifier. */
void notifier_answer_without(struct fuse_hub *hub);
/* Called when the notifier has woken the event loop. */
void notifier_progressed(struct fuse_hub *hub);

/* mount.c: mounting and unmounting */
int mount_attach(const struct fuse_hub *hub, const char *path, struct mount_point *out,
                 struct text *why);
/* Unmounts. Does nothing the second time. dead: as for fuse_mount_remove. */
void mount_detach(const struct fuse_hub *hub, struct mount_point *m, bool dead);

/* session.c: serves a request; false: there is none */
bool session_serve(struct fuse_mount *m);
void session_destroy(struct fuse_mount *m);

/* node.c, file.c: the handlers */
void node_handlers(struct fuse_lowlevel_ops *ops);
void file_handlers(struct fuse_lowlevel_ops *ops);

/* The tree of a mount; NULL if it is no longer served (ENODEV). */
static inline const struct sysfs_tree *mount_tree(const struct fuse_mount *m)
{
    return m->closing ? NULL : core_tree(m->hub->door->core, m->tree);
}

/* file.c */
void file_notify_vanished(struct fuse_mount *m);
void file_free_all(struct fuse_mount *m);

/* waiting.c */
void waiting_add(struct waiting *w); /* all fields but link must be set */
void waiting_reply(struct fuse_hub *hub, uint64_t token, int result, const char *text, size_t len);
void waiting_abandon(struct fuse_mount *m);

/* ioctl.c */
void ioctl_handlers(struct fuse_lowlevel_ops *ops);
void ioctl_abandon(struct fuse_mount *m); /* answers all pending ioctls with ENODEV */

static inline struct open_file *file_of(const struct fuse_file_info *fi)
{
    return (struct open_file *)(uintptr_t)fi->fh;
}

#endif
