/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_MACHINE_PARSED_H
#define APUS_TESTS_MACHINE_PARSED_H

#include <string.h>

#include "store/machine_file.h"

#include "unit.h"

/* The machine of a text without mistakes. */
static inline struct machine_config parsed(const char *text)
{
    struct machine_config c;
    text_auto error = {0};

    if (machine_file_parse("t.ini", text, strlen(text), &c, &error) != 0)
        fail_msg("%s", error.data);
    assert_int_equal(error.len, 0);
    return c;
}

#endif
