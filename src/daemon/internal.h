/* SPDX-License-Identifier: MIT */
#ifndef APUS_DAEMON_INTERNAL_H
#define APUS_DAEMON_INTERNAL_H

#include <stdio.h>
#include <systemd/sd-event.h>

#include "control/control.h"
#include "core/core.h"
#include "cuse/cuse.h"
#include "daemon/adapters.h"
#include "daemon/clock.h"
#include "daemon/daemon.h"
#include "daemon/service.h"
#include "file/own_file.h"
#include "fuse/fuse.h"
#include "guest/server.h"
#include "metrics/server.h"
#include "seccomp/listener.h"
#include "socket/listen.h"
#include "store/record.h"
#include "store/setup.h"
#include "store/state.h"
#include "uevent/uevent.h"

/* The daemon: the core, the event loop that owns it, and the front ends around it. */
struct daemon;

/* A tree served over FUSE: the host's or a guest's. */
struct daemon_mount {
    struct daemon *daemon;
    struct daemon_mount *next;
    struct fuse_mount *fuse;
    unsigned tree;
    bool ended; /* unmounted; the sweeper frees it */
};

/* A zcrypt node that has a name in /dev. */
struct dev_node {
    sysfs_ino ino;
    char name[SYSFS_NAME_MAX];
};

struct daemon {
    struct door door; /* first: daemon_execute casts back */
    const struct daemon_options *options;
    sd_event *event;
    struct effects effects;
    bool executing;
    bool started; /* else what the start has made so far must go again */
    struct daemon_clock clock;
    struct uevent_sender *uevents;
    struct record *record; /* NULL: nothing is recorded */
    struct state *state;   /* NULL: nothing outlives the daemon */
    struct fuse_hub *hub;
    struct seccomp *seccomp;    /* NULL: all ioctls come through FUSE */
    struct cuse *cuse;          /* NULL: the nodes are no devices of the kernel */
    int dev_links_fd;           /* that directory, or AT_FDCWD */
    struct dev_node *dev_nodes; /* the names made in options->dev_links */
    unsigned dev_node_count;
    struct daemon_mount *mounts;
    sd_event_source *sweeper; /* frees mounts that have ended */
    sd_event_source *starter; /* the socket to the process that has started us */
    struct own_file pid_file; /* path NULL: there is none */
    bool pid_written;
    struct service_sockets sockets; /* that the service manager has passed */
    bool journal;
    unsigned unsaid;   /* messages that standard error had no room for (log.c) */
    struct text early; /* what was logged while there was no control socket (log.c) */
    struct control_ops control_ops;
    struct control_server *control;
    struct studies *studies;
    struct adapters *adapters;
    struct guest_server_ops guest_ops;
    struct guest_server *guests;
    struct socket_place guest_place; /* of the guest socket */
    struct metrics_ops metrics_ops;
    struct metrics_server *metrics;    /* NULL: nobody may ask */
    struct socket_place metrics_place; /* none: no socket of ours */
    bool counts_lost;                  /* they could not be kept the last time */
    pid_t heir;                        /* 0: there is none */
    int heir_fd;
};

/* The door's execute (core/core.h). */
void daemon_execute(struct door *door, struct command *command, struct reply *reply);

/* front_ends.c: opens all front ends and the workers. 0 or -errno with why; daemon_close takes away
 * what was opened. */
int daemon_front_ends_open(struct daemon *d, struct text *why);

/*
 * state.c. Opens options->state and makes the core, of what is in it or of machine. begin: last of
 * the start. admit: before a command; false: it was refused, since the disk is full. write: after
 * it, before anybody hears of it. sync: before it is acknowledged; any thread.
 */
int daemon_state_open(struct daemon *d, const struct setup *setup, struct text *why);
int daemon_state_begin(struct daemon *d, struct text *why);
/* Events are numbered on from those of the daemon before: read; written for the case that this one
 * is killed, which is the last of a start that succeeds; and written at its end. */
void daemon_state_number_events(struct daemon *d);
void daemon_state_reserve_events(struct daemon *d);
void daemon_state_keep_events(struct daemon *d);
bool daemon_state_admit(struct daemon *d, const struct command *command, struct reply *reply);
void daemon_state_write(struct daemon *d, const struct command *command);
bool daemon_state_unsynced(void *daemon);
void daemon_state_sync(void *daemon);

/* Called after each command: if it created or destroyed a zcrypt node, updates the devices of
 * options->nodes, and options->dev_links. */
void daemon_dev_nodes(struct daemon *d, const struct command *command);
/* The same whatever the command was: options->dev_links has just been laid out. */
void daemon_dev_nodes_update(struct daemon *d);
/* Before anything is mounted. 0 or -errno with why. */
int daemon_dev_links_open(struct daemon *d, struct text *why);
/* Takes away the links into a tree that the daemon has mounted itself, also those of one that was
 * killed. */
void daemon_dev_links_remove(const struct daemon *d);

/* loop.c: until sd_event_exit. 0 or -errno. */
int daemon_loop(const struct daemon *d);

/* starter.c: watches options->starter_fd. A negative result is an error of the event loop. */
int daemon_starter_watch(struct daemon *d);

/* Hands d->effects to all front ends. */
void daemon_spread(struct daemon *d);

/*
 * Prints a message to standard error. With the option quiet only errors are printed. Where nobody
 * reads, nothing is printed: the event loop must not wait for that.
 */
void daemon_print(struct daemon *d, unsigned level, const char *message);

/* As daemon_print, and adds the message to the log. early: once there is a control socket. */
void daemon_log_early(struct daemon *d);
void daemon_log(struct daemon *d, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The door's log. */
void daemon_door_log(struct door *door, enum log_level level, const char *message);

/* A warning if nobody outside a container will see the tree that is mounted. */
void daemon_warn_of_propagation(struct daemon *d);

/* As fuse_mount_new. */
int daemon_mount_new(struct daemon *d, unsigned tree, const char *mountpoint, int fd,
                     struct text *why);
/* Frees all mounts of a tree. */
void daemon_mount_drop(struct daemon *d, unsigned tree);
/* Frees the mounts that have ended. When the host's tree is among them, the daemon ends, too. */
int daemon_mount_sweep(sd_event_source *source, void *daemon);

/* Out of memory ends the daemon with a sentence. */
void daemon_watch_memory(const struct daemon *d);
void daemon_unwatch_memory(void);

/* The file with our process id, if there is to be one. Opened before, and written after all else of
 * the start; 0 or -errno with a sentence. */
int daemon_pid_file_open(struct daemon *d, struct text *why);
int daemon_pid_file_write(struct daemon *d, struct text *why);
void daemon_pid_file_close(struct daemon *d);
/* One whose writer has ended. path may be NULL. */
void daemon_pid_file_remove(const char *path);

/*
 * heir.c: who mounts and unmounts for this process, and tidies up if it is killed. 0 or -errno with
 * a sentence. mount, unmount: for fuse_mounter. dismiss: all is tidy.
 */
int daemon_heir_start(struct daemon *d, struct text *why);
int daemon_heir_mount(void *daemon, const char *path);
void daemon_heir_unmount(void *daemon, const char *path, bool dead);
void daemon_heir_dismiss(struct daemon *d);

/* Where the guest socket is to be; false: there is to be none. */
bool daemon_guest_path(const struct daemon_options *o, struct text *out);
/* The guest socket. 0 or -errno with a sentence. A default path that is too long is no failure. */
int daemon_guests_open(struct daemon *d, struct text *why);
/* Virtual machines that are connected keep running, without adapters. */
void daemon_guests_close(struct daemon *d);

/* metrics.c. path: of the socket, NULL: it is none. restore: before anything is shown; keep: at the
 * end of a daemon that has a state. 0 or -errno with a sentence. */
const char *daemon_metrics_path(const struct daemon_options *o);
int daemon_metrics_open(struct daemon *d, struct text *why);
void daemon_metrics_close(struct daemon *d);
void daemon_counts_restore(struct daemon *d);
void daemon_counts_keep(struct daemon *d);

/* study.c: control_ops.study. begin: before any request; end: those under way are never answered.
 */
int daemon_studies_begin(struct daemon *d, struct text *why);
void daemon_studies_end(struct daemon *d);
void daemon_study_abandon(void *daemon, uint64_t ticket);
int daemon_study(void *daemon, const struct study_request *request, uint64_t ticket,
                 struct text *why);

/* Sets d->control_ops, with the daemon as its data. */
void daemon_control_ops_init(struct daemon *d);

#endif
