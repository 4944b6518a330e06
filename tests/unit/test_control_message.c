/* SPDX-License-Identifier: MIT */
/* Parsing requests, and formatting messages. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/message.h"

#include "unit.h"

struct expectation {
    const char *line;
    const char *class; /* NULL: accepted */
    const char *desc;  /* a part of the description */
};

static const struct expectation lines[] = {
    {"{\"execute\":\"status\"}", NULL, NULL},
    {"  { \"execute\" : \"status\" , \"arguments\" : {} , \"id\" : [1] } ", NULL, NULL},
    {"{\"execute\":\"status\",\"arguments\":{\"x\":1}}", CONTROL_ARGUMENT, "'x'"},
    {"", CONTROL_SYNTAX, "JSON"},
    {"{", CONTROL_SYNTAX, "JSON"},
    {"{\"execute\":\"status\"} x", CONTROL_SYNTAX, "JSON"},
    {"{\"execute\":\"status\",\"execute\":\"quit\"}", CONTROL_SYNTAX, "JSON"},
    {"[]", CONTROL_SYNTAX, "object"},
    {"7", CONTROL_SYNTAX, "JSON"},
    {"{}", CONTROL_SYNTAX, "execute"},
    {"{\"execute\":5}", CONTROL_SYNTAX, "execute"},
    {"{\"execute\":\"status\",\"arguments\":[]}", CONTROL_SYNTAX, "arguments"},
    {"{\"execute\":\"status\",\"exec\":1}", CONTROL_SYNTAX, "'exec'"},
    {"{\"execute\":\"make-coffee\"}", CONTROL_UNKNOWN, "make-coffee"},
    {"{\"execute\":\"\\ud800\"}", CONTROL_SYNTAX, "JSON"},
    {"{\"execute\":\"status\",\"id\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}", CONTROL_SYNTAX, "deep"},
    {"{\"execute\":\"status\",\"id\":[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]}", NULL, NULL},
    {"{\"execute\":\"status\",\"id\":\"[[[[[[[[[[[[[[[[[[[[[\\\"[\"}", NULL, NULL},
#define SE(arguments) "{\"execute\":\"se-adapter\",\"arguments\":" arguments "}"
    {SE("{\"adapter\":5,\"state\":\"off\"}"), NULL, NULL},
    {SE("{\"adapter\":255,\"state\":\"on\",\"force\":true}"), NULL, NULL},
    {SE("{\"state\":\"off\"}"), CONTROL_ARGUMENT, "'adapter' is missing"},
    {SE("{\"adapter\":5}"), CONTROL_ARGUMENT, "'state' is missing"},
    {SE("{\"adapter\":256,\"state\":\"off\"}"), CONTROL_ARGUMENT, "'adapter' must be a number"},
    {SE("{\"adapter\":9223372036854775808,\"state\":\"off\"}"), CONTROL_ARGUMENT, "0 to 255"},
    {SE("{\"adapter\":1e999,\"state\":\"off\"}"), CONTROL_SYNTAX, "JSON"},
    {SE("{\"adapter\":-1,\"state\":\"off\"}"), CONTROL_ARGUMENT, "0 to 255"},
    {SE("{\"adapter\":5.0,\"state\":\"off\"}"), CONTROL_ARGUMENT, "0 to 255"},
    {SE("{\"adapter\":\"5\",\"state\":\"off\"}"), CONTROL_ARGUMENT, "0 to 255"},
    {SE("{\"adapter\":null,\"state\":\"off\"}"), CONTROL_ARGUMENT, "0 to 255"},
    {SE("{\"adapter\":5,\"state\":\"sideways\"}"), CONTROL_ARGUMENT, "\"on\" or \"off\""},
    {SE("{\"adapter\":5,\"state\":\"off\",\"force\":1}"), CONTROL_ARGUMENT, "true or false"},
    {SE("{\"adapter\":5,\"state\":\"off\",\"Force\":true}"), CONTROL_ARGUMENT, "'Force'"},
#define START(arguments) "{\"execute\":\"guest-start\",\"arguments\":{\"name\":" arguments "}}"
    {START("\"a.b-c_d:e+f@9\""), NULL, NULL},
    {START("\"\""), CONTROL_ARGUMENT, "1 to 63"},
    {START("\"a/b\""), CONTROL_ARGUMENT, "without control characters or slash"},
    {START("\"a b\""), NULL, NULL},
    {START("\"x234567890123456789012345678901234567890123456789012345678901234\""),
     CONTROL_ARGUMENT, "1 to 63"},
    {START("\"x23456789012345678901234567890123456789012345678901234567890123\""), NULL, NULL},
    {START("\"G\",\"mdev\":\"9d4c0f6e-0000-4000-8000-0000000000FF\""), NULL, NULL},
    {START("\"G\",\"mdev\":\"9d4c0f6e-0000-4000-8000-0000000000FFx\""), CONTROL_ARGUMENT, "UUID"},
    {START("\"G\",\"mdev\":\"not-a-uuid\""), CONTROL_ARGUMENT, "'mdev' must be a UUID"},
    {START("\"G\",\"features\":[]"), NULL, NULL},
    {START("\"G\",\"features\":[\"ap\",\"apqi\"]"), NULL, NULL},
    {START("\"G\",\"features\":[\"warp\"]"), CONTROL_ARGUMENT, "\"apqi\""},
    {START("\"G\",\"features\":\"ap\""), CONTROL_ARGUMENT, "array"},
#define SET(arguments) "{\"execute\":\"machine-set\",\"arguments\":" arguments "}"
    {SET("{\"adapters\":{\"5\":\"CEX5C\",\"0x10\":\"CEX7A\"},\"domains\":[0,255]}"), NULL, NULL},
    {SET("{\"adapters\":{\"5\":\"CEX5C\",\"0x5\":\"CEX7A\"}}"), CONTROL_ARGUMENT, "each once"},
    {SET("{\"adapters\":{\"256\":\"CEX5C\"}}"), CONTROL_ARGUMENT, "adapters"},
    {SET("{\"adapters\":{\"5\":\"CEX9C\"}}"), CONTROL_ARGUMENT, "types"},
    {SET("{\"adapters\":{\"5\":5}}"), CONTROL_ARGUMENT, "types"},
    {SET("{\"domains\":[256]}"), CONTROL_ARGUMENT, "'domains'"},
    {SET("{\"domains\":4}"), CONTROL_ARGUMENT, "array"},
    {"{\"execute\":\"clock-advance\",\"arguments\":{\"seconds\":0.5}}", NULL, NULL},
    {"{\"execute\":\"clock-advance\",\"arguments\":{\"seconds\":0}}", CONTROL_ARGUMENT, "above 0"},
    {"{\"execute\":\"clock-advance\",\"arguments\":{\"seconds\":86401}}", CONTROL_ARGUMENT,
     "86400"},
    {"{\"execute\":\"log\",\"arguments\":{\"since\":-1}}", CONTROL_ARGUMENT, "0 or more"},
};

static void test_requests(void **state)
{
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        const struct expectation *e = &lines[i];
        struct control_request request;
        struct control_error error = {0};
        int rc = control_request_parse(e->line, strlen(e->line), &request, &error);

        if (!e->class && rc < 0)
            fail_msg("%s: refused: %s", e->line, error.desc.data);
        if (e->class && rc == 0)
            fail_msg("%s: accepted", e->line);
        if (e->class && strcmp(e->class, error.class) != 0)
            fail_msg("%s: %s: %s", e->line, error.class, error.desc.data);
        if (e->class && !strstr(error.desc.data, e->desc))
            fail_msg("%s: '%s' does not say '%s'", e->line, error.desc.data, e->desc);
        control_request_done(&request);
        control_error_done(&error);
    }
}

static void test_values(void **state)
{
    static const char line[] =
        "{\"execute\":\"guest-start\",\"id\":\"x\",\"arguments\":{\"name\":\"G\",\"features\":"
        "[\"apqi\",\"ap\"],\"lifetime\":\"connection\"}}";
    struct control_request request;
    struct control_error error = {0};

    assert_int_equal(control_request_parse(line, sizeof(line) - 1, &request, &error), 0);
    assert_string_equal(request.command->name, "guest-start");
    assert_string_equal(argument_get(&request.arguments, "name")->string, "G");
    assert_int_equal(argument_get(&request.arguments, "features")->number, 9);
    assert_int_equal(argument_get(&request.arguments, "lifetime")->number, 1);
    assert_false(argument_get(&request.arguments, "mdev")->given);
    assert_string_equal(json_string_value(request.id), "x");
    control_request_done(&request);
}

static void test_an_error_names_its_request(void **state)
{
    static const char line[] = "{\"execute\":\"nothing\",\"id\":42}";
    struct control_request request;
    struct control_error error = {0};
    text_auto out = {0};

    assert_int_equal(control_request_parse(line, sizeof(line) - 1, &request, &error), -EINVAL);
    control_format_error(&error, request.id, &out);
    assert_string_equal(
        out.data,
        "{\"error\":{\"class\":\"CommandNotFound\",\"desc\":\"unknown command "
        "'nothing'; 'commands' lists all commands\",\"errno\":\"EOPNOTSUPP\"},\"id\":42}\n");
    control_request_done(&request);
    control_error_done(&error);
}

static void test_the_id_survives_a_number_too_large(void **state)
{
    static const char line[] = "{\"execute\":\"se-adapter\",\"arguments\":{\"adapter\":"
                               "99999999999999999999,\"state\":\"off\"},\"id\":7}";
    struct control_request request;
    struct control_error error = {0};

    assert_int_equal(control_request_parse(line, sizeof(line) - 1, &request, &error), -EINVAL);
    assert_string_equal(error.class, CONTROL_ARGUMENT);
    assert_true(json_is_integer(request.id));
    assert_int_equal(json_integer_value(request.id), 7);
    control_request_done(&request);
    control_error_done(&error);
}

static void test_messages(void **state)
{
    struct event_stamp stamp = {12345678000u, {1000000000, 5000000}, 7};
    text_auto out = {0};

    control_format_greeting("proposal", &out);
    control_format_return(json_object(), NULL, &out);
    control_format_event("log", json_pack("{s:i}", "a", 1), &stamp, &out);
    stamp.number = 0;
    control_format_event("state", json_object(), &stamp, &out);
    assert_string_equal(out.data, "{\"apus\":{\"version\":\"" APUS_VERSION
                                  "\",\"protocol\":2,\"abi\":\"proposal\"}}\n"
                                  "{\"return\":{}}\n"
                                  "{\"event\":\"log\",\"data\":{\"a\":1},\"timestamp\":12.345678,"
                                  "\"date\":\"2001-09-09T01:46:40.005000Z\",\"number\":7}\n"
                                  "{\"event\":\"state\",\"data\":{},\"timestamp\":12.345678,"
                                  "\"date\":\"2001-09-09T01:46:40.005000Z\"}\n");
}

static void test_a_sentence_that_is_not_utf8(void **state)
{
    struct control_error error = {0};
    text_auto out = {0};

    control_error_set(&error, CONTROL_REFUSED, ENODEV, "no \xff\xfe \"here\"\n");
    control_format_error(&error, NULL, &out);
    assert_non_null(strstr(out.data, "\"no ?? \\\"here\\\"\\n\""));
    assert_non_null(strstr(out.data, "\"ENODEV\""));
    control_error_done(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_an_error_names_its_request),
        cmocka_unit_test(test_the_id_survives_a_number_too_large),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_a_sentence_that_is_not_utf8),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
