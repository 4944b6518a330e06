/* SPDX-License-Identifier: MIT */
#ifndef APUS_BASE_UUID_H
#define APUS_BASE_UUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A UUID in the byte order of its text form. As in the mdev core, version and variant are not
 * checked. */
struct uuid {
    uint8_t bytes[16];
};

/* 36 characters and the terminator. */
#define UUID_TEXT 37

/* Parses exactly 8-4-4-4-12 hexadecimal digits of either case in text[0..35]. 0, or -EINVAL with
 * out unchanged. */
int uuid_parse(const char *text, size_t len, struct uuid *out);

/* Lower case. */
void uuid_format(const struct uuid *u, char out[UUID_TEXT]);

bool uuid_equal(const struct uuid *a, const struct uuid *b);

/* For hash tables. Does not vary between runs, so that recordings replay identically. */
uint32_t uuid_hash(const struct uuid *u);

#endif
