/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "machine/config.h"

static void test_empty(void **state)
{
    struct machine_config c;

    memset(&c, 0x5a, sizeof c);
    machine_config_empty(&c);
    for (unsigned i = 0; i < AP_IDS; i++)
        assert_int_equal(c.adapters[i].type, 0);
    assert_true(mask256_empty(&c.usage));
    assert_true(mask256_empty(&c.control));
    assert_int_equal(c.max_adapter, 255);
    assert_int_equal(c.max_domain, 255);
    assert_int_equal(c.features, AP_QCI_APSC | AP_QCI_APXA);
    assert_true(c.interrupts);
    assert_int_equal(c.abi, ABI_PROPOSAL);
    assert_int_equal(mask256_count(&c.apmask), 256);
    assert_int_equal(mask256_count(&c.aqmask), 256);
    assert_int_equal(c.default_domain, -1);
}

static void test_default_is_the_worked_example(void **state)
{
    static const char *const names[AP_IDS] = {[4] = "CEX5P", [5] = "CEX5C", [6] = "CEX5A"};
    struct machine_config c;
    char text[MASK256_TEXT], name[8];

    machine_config_default(&c);
    for (unsigned i = 0; i < AP_IDS; i++) {
        const struct adapter_config *a = &c.adapters[i];

        if (!names[i]) {
            assert_int_equal(a->type, 0);
            continue;
        }
        machine_adapter_type_format(a, name);
        assert_string_equal(name, names[i]);
        assert_int_equal(a->type, 11);
        assert_true(a->configured && a->in_lpar);
        assert_int_equal(a->depth, 7);
        assert_int_equal(a->max_message, 0);
    }
    assert_string_equal(c.adapters[4].serial, "93AABE0419060004");
    assert_string_equal(c.adapters[5].serial, "93AABE05");
    assert_string_equal(c.adapters[6].serial, "");
    mask256_format(&c.usage, text);
    assert_string_equal(text, "0x0800000000000000010000000000000000000000001000000000000000000001");
    assert_true(mask256_equal(&c.usage, &c.control));
}

static void test_type_names(void **state)
{
    static const struct {
        const char *name;
        unsigned type, mode, functions, max_message;
    } rows[] = {
        {"CEX2A", 6, AP_MODE_ACCEL, 0x0a000000, 0},  {"CEX2C", 7, AP_MODE_CCA, 0x92000000, 0},
        {"CEX3A", 8, AP_MODE_ACCEL, 0x6a000000, 0},  {"CEX3C", 9, AP_MODE_CCA, 0x92000000, 0},
        {"CEX4A", 10, AP_MODE_ACCEL, 0x6a000000, 0}, {"CEX4C", 10, AP_MODE_CCA, 0x92000000, 0},
        {"CEX4P", 10, AP_MODE_EP11, 0x06000000, 0},  {"CEX5A", 11, AP_MODE_ACCEL, 0x6a000000, 0},
        {"CEX5C", 11, AP_MODE_CCA, 0x92000000, 0},   {"CEX5P", 11, AP_MODE_EP11, 0x06000000, 0},
        {"CEX6A", 12, AP_MODE_ACCEL, 0x6a800000, 0}, {"CEX6C", 12, AP_MODE_CCA, 0x92800000, 0},
        {"CEX6P", 12, AP_MODE_EP11, 0x06800000, 0},  {"CEX7A", 13, AP_MODE_ACCEL, 0x6a800000, 0},
        {"CEX7C", 13, AP_MODE_CCA, 0x92800000, 0},   {"CEX7P", 13, AP_MODE_EP11, 0x06800000, 0},
        {"CEX8A", 14, AP_MODE_ACCEL, 0x6a800000, 8}, {"CEX8C", 14, AP_MODE_CCA, 0x92800000, 8},
        {"CEX8P", 14, AP_MODE_EP11, 0x06800000, 8},
    };
    const size_t count = sizeof rows / sizeof rows[0];

    for (size_t i = 0; i < count; i++) {
        struct adapter_config a = {.configured = true, .serial = "keep"};
        char name[8];

        assert_int_equal(machine_adapter_type_parse(rows[i].name, &a), 0);
        assert_int_equal(a.type, rows[i].type);
        assert_int_equal(a.mode, rows[i].mode);
        assert_int_equal(a.functions, rows[i].functions);
        assert_int_equal(a.max_message, rows[i].max_message);
        assert_int_equal(a.depth, 7);
        assert_true(a.configured && !a.in_lpar);
        assert_string_equal(a.serial, "keep");
        machine_adapter_type_format(&a, name);
        assert_string_equal(name, rows[i].name);
        assert_string_equal(machine_adapter_type_name((unsigned)i), rows[i].name);
    }
    assert_null(machine_adapter_type_name((unsigned)count));
}

static void test_unknown_types_change_nothing(void **state)
{
    static const char *const wrong[] = {"",      "CEX",    "CEX2P",  "CEX3P",  "CEX1A", "CEX9C",
                                        "cex5c", "CEX5CC", " CEX5C", "CEX5C ", "CEX5S", "PCICC"};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct adapter_config a = {.type = 99, .mode = 98, .functions = 97}, before = a;

        assert_int_equal(machine_adapter_type_parse(wrong[i], &a), -EINVAL);
        assert_memory_equal(&a, &before, sizeof a);
    }
}

static void test_serial_numbers_are_unique(void **state)
{
    char serials[2][AP_IDS][AP_SERIAL_TEXT], none[AP_SERIAL_TEXT] = "x";

    for (unsigned i = 0; i < AP_IDS; i++) {
        machine_serial_default(i, AP_MODE_CCA, serials[0][i]);
        machine_serial_default(i, AP_MODE_EP11, serials[1][i]);
        assert_int_equal(strlen(serials[0][i]), 8);
        assert_int_equal(strlen(serials[1][i]), 16);
        for (unsigned k = 0; k < i; k++) {
            assert_string_not_equal(serials[0][k], serials[0][i]);
            assert_string_not_equal(serials[1][k], serials[1][i]);
        }
    }
    machine_serial_default(7, AP_MODE_ACCEL, none);
    assert_string_equal(none, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_default_is_the_worked_example),
        cmocka_unit_test(test_type_names),
        cmocka_unit_test(test_unknown_types_change_nothing),
        cmocka_unit_test(test_serial_numbers_are_unique),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
