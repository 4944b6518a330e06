/* SPDX-License-Identifier: MIT */
/* What a machine file may say. */
#include <string.h>

#include "machine_equal.h"
#include "machine_parsed.h"
#include "store/ini_file.h"

static struct mask256 bits(unsigned a, unsigned b, unsigned c)
{
    struct mask256 m = {{0}};

    mask256_set(&m, a);
    mask256_set(&m, b);
    mask256_set(&m, c);
    return m;
}

static void test_nothing_is_the_empty_machine(void **state)
{
    static const char *const texts[] = {"[machine]", "\n[machine]\n", "; nothing\n[machine]",
                                        "\xef\xbb\xbf[machine]\n"};
    struct machine_config empty;

    machine_config_empty(&empty);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct machine_config c = parsed(texts[i]);

        assert_true(machine_equal(&c, &empty));
    }
}

static void test_every_machine_key(void **state)
{
    const struct mask256 control = bits(4, 0x47, 8), aqmask = bits(4, 5, 6);
    struct machine_config c = parsed("[machine]\n"
                                     "abi = upstream\n"
                                     "domains = 4-6\n"
                                     "control-domains = 4,0x47,010\n"
                                     "max-adapter = 0x3f\n"
                                     "max-domain = 84\n"
                                     "features = APSC, APXA ,QACT,RC8A,APSB\n"
                                     "interrupts = no\n"
                                     "apmask = +0-255,-5,-6\n"
                                     "aqmask = 0x0e\n"
                                     "domain = 6\n"
                                     "machine-type = 9175\nmodel = ME1\nplant = 51\n"
                                     "sequence-code = 0000000000012345\n"
                                     "lpar-name = LP37\nlpar-number = 37\ncpus = 8\n");

    assert_int_equal(c.abi, ABI_UPSTREAM);
    assert_true(c.usage.w[0] == UINT64_C(7) << 57 && mask256_count(&c.usage) == 3);
    assert_true(mask256_equal(&c.control, &control));
    assert_int_equal(c.max_adapter, 63);
    assert_int_equal(c.max_domain, 84);
    assert_int_equal(c.features, 0xf0800000);
    assert_false(c.interrupts);
    assert_int_equal(mask256_count(&c.apmask), 254);
    assert_false(mask256_test(&c.apmask, 5) || mask256_test(&c.apmask, 6));
    assert_true(mask256_equal(&c.aqmask, &aqmask));
    assert_int_equal(c.default_domain, 6);
    assert_string_equal(c.identity.type, "9175");
    assert_string_equal(c.identity.model, "ME1");
    assert_string_equal(c.identity.plant, "51");
    assert_string_equal(c.identity.sequence_code, "0000000000012345");
    assert_string_equal(c.identity.lpar_name, "LP37");
    assert_int_equal(c.identity.lpar_number, 37);
    assert_int_equal(c.identity.cpus, 8);
}

/* As Linux prints them. */
static void test_sysinfo(void **state)
{
    struct machine_config c =
        parsed("[machine]\nmachine-type = 8561\nmodel = LT1\nlpar-number = 2\n"
               "sequence-code = 00000000000612A3\n");
    text_auto out = {0};

    machine_sysinfo(&c.identity, &out);
    assert_string_equal(out.data, "Manufacturer:         IBM             \n"
                                  "Type:                 8561\n"
                                  "Model:                400              LT1             \n"
                                  "Sequence Code:        00000000000612A3\n"
                                  "Plant:                02  \n"
                                  "Model Capacity:       400              00000000\n"
                                  "Capacity Adj. Ind.:   100\n"
                                  "Capacity Ch. Reason:  0\n"
                                  "\n"
                                  "CPUs Total:           2\n"
                                  "CPUs Configured:      2\n"
                                  "CPUs Standby:         0\n"
                                  "CPUs Reserved:        0\n"
                                  "\n"
                                  "LPAR Number:          2\n"
                                  "LPAR Characteristics: Shared \n"
                                  "LPAR Name:            APUS    \n"
                                  "LPAR Adjustment:      1000\n"
                                  "LPAR CPUs Total:      2\n"
                                  "LPAR CPUs Configured: 2\n"
                                  "LPAR CPUs Standby:    0\n"
                                  "LPAR CPUs Reserved:   0\n"
                                  "LPAR CPUs Dedicated:  0\n"
                                  "LPAR CPUs Shared:     2\n");
}

static void test_every_adapter_key(void **state)
{
    struct machine_config c = parsed("[adapter 7]\n"
                                     "type = CEX8C\nserial = 93aZ0005\nconfigured = no\nlpar = no\n"
                                     "functions = 0xD2400000\ndepth = 16\nmax-msg-size = 61440\n"
                                     "[adapter 0xff]\ntype = CEX5P\n"
                                     "[ adapter 1, 3-4 ] ; three at once\n"
                                     "  type=CEX3A\n  depth: 1\n  max-msg-size = 4096\n"
                                     "[adapter 9]\ntype = CEX6P\nserial =\nmax-msg-size = 12288\n");
    struct adapter_config *a = &c.adapters[7];

    assert_int_equal(a->type, 14);
    assert_int_equal(a->mode, AP_MODE_CCA);
    assert_string_equal(a->serial, "93aZ0005");
    assert_false(a->configured || a->in_lpar);
    assert_int_equal(a->functions, 0xd2400000);
    assert_int_equal(a->depth, 15);
    assert_int_equal(a->max_message, 15);
    a = &c.adapters[255];
    assert_int_equal(a->type, 11);
    assert_int_equal(a->mode, AP_MODE_EP11);
    assert_string_equal(a->serial, "93AABEFF190600FF");
    assert_true(a->configured && a->in_lpar);
    for (unsigned i = 0; i < AP_IDS; i++) {
        a = &c.adapters[i];
        if (i == 7 || i == 9 || i == 255)
            continue;
        assert_int_equal(a->type, i == 1 || i == 3 || i == 4 ? 8 : 0);
        assert_int_equal(a->max_message, a->type ? 1 : 0);
        assert_int_equal(a->depth, 0);
        assert_string_equal(a->serial, "");
    }
    assert_string_equal(c.adapters[9].serial, "");
    assert_int_equal(c.adapters[9].max_message, 0);
}

static void test_control_domains_default_to_usage(void **state)
{
    struct machine_config c = parsed("[machine]\ndomains = 1,2,3\n");

    assert_true(mask256_equal(&c.usage, &c.control));
    c = parsed("[machine]\ndomains = 1,2,3\ncontrol-domains =\n");
    assert_true(mask256_empty(&c.control));
}

static void test_sections_in_any_order(void **state)
{
    struct machine_config c = parsed("[adapter 63]\ntype = CEX4A\n[machine]\nmax-adapter = 63\n");

    assert_int_equal(c.adapters[63].type, 10);
}

static void test_without_apxa(void **state)
{
    struct machine_config c = parsed("[machine]\nfeatures = APSC\n[adapter 1]\ntype = CEX4A\n");

    assert_int_equal(c.max_adapter, 63);
    assert_int_equal(c.max_domain, 15);
    assert_int_equal(c.adapters[1].functions, 0x68000000);
}

static void test_layout(void **state)
{
    struct machine_config c;

    c = parsed("\t[machine];x\r\n\tdomains = 0, ; first\r\n\t\t1-2, ; then = these\r\n\r\n; text\n"
               "    # text\n  0x47\n  features = APSC,\n   APXA\n"
               " [adapter 5]\n type = CEX5C ;x\n\n  [adapter 6]\n\ttype = CEX5C");
    assert_int_equal(mask256_count(&c.usage), 4);
    assert_true(mask256_test(&c.usage, 0x47));
    assert_int_equal(c.adapters[5].type, 11);
    assert_int_equal(c.adapters[6].type, 11);
}

/* How many bytes the parser has written, or moved to a larger place. */
static size_t written;

static void counting_add(struct text *t, const char *data, size_t len)
{
    size_t before = t->capacity, moved = t->len;

    text_add(t, data, len);
    written += len + (t->capacity == before ? 0 : moved);
}

static void *counting_realloc(void *p, size_t size)
{
    written += size;
    return xrealloc(p, size);
}

static void *counting_calloc(size_t count, size_t size)
{
    written += count * size;
    return xcalloc(count, size);
}

#define text_add counting_add
#define xrealloc counting_realloc
#define xcalloc  counting_calloc
#include "store/ini_file.c"
#undef text_add
#undef xrealloc
#undef xcalloc

/* Each byte of a long value is moved a few times, however many lines it has. */
static void test_a_value_of_many_lines(void **state)
{
    text_auto text = {0}, error = {0};
    struct ini_file f;

    text_adds(&text, "[machine]\ndomains = 0");
    for (unsigned i = 0; i < 10000; i++)
        text_addf(&text, "\n %0180u", i);
    written = 0;
    assert_int_equal(ini_file_parse("t.ini", text.data, text.len, &f, &error), 0);
    assert_int_equal(strlen(f.sections[0].entries[0].value), 1 + 180 * 10000);
    assert_in_range(written, text.len / 2, 4 * text.len);
    ini_file_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_the_empty_machine),
        cmocka_unit_test(test_every_machine_key),
        cmocka_unit_test(test_sysinfo),
        cmocka_unit_test(test_every_adapter_key),
        cmocka_unit_test(test_control_domains_default_to_usage),
        cmocka_unit_test(test_sections_in_any_order),
        cmocka_unit_test(test_without_apxa),
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_a_value_of_many_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
