/* SPDX-License-Identifier: MIT */
#ifndef APUS_LINUX_GUEST_FILE_H
#define APUS_LINUX_GUEST_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* The beginning of a file, without a newline at its end, as a string. False: it cannot be read. */
bool file_read(const char *path, char *text, size_t size);

/* Writes text into a file, which is made if need be. False: it failed, errno says why. */
bool file_write(const char *path, const char *text);

#endif
