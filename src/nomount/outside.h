/* SPDX-License-Identifier: MIT */
#ifndef APUS_NOMOUNT_OUTSIDE_H
#define APUS_NOMOUNT_OUTSIDE_H

#include <limits.h>
#include <stdbool.h>

/*
 * Links of the computer's that lead to /sys, /dev or /proc from somewhere else, so that a path does
 * not show by its text that it may concern the machine. path is absolute.
 *
 * 1: out is where it leads, without such links; 0: to no such place, or not by a link; -EAGAIN: it
 * is quick, and a file system would have to be waited for.
 */
int outside_lead(const char *path, bool follow, bool quick, char out[PATH_MAX]);

#endif
