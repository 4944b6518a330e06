/* SPDX-License-Identifier: MIT */
#ifndef APUS_STORE_RECORD_H
#define APUS_STORE_RECORD_H

#include <stdio.h>

#include "core/core.h"

/*
 * Recordings: every command that entered the core and everything that came of it, so that a run can
 * be looked at and repeated. A recording is lines of JSON:
 *
 *   {"apus-recording":1,"machine":"[machine]\n..."}      the machine as a machine file
 *   {"start":..}                                         the time when the machine started
 *   {"result":0,"effects":[...]}                         what came of that
 *   {"time":..,"token":..,"command":"store","tree":0,"path":"bus/ap/apmask","data":"-5\n"}
 *   {"result":0,"effects":[{"effect":"uevent","env":["ACTION=change",...]},...]}
 *   ...                                                   a command, its outcome, a command, ...
 *
 * A store names its attribute by its path below the tree's root, or null if it was not there any
 * more. Bytes are a string if they are UTF-8 without NUL, else {"hex":"..."}; 64-bit patterns are
 * "0x..." strings. A file may hold several recordings, one behind the other. Recordings without the
 * start are older; they are played, too. So is a line {"look":n} without an outcome, which stood
 * where the command "guest-look" stands now. Requests to adapters are in a recording with all that
 * is in them: clear keys, too. It is therefore readable for its owner alone.
 */
struct record;

#define RECORD_VERSION 1

enum record_mode {
    RECORD_NEW,    /* a file that exists must be empty */
    RECORD_APPEND, /* goes on behind the recordings that are there */
    RECORD_FORCE,  /* replaces what is there */
};

/*
 * Takes the file (file/own_file.h) and changes nothing of it yet. -EEXIST: RECORD_NEW, and it is
 * not empty. -EINVAL: RECORD_APPEND, and it is no recording. Otherwise as own_file_open. With a
 * sentence in why.
 */
int record_open(const char *path, enum record_mode mode, struct record **out, struct text *why);

/*
 * Makes the file's mode 0600, writes the head and what core_new gave (the effects with their time,
 * want_uevents set), and starts the thread that writes the rest. config is that of core_new. On
 * failure the file is as before. r may be NULL, here and below.
 */
int record_begin(struct record *r, const struct machine_config *config, const struct core *core,
                 const struct effects *effects, struct text *why);

/*
 * Before and after core_execute. effects->want_uevents has to be set. The lines are written by
 * another thread, in the order of the calls; only one that lags RECORD_BEHIND_MAX bytes behind is
 * waited for. A write error (a full disk) is reported once, by whichever call comes next, as -errno
 * with a sentence in why; then nothing more is written.
 */
#define RECORD_BEHIND_MAX (16u * 1024u * 1024u)
int record_command(struct record *r, const struct core *core, const struct command *cmd,
                   struct text *why);
int record_outcome(struct record *r, const struct core *core, const struct reply *reply,
                   const struct effects *effects, struct text *why);

/* Writes what is left. A file that record_open created is removed if record_begin did not succeed.
 * Reports a write error as the two above. */
int record_close(struct record *r, struct text *why);

/* One line each, without newline. */
void record_format_head(const struct machine_config *config, struct text *out);
void record_format_command(const struct core *core, const struct command *cmd, struct text *out);
void record_format_outcome(const struct core *core, const struct reply *reply,
                           const struct effects *effects, struct text *out);

enum record_line { RECORD_HEAD, RECORD_START, RECORD_COMMAND, RECORD_LOOK, RECORD_OUTCOME };

/* What a line says. The command points into it; a head's machine is memory->machine. */
struct record_entry {
    enum record_line line;
    struct command cmd; /* RECORD_START: now is the time */
    const char *path;   /* CMD_STORE, CMD_OWNER: to be looked up; NULL: it had vanished */
    struct record_memory *memory;
};

/* 0, or -EINVAL and a clause in why that says what is wrong. Strict: unknown members are wrong. */
int record_parse_head(const char *line, size_t len, struct machine_config *out, struct text *why);
int record_parse_line(const char *line, size_t len, struct record_entry *out, struct text *why);
void record_entry_done(struct record_entry *e);

struct record_replayed {
    uint64_t commands;
    struct text warnings; /* lines: "name:line: the last line is cut off" and the like */
};

/*
 * Plays the recordings of a file again, each with a core of its own. With print, each command and
 * what came of it is put to print in words. A recording that ends too early, because its daemon was
 * killed, is played up to there, with a warning. 0: everything came out byte for byte the same. 1:
 * it did not, -EINVAL: it is no recording; then why has sentences that begin with "name:line:".
 */
int record_replay(FILE *in, const char *name, FILE *print, struct record_replayed *out,
                  struct text *why);

/* A command and an outcome in words, for people. */
void record_print_command(const struct record_entry *e, FILE *out);
void record_print_outcome(const struct record_entry *e, FILE *out);

#endif
