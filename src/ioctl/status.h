/* SPDX-License-Identifier: MIT */
#ifndef APUS_IOCTL_STATUS_H
#define APUS_IOCTL_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zcrypt/zcrypt.h"

/* The ioctls that report the status of zcrypt [zcrypt-status], as bytes for the caller. */

#define IOCTL_STATUS_MAX (256 * sizeof(uint32_t))

/* The length of the answer, as encoded in the number. */
size_t ioctl_status_len(uint32_t number);

/*
 * The answer, ioctl_status_len bytes. open_count: the number of open device nodes, or -errno if it
 * is not known, which is returned then. -ENOTTY: not such a number.
 */
int ioctl_status(const struct zcrypt *z, uint32_t number, int open_count,
                 uint8_t out[IOCTL_STATUS_MAX]);

/* Whether the number returns the status of all queues; and that matrix, *len bytes, allocated. */
bool ioctl_is_matrix(uint32_t number);
uint8_t *ioctl_matrix(const struct zcrypt *z, uint32_t number, size_t *len);

#endif
