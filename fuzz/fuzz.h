/* SPDX-License-Identifier: MIT */
#ifndef APUS_FUZZ_FUZZ_H
#define APUS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Tests one input; always returns 0. Called by libFuzzer or driver.c. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A property that must hold for every input. Both drivers report an abort. */
#define fuzz_check(condition)                                                                      \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

#endif
