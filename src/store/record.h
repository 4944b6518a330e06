/* SPDX-License-Identifier: MIT */
#ifndef APUS_STORE_RECORD_H
#define APUS_STORE_RECORD_H

#include <stdio.h>

#include "core/core.h"

/*
 * Recordings: every command that the core executed, with its outcome (result and effects), so that
 * a run can be inspected and repeated. A recording consists of lines of JSON:
 *
 *   {"apus-recording":1,"machine":"[machine]\n..."}      the machine as a machine file
 *   {"start":..}                                         the time when the machine started
 *   {"result":0,"effects":[...]}                         the outcome of the start
 *   {"time":..,"token":..,"command":"store","tree":0,"path":"bus/ap/apmask","data":"-5\n"}
 *   {"result":0,"effects":[{"effect":"uevent","env":["ACTION=change",...]},...]}
 *   ...                                                  a command, its outcome, a command, ...
 *
 * A store identifies its attribute by the path below the root of the tree, or null if the attribute
 * was gone. Bytes are a string if they are UTF-8 without NUL, else {"hex":"..."}. 64-bit patterns
 * are "0x..." strings. A file may contain several recordings, one after the other. Older
 * recordings, without the line "start" and with {"look":n} without an outcome instead of the
 * command "guest-look", can still be played.
 *
 * Only the owner can read the file. What is in requests that may be a private or secret key is
 * recorded as zeros, and the command has the member "keyless":true (message/keyless.h), unless the
 * recording is to have keys. Replies are recorded, not computed again, so that both kinds can be
 * replayed.
 */
struct record;

#define RECORD_VERSION 1

enum record_mode {
    RECORD_NEW,    /* an existing file must be empty */
    RECORD_APPEND, /* appends to the recordings in the file */
    RECORD_FORCE,  /* replaces the contents of the file */
};

/*
 * Opens the file (file/own_file.h) without changing it yet. keys: also what may be a private key is
 * recorded. -EEXIST: RECORD_NEW, and it is not
 * empty. -EINVAL: RECORD_APPEND, and it is not a recording. Otherwise as own_file_open. On failure
 * why gets a message.
 */
int record_open(const char *path, enum record_mode mode, bool keys, struct record **out,
                struct text *why);

/*
 * Sets the mode of the file to 0600, writes the head and the effects of core_new (with want_uevents
 * set), and starts the thread that writes the rest. config: as passed to core_new. On failure the
 * file is unchanged. r may be NULL, here and below.
 */
int record_begin(struct record *r, const struct machine_config *config, const struct core *core,
                 const struct effects *effects, struct text *why);

/*
 * Called before and after core_execute. effects->want_uevents must be set. The lines are written by
 * another thread, in order; these functions wait only if it is RECORD_BEHIND_MAX bytes behind. A
 * write error (disk full) is reported once, by the next of these functions, as -errno with a
 * message in why; after that nothing is written.
 */
#define RECORD_BEHIND_MAX (16u * 1024u * 1024u)
int record_command(struct record *r, const struct core *core, const struct command *cmd,
                   struct text *why);
int record_outcome(struct record *r, const struct core *core, const struct reply *reply,
                   const struct effects *effects, struct text *why);

/* Writes the remaining lines. Removes a file that record_open created if record_begin did not
 * succeed. Reports a write error like the two functions above. */
int record_close(struct record *r, struct text *why);

/* One line each, without newline. mounted: core_keep_dirs was called. */
void record_format_head(const struct machine_config *config, bool mounted, struct text *out);
void record_format_command(const struct core *core, const struct command *cmd, bool keyless,
                           struct text *out);
void record_format_outcome(const struct core *core, const struct reply *reply,
                           const struct effects *effects, struct text *out);

enum record_line { RECORD_HEAD, RECORD_START, RECORD_COMMAND, RECORD_LOOK, RECORD_OUTCOME };

/* A parsed line. cmd and path point into memory; the machine of a head is memory->machine. */
struct record_entry {
    enum record_line line;
    struct command cmd; /* RECORD_START: now is the time */
    const char *path;   /* CMD_STORE, CMD_OWNER: path of the node; NULL: it was gone */
    bool mounted;       /* RECORD_HEAD: core_keep_dirs was called */
    bool keyless;       /* zeros stand where the request may have had a key */
    struct record_memory *memory;
};

/* 0, or -EINVAL and what is wrong in why. Strict: unknown members are errors. mounted as for
 * record_format_head. */
int record_parse_head(const char *line, size_t len, struct machine_config *out, bool *mounted,
                      struct text *why);
int record_parse_line(const char *line, size_t len, struct record_entry *out, struct text *why);
void record_entry_done(struct record_entry *e);

struct record_replayed {
    uint64_t commands, keyless; /* keyless: requests without their keys */
    struct text keyless_lines;  /* the numbers of the first of their lines: " 5, 9, ..." */
    struct text warnings;       /* lines: "name:line: the last line is cut off" and the like */
};

/*
 * Replays the recordings of a file, each on a core of its own. If print is not NULL, each command
 * and its outcome are printed to it in words. A recording that ends early, because its daemon was
 * killed, is replayed up to that point, with a warning. 0: all outcomes were the same, byte for
 * byte. 1: one was not. -EINVAL: not a valid recording. In the last two cases why says
 * "name:line: ...".
 */
int record_replay(FILE *in, const char *name, FILE *print, struct record_replayed *out,
                  struct text *why);

/* Prints a command or an outcome in words. */
void record_print_command(const struct record_entry *e, FILE *out);
void record_print_outcome(const struct record_entry *e, FILE *out);

#endif
