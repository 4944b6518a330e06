/* SPDX-License-Identifier: MIT */
#ifndef APUS_CORE_COMMANDS_H
#define APUS_CORE_COMMANDS_H

#include "core/core.h"
#include "core/fields.h"

/*
 * One row describes one command: how it is executed, whether its refusal is logged, how recordings
 * write, read and print it. The control protocol fills in commands by the names of their fields.
 *
 * A new command is a kind, a member of struct command if no other one suits, a row, and a function.
 */
typedef int command_function(struct core *c, const struct command *cmd, struct effects *fx,
                             struct reply *reply);

struct command_row {
    const char *name;
    /* The command as people read it. {name} is replaced by the field of that name, {name:format} in
     * a format: x or o and a number of hexadecimal or octal digits, q a quoted string, g the owner
     * of a tree. */
    const char *words;
    const struct field *fields;
    /* A refusal is logged. True for commands of an administrator; a refused write to an attribute
     * is logged where it is refused. */
    bool logged;
    command_function *execute;
};

extern const struct command_row command_rows[COMMAND_KINDS];

/* The fields that all commands have: time and token. */
extern const struct field command_head[];

/* The fields of a struct rsa_request and of a struct ap_insn_result. */
extern const struct field rsa_me_fields[], rsa_crt_fields[], insn_result_fields[];

/* The kind of the command of that name, or -1. */
int command_find(const char *name);

#endif
