/* SPDX-License-Identifier: MIT */
#ifndef APUS_BASE_ERROR_H
#define APUS_BASE_ERROR_H

/* As strerror, and for what a limit of the system causes also what can be done about it. err is
 * positive. */
const char *error_text(int err);

#endif
