/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_ORACLE_H
#define APUS_TESTS_ORACLE_H

/* The requests of tests/data/oracle/requests.txt, in the order of the file. Included after cmocka.
 */
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message/rsa.h"

#define MESSAGES_MAX 16u

static struct {
    uint8_t data[8192];
    size_t len, stated;
} messages[MESSAGES_MAX];
static unsigned message_count;

static inline unsigned nibble(char c)
{
    return (unsigned)(isdigit((unsigned char)c) ? c - '0' : c - 'a' + 10);
}

/* Headings end in "NNN bytes"; the hexadecimal lines up to the next heading are one message. */
static inline int load(void **state)
{
    char line[256];
    FILE *file = fopen(ORACLE_REQUESTS, "r");

    if (!file)
        return -1;
    while (fgets(line, sizeof(line), file)) {
        char *count;

        if (strncmp(line, "## ", 3) == 0) {
            count = strstr(line, ", ");
            assert_non_null(count);
            assert_true(message_count < MESSAGES_MAX);
            messages[message_count++].stated = strtoul(count + 2, NULL, 10);
            continue;
        }
        if (line[0] == '#' || message_count == 0)
            continue;
        for (char *p = line; isxdigit((unsigned char)p[0]) && isxdigit((unsigned char)p[1]); p += 2)
            messages[message_count - 1].data[messages[message_count - 1].len++] =
                (uint8_t)(nibble(p[0]) << 4 | nibble(p[1]));
    }
    fclose(file);
    return 0;
}

struct operands {
    uint8_t input[512], exponent[512], modulus[512];
    uint8_t p[264], q[256], dp[264], dq[256], u[264];
};

static inline void fill_part(uint8_t *part, size_t len, size_t zeros, uint8_t with)
{
    memset(part, 0, zeros);
    memset(part + zeros, with, len - zeros);
    part[len - 1] |= 1;
}

/* The synthetic operands that the head of requests.txt describes. */
static inline struct rsa_request make(struct operands *o, size_t n, bool crt)
{
    size_t s = rsa_crt_short(n), l = rsa_crt_long(n);

    memset(o->input, 0x11, n);
    o->input[0] = 1;
    memset(o->exponent, 0, n);
    o->exponent[n - 3] = 1;
    o->exponent[n - 1] = 1;
    memset(o->modulus, 0xee, n);
    o->modulus[n - 1] = 0xef;
    fill_part(o->p, l, 8, 0xa3);
    fill_part(o->q, s, 0, 0xa4);
    fill_part(o->dp, l, 8, 0xa1);
    fill_part(o->dq, s, 0, 0xa2);
    fill_part(o->u, l, 8, 0xa5);
    if (crt)
        return rsa_request_crt(n, o->input, o->p, o->q, o->dp, o->dq, o->u);
    return rsa_request_me(n, o->input, o->exponent, o->modulus);
}

#endif
