/* SPDX-License-Identifier: MIT */
#ifndef APUS_FUZZ_FUZZ_H
#define APUS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* One input; always returns 0. libFuzzer or driver.c calls it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A property that must hold for every input; abort is what both drivers report. */
#define fuzz_check(condition)                                                                      \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

#endif
