/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_PROGRESS_H
#define APUS_CLI_PROGRESS_H

#include <stdint.h>

/*
 * For whoever waits at a terminal: from the second second on, a line on standard error says what is
 * being done, and for how long. Where standard error is no terminal nothing is written. cli_error
 * ends it first; who else writes something to standard error should do so, too.
 */

/* what: "making the plan". Characters that would confuse a terminal are escaped. If something is
 * being done already, the line goes on with the new words. */
void progress_begin(const char *what);

/* Also shown: how many units ("files") are done. unit is a constant. */
void progress_count(uint64_t done, const char *unit);

/* Wipes the line away. Does nothing if nothing is being done. */
void progress_end(void);

#endif
