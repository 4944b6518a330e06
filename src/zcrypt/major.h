/* SPDX-License-Identifier: MIT */
#ifndef APUS_ZCRYPT_MAJOR_H
#define APUS_ZCRYPT_MAJOR_H

#include "zcrypt/zcrypt.h"

/* The nodes have another major number than ZCRYPT_MAJOR, of devices that the kernel has made for
 * them. Before anybody sees the tree. */
void zcrypt_set_major(struct zcrypt *z, unsigned major);

#endif
