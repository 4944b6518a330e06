/* SPDX-License-Identifier: MIT */
#ifndef APUS_CUSE_INTERNAL_H
#define APUS_CUSE_INTERNAL_H

#define FUSE_USE_VERSION 314
#include <cuse_lowlevel.h>
#include <sys/queue.h>

#include "cuse/cuse.h"
#include "cuse/rounds.h"
#include "ioctl/call.h"

/* What calls between two rounds may occupy. One whose caller was killed, or had a bad address,
 * never comes again; the kernel does not tell. */
#define BETWEEN_BYTES   (16u << 20)
#define BETWEEN_BUCKETS 256
#define BETWEEN_USERS   64

LIST_HEAD(cuse_calls, cuse_call);

/* An open file; the kernel refers to it by fh. */
struct cuse_file {
    LIST_ENTRY(cuse_file) link;
    struct cuse_node *node;
    uint32_t handle; /* from core_open */
    size_t last_name;
    struct cuse_calls calls;
};

struct cuse_node {
    LIST_ENTRY(cuse_node) link;
    struct cuse *owner;
    sysfs_ino ino;
    dev_t number; /* 0: it could not be made */
    char name[CUSE_NAME_MAX];
    struct fuse_session *session;
    sd_event_source *readable;
    int end;      /* an eventfd, readable once its calls have ended */
    bool closing; /* every request gets ENODEV */
    LIST_HEAD(, cuse_file) files;
};

enum cuse_wants { CUSE_STRUCTURE, CUSE_OPERANDS, CUSE_ROOM };

/* An ioctl call. It has a request, or waits between two rounds for the next one, or is an orphan:
 * its node has gone, so it was answered, but the command still runs. */
struct cuse_call {
    struct ioctl_call call;     /* first */
    LIST_ENTRY(cuse_call) link; /* in its file's, or among the orphans */
    struct cuse_file *file;     /* NULL: an orphan */
    fuse_req_t req;             /* NULL: between rounds, or answered */
    enum cuse_wants wants;      /* what the next round brings */
    struct round round;         /* what was asked for last; its out_len is the call's name */
    size_t done;                /* bytes of the operands so far */
    /* between.c */
    size_t cost; /* memory */
    LIST_ENTRY(cuse_call) bucket;
    TAILQ_ENTRY(cuse_call) age;
};

struct cuse {
    struct door *door;
    sd_event *event;
    struct ioctl_desk *desk;
    int dev;            /* the computer's /dev */
    const char *prefix; /* of names there */
    unsigned major;     /* 0: the kernel chooses one */
    LIST_HEAD(, cuse_node) nodes;
    struct cuse_calls orphans;
    struct fuse_buf buffer; /* a request; allocated by libfuse, for all sessions alike */
    struct cuse_calls buckets[BETWEEN_BUCKETS];
    TAILQ_HEAD(cuse_ages, cuse_call) between; /* oldest first */
    size_t between_cost;
    size_t cost_of[BETWEEN_USERS]; /* of it, by the user's number modulo BETWEEN_USERS */
};

/* node.c */
/* 0, or -errno with a line in why: it is remembered, without a session, and not tried again. */
int cuse_node_new(struct cuse *c, const struct sysfs_entry *entry, struct text *why);
/* Its callers have been answered. */
void cuse_node_free(struct cuse_node *n);
/* Serves what was asked of a node that is closing. */
void cuse_node_drain(struct cuse_node *n);

/* between.c */
/* From now on the next round of the call is found by its name. False: there is no room for it. */
bool between_add(struct cuse *c, struct cuse_call *call);
/* The call of that name, which is between rounds no longer. NULL: there is none. */
struct cuse_call *between_take(struct cuse *c, const struct cuse_file *file, size_t name);
/* Its caller never comes again. */
void between_drop(struct cuse *c, struct cuse_call *call);

/* ioctl.c: the handler; calls that nobody waits for any more */
void cuse_ioctl(fuse_req_t req, int number, void *arg, struct fuse_file_info *fi, unsigned flags,
                const void *in, size_t in_len, size_t out_len);
void cuse_file_free(struct cuse_file *f);
/* All calls of a node get ENODEV. Executes no command, so it may be called during one. */
void cuse_calls_end(struct cuse_node *n);
/* Cancels the commands of orphans. */
void cuse_orphans_free(struct cuse *c);

static inline struct cuse_file *cuse_file_of(const struct fuse_file_info *fi)
{
    return (struct cuse_file *)(uintptr_t)fi->fh;
}

#endif
