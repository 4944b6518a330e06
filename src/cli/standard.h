/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_STANDARD_H
#define APUS_CLI_STANDARD_H

/* Standard input, output and error of a program. */

/*
 * If the caller has closed descriptors 0 to 2, files that we open would get these numbers and be
 * mistaken for standard input, output or error. The descriptors put there fail as closed ones do,
 * and are closed for a program that we execute.
 */
void standard_occupy(void);

/* Makes stdout a stream that remembers why it could not be written. */
void standard_watch(void);

/* Writes what is buffered; a failure, also an earlier one, makes the command fail. Returns its exit
 * status. */
int standard_finish(int status);

#endif
