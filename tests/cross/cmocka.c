/* SPDX-License-Identifier: MIT */
/*
 * The part of cmocka that the unit tests of the pure layers use. Debian provides cmocka for another
 * architecture only as a package of that architecture, and tests must not add an architecture to
 * the system. The declarations are cmocka's own; a failing test ends the program.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

static jmp_buf skipped;

void print_message(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vprintf(format, args);
    va_end(args);
}

void print_error(const char *format, ...)
{
    va_list args;

    fflush(stdout);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
}

void _fail(const char *file, int line)
{
    print_error("%s:%d: error: the test fails here\n", file, line);
    exit(EXIT_FAILURE);
}

void _skip(const char *file, int line)
{
    longjmp(skipped, 1);
}

void _assert_true(LargestIntegralType result, const char *expression, const char *file, int line)
{
    if (result)
        return;
    print_error("%s\n", expression);
    _fail(file, line);
}

void _assert_return_code(LargestIntegralType result, size_t len, LargestIntegralType error,
                         const char *expression, const char *file, int line)
{
    intmax_t sign = (intmax_t)1 << (len * 8 - 1);

    _assert_true(!(result & (LargestIntegralType)sign), expression, file, line);
}

void _assert_int_equal(LargestIntegralType a, LargestIntegralType b, const char *file, int line)
{
    if (a == b)
        return;
    print_error("%#llx != %#llx\n", (unsigned long long)a, (unsigned long long)b);
    _fail(file, line);
}

void _assert_int_not_equal(LargestIntegralType a, LargestIntegralType b, const char *file, int line)
{
    if (a != b)
        return;
    print_error("%#llx == %#llx\n", (unsigned long long)a, (unsigned long long)b);
    _fail(file, line);
}

void _assert_string_equal(const char *a, const char *b, const char *file, int line)
{
    if (strcmp(a, b) == 0)
        return;
    print_error("\"%s\" != \"%s\"\n", a, b);
    _fail(file, line);
}

void _assert_string_not_equal(const char *a, const char *b, const char *file, int line)
{
    if (strcmp(a, b) != 0)
        return;
    print_error("\"%s\" == \"%s\"\n", a, b);
    _fail(file, line);
}

void _assert_memory_equal(const void *a, const void *b, size_t size, const char *file, int line)
{
    _assert_true(memcmp(a, b, size) == 0, "the bytes differ", file, line);
}

void _assert_memory_not_equal(const void *a, const void *b, size_t size, const char *file, int line)
{
    _assert_true(memcmp(a, b, size) != 0, "the bytes are the same", file, line);
}

static void run(const struct CMUnitTest *test)
{
    void *state = test->initial_state;

    if (test->setup_func && test->setup_func(&state) != 0)
        _fail(test->name, 0);
    if (setjmp(skipped) == 0)
        test->test_func(&state);
    if (test->teardown_func && test->teardown_func(&state) != 0)
        _fail(test->name, 0);
    print_message("[       OK ] %s\n", test->name);
}

int _cmocka_run_group_tests(const char *group, const struct CMUnitTest *tests, size_t count,
                            CMFixtureFunction setup, CMFixtureFunction teardown)
{
    void *state = NULL;

    if (setup && setup(&state) != 0)
        return 1;
    for (size_t i = 0; i < count; i++)
        run(&tests[i]);
    if (teardown && teardown(&state) != 0)
        return 1;
    print_message("%s: all %zu pass\n", group, count);
    return 0;
}
