/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_GUESTS_H
#define APUS_CLI_GUESTS_H

#include <jansson.h>

/* The table of guests that `apus guest list` and `apus status` print. */
void guests_print(const json_t *guests, unsigned indent);

#endif
