/* SPDX-License-Identifier: MIT */
/* What the files of a state directory share: state.c (its life), state_dir.c (the directory and its
 * files), state_room.c (the end of the file, where changes are put). */
#ifndef APUS_STORE_STATE_INTERNAL_H
#define APUS_STORE_STATE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "store/state.h"

#define FILE_STATE   "state"
#define FILE_DAMAGED "state.damaged"

struct state {
    char *dir;
    int dir_fd, fd; /* fd -1: there is no state yet */
    bool sync;
    bool made_dir, made_secret, made_state; /* by this start */
    size_t lines;     /* bytes that state_load has found, without NULs behind them */
    size_t sound;     /* those that counted, or that were written anew */
    size_t base;      /* bytes of the last checkpoint */
    size_t patience;  /* the file is written anew when it is longer */
    size_t allocated; /* the file system has promised room up to here */
    /* WINDOW bytes of the file, or NULL. What is put there is as safe as what was given to
     * write(2), and takes no system call. Behind the end of the lines there are NULs meanwhile. */
    char *window;
    size_t window_from, window_end;
    bool no_window; /* it cannot be had here */
    /* What is to be written; also what could not be, for the next command. */
    struct change *changes;
    size_t change_count, change_capacity;
    struct text buffer;
    atomic_size_t end, durable; /* of the file; up to where it is on the medium */
    pthread_mutex_t syncing;    /* fd is not exchanged meanwhile */
};

/* -err, with a sentence in why about the directory. */
int state_fail(struct text *why, const struct state *s, const char *what, int err);

/* Opens, or makes, and locks it. -errno with a sentence in why. */
int state_dir_open(struct state *s, struct text *why);

/* -errno. No link, a file of our own that nobody else can read. That there is none has no words. */
int state_dir_open_file(const struct state *s, const char *name, int flags, struct text *why);

/* A file that is there with all its bytes, or not at all. Its descriptor, or -errno. *named is
 * -errno if its name may not be on the medium: there is the old file then, as sound as it was. */
int state_dir_write_file(struct state *s, const char *name, const char *data, size_t len,
                         int *named);

/* What this start has made goes, while the directory is locked. */
void state_dir_remove_made(struct state *s);

/* Whether there is room at the end of the file for all that one command can change. -errno. */
int state_room_promise(struct state *s);

/* As much as is worth writing the state anew for. */
bool state_room_has_changes(const struct state *s);

/* Puts bytes at the end of the file. 0 or -errno. */
int state_room_append(struct state *s, const struct text *bytes);

/* The file ends where its lines end, and has no more room reserved; not before state_begin. */
void state_room_cut(struct state *s);

#endif
