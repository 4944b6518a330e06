/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_FUSE_FAKE_H
#define APUS_TESTS_FUSE_FAKE_H

#include <pthread.h>

#include "fuse/fuse.h"

/*
 * A core of a few attributes, which takes the real one's place behind the FUSE adapter, and an
 * event loop on its own thread that serves it. Its trees 0 and 1 look alike and are independent:
 *
 *   value      0644  remembers what was written; 10,000 bytes fit
 *   length     0444  bytes of the last write to value
 *   count      0444  how often it has been read at offset 0
 *   secret     0200  accepts anything
 *   refuse     0644  read: ENODEV, write: EADDRINUSE
 *   add, del   0200  "a b": make or remove the objects a to b - 1
 *   wait       0200  replies when finish is written
 *   finish     0200  a number: the reply to all that wait
 *   waiting    0444  how many wait, how many were cancelled
 *   node       0666  a device node: ENXIO
 *   folder/          links to all objects
 *   objN/            id 0444, bound 0644 (0: flag is not there), flag 0444, remove 0200, link home
 */
#define FAKE_OBJECTS 65536
#define FAKE_TREES   2
#define FAKE_VALUE   10000
#define FAKE_WAITING 8

struct fake_tree {
    struct sysfs_tree tree;
    struct core *core;
    char value[FAKE_VALUE];
    size_t value_len, length;
    unsigned count, cancelled, waiting;
    uint64_t tokens[FAKE_WAITING];
    uint16_t generation[FAKE_OBJECTS]; /* bit 0: exists */
    bool bound[FAKE_OBJECTS];
};

struct core {
    struct fake_tree trees[FAKE_TREES];
};

struct fake {
    struct door door;
    struct core *core;
    struct fuse_hub *hub;
    struct effects effects;
    sd_event *event;
    sd_event_source *calls;
    pthread_t thread;
    int call_fd;
    void (*call)(void *data);
    void *call_data;
    pthread_mutex_t lock;
    pthread_cond_t called;
};

void fake_start(struct fake *f);
void fake_stop(struct fake *f);

/* Runs fn(data) on the thread of the event loop, and waits until it has run. */
void fake_call(struct fake *f, void (*fn)(void *data), void *data);

/* fuse_mount_new on the thread of the event loop; ended is counted. */
int fake_mount(struct fake *f, unsigned tree, const char *mountpoint, int fd, unsigned *ended,
               struct text *why, struct fuse_mount **out);
void fake_unmount(struct fake *f, struct fuse_mount *m);

/* fake_mount that has to succeed. */
struct fuse_mount *fake_must_mount(struct fake *f, unsigned tree, const char *where, int fd,
                                   unsigned *ended);

/* One turn of the event loop. */
void fake_settle(struct fake *f);

/* What the thread of the event loop counts. */
unsigned fake_counted(const unsigned *count);

/* One write(2): bytes written, or -errno. Then: the content is this, now or within five seconds. */
int fake_put(const char *path, const char *data);
void fake_expect(const char *path, const char *content);
void fake_wait_until(const char *path, const char *content);

#define assert_fails(error, call)                                                                  \
    do {                                                                                           \
        errno = 0;                                                                                 \
        assert_int_equal((int)(call), -1);                                                         \
        assert_int_equal(errno, (error));                                                          \
    } while (0)

/* A private mount namespace with a tmpfs on dir; exits with 77 (skipped) where that is impossible.
 */
void fake_namespace(const char *dir);

#endif
