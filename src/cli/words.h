/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_WORDS_H
#define APUS_CLI_WORDS_H

#include <jansson.h>

#include "base/text.h"

/* What a command did to an adapter or to the LPAR, and which guests have lost or gained queues. */

/*
 * Asks the daemon to execute command, whose arguments it takes, and prints a line: text, and what
 * has changed for guests ("adapter 10 (0x0a) is in standby; Guest1 loses 2 queues"). With --json
 * prints the same as an object with changed and guests. The exit status.
 */
int words_ask(const char *command, json_t *arguments, const char *text);

/* The same in steps, for a command whose answer decides on the text. before: what words_before got;
 * done: the answer, to which words_after adds. Exit statuses. */
int words_before(json_t **out);
int words_after(const json_t *before, json_t *done, const char *text);

/* view: the answer to se-show. The machine's adapter of that number; NULL: there is none. */
const json_t *words_find_adapter(const json_t *view, unsigned id);
/* What an adapter is that was configured on or off: "adapter 10 (0x0a) is in standby". */
void words_adapter(const json_t *view, unsigned id, bool on, struct text *out);

#endif
