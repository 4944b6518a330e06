/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

#include "unit.h"

/* The text of strerror comes first, so that it can be searched for. */
static void test_every_error(void **state)
{
    unsigned longer = 0;

    for (int err = 1; err < 134; err++) {
        char known[64]; /* strerror may use the same memory again */
        size_t len = (size_t)snprintf(known, sizeof known, "%s", strerror(err));

        assert_memory_equal(error_text(err), known, len);
        if (strlen(error_text(err)) > len) {
            assert_memory_equal(error_text(err) + len, "; ", 2);
            longer++;
        }
    }
    assert_int_equal(longer, 4);
    assert_non_null(strstr(error_text(EMFILE), "ulimit -n"));
    assert_non_null(strstr(error_text(ENOMEM), "ulimit -v"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_error)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
