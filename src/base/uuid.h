/* SPDX-License-Identifier: MIT */
#ifndef APUS_BASE_UUID_H
#define APUS_BASE_UUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A UUID in the byte order of its text form. No version or variant is checked, as the mdev core
 * checks none. */
struct uuid {
    uint8_t bytes[16];
};

/* 36 characters and the terminator. */
#define UUID_TEXT 37

/* Exactly 8-4-4-4-12 hexadecimal digits of either case in text[0..35]. 0 or -EINVAL, out untouched
 * then. */
int uuid_parse(const char *text, size_t len, struct uuid *out);

/* Lower case. */
void uuid_format(const struct uuid *u, char out[UUID_TEXT]);

bool uuid_equal(const struct uuid *a, const struct uuid *b);

/* For hash tables; stable between runs so that recordings replay alike. */
uint32_t uuid_hash(const struct uuid *u);

#endif
