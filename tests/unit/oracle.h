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

#endif
