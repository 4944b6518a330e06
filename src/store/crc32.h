/* SPDX-License-Identifier: MIT */
#ifndef APUS_STORE_CRC32_H
#define APUS_STORE_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* The CRC-32 of IEEE 802.3, as zip and Ethernet have it. */
uint32_t crc32_of(const void *data, size_t len);

#endif
