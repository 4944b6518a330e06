/* SPDX-License-Identifier: MIT */
#ifndef APUS_STORE_STATE_H
#define APUS_STORE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/saved.h"

/*
 * A state directory: what outlives the daemon (core/saved.h), kept on disk after each command. Two
 * files, for the owner alone: "secret" has what the adapters' keys come from, as hex digits, and
 * "state" is lines of text:
 *
 *   apus-state 4                          the version of the format
 *   machine machine=[machine]%0a...       all objects (store/state_line.h)
 *   bus 0 apmask=0-0xff aqmask=0-0xff ...
 *   ...
 *   commit 5a1e93c7 0                     what stands before belongs together
 *   mdev 3 uuid=...                       what a command changed
 *   adapter 5 zeroized=0*70,3,0*185
 *   commit 0cb94f11 18230
 *   ...
 *
 * A commit line has the CRC-32 of the lines since the commit before, and up to which byte the file
 * was on the medium for certain when it was written. So after a power loss what had been promised
 * can be told from what had not: without a sound commit it does not count, and if it lies below
 * such a mark, the file is damaged and is refused. When the file has grown it is written anew
 * beside ("state.new") and renamed. While a daemon has it there may be NULs behind the last line:
 * the end of the file is mapped into memory, which saves a system call for each change.
 */
struct state;

/* Version 2 had all fields, also those that are zero, and up to version 3 the rules of faults were
 * one object. Both are read as well. */
#define STATE_VERSION     4
#define STATE_VERSION_MIN 2

/*
 * Opens the directory, or makes it with mode 0700, and locks it. *is_new: there is no state in it.
 * sync: what is written counts only after state_sync. -errno with a sentence in why; -EBUSY:
 * another daemon has it.
 */
int state_open(const char *dir, bool sync, struct state **out, bool *is_new, struct text *why);
void state_close(struct state *s);
/* The directory that was opened, for its other files, whatever has its name now; and that name. */
int state_folder(const struct state *s);
const char *state_name(const struct state *s);
/* state_close of a start that is refused: what it has made is not there any more. */
void state_discard(struct state *s);

/*
 * Of a directory that is not new: makes the core of it. note gets a sentence if the end of the file
 * was not sound and was left out. -EINVAL with a sentence in why: damaged, or of another version.
 */
int state_load(struct state *s, struct core **out, struct effects *fx, struct text *note,
               struct text *why);

/*
 * To be called once, after state_load or core_new: writes the whole state. If there is no room for
 * that, it goes on with the file that was read, and note gets a sentence; fx has what loading has
 * changed, which is then written with the next change.
 */
int state_begin(struct state *s, const struct core *core, const struct effects *fx,
                struct text *note, struct text *why);

/* Writes the whole state anew, as state_write does by itself when the file has grown. */
int state_checkpoint(struct state *s, const struct core *core, struct text *why);

/* given: NULL, or what a new directory gets and an old one must have (-EINVAL). */
int state_secret(struct state *s, const uint8_t *given, uint8_t out[32], struct text *why);

/*
 * Before a command that may be refused: whether there is room for whatever it changes, which may
 * take writing the whole state anew. 0, -ENOSPC, -EDQUOT or -EFBIG with a sentence in why.
 */
int state_admit(struct state *s, const struct core *core, struct text *why);

/*
 * After a command: writes what it changed, so that it is there after a crash of the daemon. On
 * failure, -errno with a sentence in why; the next call tries these objects again.
 */
int state_write(struct state *s, const struct core *core, const struct effects *fx,
                struct text *why);

/* Whether something was written that state_sync has yet to bring to the medium; always false
 * without sync. Both may be called from any thread. A failure ends the program: what is on the
 * medium is unknown then. */
bool state_unsynced(struct state *s);
void state_sync(struct state *s);

/* For tests and tools, on a file in memory: the objects by their last lines, sorted. */
struct state_line {
    struct change of;
    const char *fields; /* in the file */
    size_t len;
};

struct state_image {
    struct state_line *v;
    size_t count;
    size_t sound; /* bytes up to the last commit that counts */
    bool behind;  /* there are whole ones behind one that is not */
};

int state_image_read(const char *data, size_t len, struct state_image *out, struct text *why);
int state_image_core(const struct state_image *image, struct core **out, struct effects *fx,
                     struct text *why);
void state_image_done(struct state_image *image);

/* Appends the commit line for the lines from begin on. */
void state_commit_format(struct text *file, size_t begin, uint64_t durable);

/* The first line, and the objects of the whole state. */
void state_format(const struct core *core, struct text *out);

/* The objects that a command changed. */
void state_changes_format(const struct core *core, struct change *v, size_t count,
                          struct text *out);

#endif
