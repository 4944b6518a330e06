/* SPDX-License-Identifier: MIT */
/* What starts a real guest again, as a file. */
#include <errno.h>
#include <string.h>

#include "unit.h"

#include "store/kept_guest.h"

#define UUID "69aa1a8a-0000-4000-8000-000000000001"

static void test_all_comes_back(void **state)
{
    const char *words[] = {"--append", "a b\n\t\"%41\"\xff", "--packages", ""};
    const char *environment[] = {"HOME=/home/anna", "APUS_CACHE="};
    const struct kept_guest g = {"/a b\n", UUID, "max,apqi=off", true, environment, words, 2, 4};
    text_auto file = {0}, why = {0};
    struct kept_guest again;

    (void)state;
    kept_guest_format(&g, &file);
    assert_int_equal(kept_guest_parse(file.data, file.len, &again, &why), 0);
    assert_string_equal(again.directory, g.directory);
    assert_string_equal(again.mdev, UUID);
    assert_string_equal(again.cpu, "max,apqi=off");
    assert_true(again.no_snapshot);
    assert_int_equal(again.word_count, 4);
    assert_int_equal(again.environment_count, 2);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(again.words[i], words[i]);
    for (size_t i = 0; i < 2; i++)
        assert_string_equal(again.environment[i], environment[i]);
    kept_guest_done(&again);
}

static void test_what_is_missing_is_null(void **state)
{
    static const char least[] = "apus-guest 1\0directory /";
    text_auto why = {0};
    struct kept_guest g;

    (void)state;
    assert_int_equal(kept_guest_parse(least, sizeof least, &g, &why), 0);
    assert_null(g.mdev);
    assert_null(g.cpu);
    assert_false(g.no_snapshot);
    assert_int_equal(g.word_count + g.environment_count, 0);
    kept_guest_done(&g);
}

static void test_what_is_damaged_is_refused(void **state)
{
#define BAD(records, clause)                                                                       \
    {                                                                                              \
        "apus-guest 1\0" records, sizeof("apus-guest 1\0" records), clause                         \
    }
    static const struct {
        const char *data;
        size_t len;
        const char *clause;
    } bad[] = {
        {"", 0, "it was not written to its end"},
        {"apus-guest 1", 12, "it was not written to its end"},
        {"apus-guest 2", 13, "it does not begin with \"apus-guest 1\" but with \"apus-guest 2\""},
        BAD("word a", "it has no directory"),
        BAD("directory x", "its value is not valid: \"directory x\""),
        BAD("directory /\0directory /", "there are two of \"directory /\""),
        BAD("directory /\0mdev 69aa", "its value is not valid: \"mdev 69aa\""),
        BAD("directory /\0cpu ", "its value is not valid: \"cpu \""),
        BAD("directory /\0snapshot yes", "its value is not valid: \"snapshot yes\""),
        BAD("directory /\0snapshot no\0snapshot no", "there are two of \"snapshot no\""),
        BAD("directory /\0environment =x", "this version does not know \"environment =x\""),
        BAD("directory /\0disk a", "this version does not know \"disk a\""),
        BAD("directory /\0word", "this version does not know \"word\""),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct kept_guest g;
        text_auto why = {0};

        assert_int_equal(kept_guest_parse(bad[i].data, bad[i].len, &g, &why), -EINVAL);
        assert_string_equal(why.data, bad[i].clause);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_comes_back),
        cmocka_unit_test(test_what_is_missing_is_null),
        cmocka_unit_test(test_what_is_damaged_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
