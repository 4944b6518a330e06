/* SPDX-License-Identifier: MIT */
#ifndef APUS_CORE_COMMANDS_H
#define APUS_CORE_COMMANDS_H

#include "core/core.h"
#include "core/fields.h"

/*
 * What there is to know of each command, in one row. It is executed, and its refusal is logged,
 * after its row; recordings are written, read and printed after it; the control protocol fills in
 * commands by the names of their fields.
 *
 * A new command is a kind, a member of struct command if no other one suits, a row, and a function.
 */
typedef int command_function(struct core *c, const struct command *cmd, struct effects *fx,
                             struct reply *reply);

struct command_row {
    const char *name;
    /* For people. {name} stands for a field; behind a colon stands how it reads: x and a number of
     * hexadecimal digits, o and one of octal digits, q for a string in quotes, g for whose tree it
     * is. */
    const char *words;
    const struct field *fields;
    /* An administrator asked for it: a refusal is logged. Who writes to attributes leaves words of
     * his own. */
    bool logged;
    command_function *execute;
};

extern const struct command_row command_rows[COMMAND_KINDS];

/* What all commands have in common: time and token. */
extern const struct field command_head[];

/* The parts of a struct rsa_request, and those of a struct ap_insn_result. */
extern const struct field rsa_me_fields[], rsa_crt_fields[], insn_result_fields[];

/* -1: there is none. */
int command_find(const char *name);

#endif
