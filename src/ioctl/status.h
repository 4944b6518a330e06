/* SPDX-License-Identifier: MIT */
#ifndef APUS_IOCTL_STATUS_H
#define APUS_IOCTL_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zcrypt/zcrypt.h"

/* The ioctls that tell of zcrypt and take no request [zcrypt-status], as bytes for the caller. */

#define IOCTL_STATUS_MAX (256 * sizeof(uint32_t))

/* How many bytes a number of this kind says that its answer has. */
size_t ioctl_status_len(uint32_t number);

/*
 * The answer to a number that says how long its data is: ioctl_status_len bytes. open_count: open
 * device nodes, or -errno if nobody knows. -ENOTTY: the number is none; that errno.
 */
int ioctl_status(const struct zcrypt *z, uint32_t number, int open_count,
                 uint8_t out[IOCTL_STATUS_MAX]);

/* Whether the number asks for the matrix of all queues, and that matrix (allocated; *len bytes). */
bool ioctl_is_matrix(uint32_t number);
uint8_t *ioctl_matrix(const struct zcrypt *z, uint32_t number, size_t *len);

#endif
