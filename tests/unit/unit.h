/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_UNIT_H
#define APUS_TESTS_UNIT_H

/* cmocka with the headers that it needs first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
