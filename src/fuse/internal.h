/* SPDX-License-Identifier: MIT */
#ifndef APUS_FUSE_INTERNAL_H
#define APUS_FUSE_INTERNAL_H

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>
#include <time.h>

#include "fuse/fuse.h"
#include "ioctl/call.h"

/* One open(2). Reached from the kernel through fh. */
struct open_file {
    LIST_ENTRY(open_file) link;
    sysfs_ino ino;
    bool device;
    uint32_t node;                /* of a device: which one, as core_open named it */
    bool shown;                   /* content holds what a read at offset 0 gave */
    bool unread;                  /* poll(2) says that there is something to read */
    struct fuse_pollhandle *poll; /* somebody sleeps in poll(2) */
    struct text content;
};

/*
 * A request whose command has answered -EINPROGRESS; embedded in the owner's object. complete is
 * called exactly once, with the result and, if EFFECT_REPLY brought one, its text: it has to answer
 * the request and frees the object. A signal to the caller ends the wait with -EINTR, an unmount
 * with -ENODEV; the command is cancelled then.
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

struct fuse_mount {
    TAILQ_ENTRY(fuse_mount) link;
    struct fuse_hub *hub;
    unsigned tree;
    struct fuse_session *session;
    struct fuse_buf buffer; /* a request; allocated by libfuse */
    char *listing;          /* an answer to readdir; allocated when first needed */
    sd_event_source *readable;
    char *mountpoint; /* absolute; NULL if somebody else has mounted it */
    bool by_helper;   /* mounted through fusermount3 */
    bool ended;       /* by the kernel: nothing is to be unmounted */
    bool closing;     /* freed by its owner; every request gets ENODEV */
    atomic_uint jobs; /* of the notifier that name this mount */
    uid_t uid;
    gid_t gid;
    struct timespec born;
    fuse_ended_fn *ended_fn;
    void *ended_data;
    LIST_HEAD(, open_file) files;
    unsigned devices_open;        /* files that are device nodes */
    bool threads_named;           /* numbers of callers are known to be of our namespace */
    LIST_HEAD(, fuse_call) calls; /* ioctls that wait */
};

/* Something for the notifier to do, in order. */
struct job {
    enum { JOB_GONE, JOB_WRITTEN, JOB_CONTROLLED, JOB_SETTLED, JOB_TAKEN } kind;
    struct fuse_mount *mount; /* all but JOB_SETTLED */
    union {
        struct {
            sysfs_ino parent;
            uint32_t name, len; /* in the batch's names */
        } gone;
        struct {
            fuse_req_t req;
            int result; /* bytes written or -errno */
        } written;      /* JOB_CONTROLLED too */
        struct {
            void (*done)(void *data);
            void *data;
        } settled;
    };
};

struct batch {
    struct job *v;
    size_t count, capacity;
    size_t next; /* those before it have been begun */
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
    TAILQ_HEAD(mount_list, fuse_mount) mounts; /* closing ones included */
    uint64_t next_token;
    struct waiting_list waiting[WAITING_BUCKETS]; /* by token */
    struct ioctl_desk *desk;

    sd_event_source *progressed; /* on wake_fd: the notifier has finished a batch */
    int wake_fd;
    pthread_t notifier;
    uint64_t queued;                /* jobs ever queued; event loop only */
    atomic_uint_least64_t finished; /* jobs ever done */
    sd_event_source *patience;      /* runs while a reply is queued */
    uint64_t progress;              /* finished when patience began */
    bool stuck;                     /* the notifier sleeps; replies do not wait for it */

    pthread_mutex_t lock; /* protects the rest; never held while the kernel is called */
    pthread_cond_t work;
    struct batch batch;   /* queued */
    struct batch running; /* the notifier's; others may take replies from it */
    bool quit;
    STAILQ_HEAD(settled_list, settled) settled;
};

/*
 * notifier.c. A reply waits behind what was queued before it, so that whoever gets it finds names
 * gone. An invalidation has to wait until everyone has let go of the directory, and a client that
 * reads it into memory which does not answer never does: after NOTIFIER_PATIENCE_US without
 * progress the replies no longer wait.
 */
#define NOTIFIER_PATIENCE_US 1000000u
int notifier_start(struct fuse_hub *hub);
void notifier_stop(struct fuse_hub *hub);
void notifier_gone(struct fuse_mount *m, sysfs_ino parent, const char *name, size_t len);
/* Answers a write: at once if nothing is queued, else behind it. result: bytes or -errno. */
void notifier_written(struct fuse_mount *m, fuse_req_t req, int result);
/* The same for an ioctl that returns no data. result: 0 or -errno. */
void notifier_controlled(struct fuse_mount *m, fuse_req_t req, int result);
bool notifier_settle(struct fuse_hub *hub, void (*done)(void *data), void *data);
/* Does itself, in their order, what the notifier would have done with replies. */
void notifier_answer_without(struct fuse_hub *hub);
/* The notifier has woken the event loop. */
void notifier_progressed(struct fuse_hub *hub);

/* mount.c: the system's side of a mount */
int mount_attach(const char *mountpoint, bool *by_helper, char **absolute, struct text *why);
void mount_detach(const char *mountpoint, bool by_helper);

/* session.c: serves one request; false when none is there */
bool session_serve(struct fuse_mount *m);
void session_destroy(struct fuse_mount *m);

/* node.c, file.c: the handlers */
void node_handlers(struct fuse_lowlevel_ops *ops);
void file_handlers(struct fuse_lowlevel_ops *ops);

/* The tree behind a mount; NULL when it is not served any more: ENODEV. */
static inline const struct sysfs_tree *mount_tree(const struct fuse_mount *m)
{
    return m->closing ? NULL : core_tree(m->hub->door->core, m->tree);
}

/* file.c */
void file_notify_vanished(struct fuse_mount *m);
void file_free_all(struct fuse_mount *m);

/* waiting.c */
void waiting_add(struct waiting *w); /* all fields but link are set */
void waiting_reply(struct fuse_hub *hub, uint64_t token, int result, const char *text, size_t len);
void waiting_abandon(struct fuse_mount *m);

/* ioctl.c */
void ioctl_handlers(struct fuse_lowlevel_ops *ops);
void ioctl_abandon(struct fuse_mount *m); /* answers with ENODEV whoever waits */

static inline struct open_file *file_of(const struct fuse_file_info *fi)
{
    return (struct open_file *)(uintptr_t)fi->fh;
}

#endif
