/* SPDX-License-Identifier: MIT */
/* Machine files that we write, and those in examples/. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "machine_equal.h"
#include "machine_parsed.h"

static void assert_round_trip(const struct machine_config *c)
{
    struct machine_config again;
    text_auto text = {0}, error = {0};

    machine_file_format(c, &text);
    if (machine_file_parse("formatted", text.data, text.len, &again, &error) != 0)
        fail_msg("%s\n%s", error.data, text.data);
    assert_true(machine_equal(&again, c));
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static struct mask256 random_mask(uint64_t *state, unsigned max)
{
    struct mask256 m = {{0}};

    for (unsigned i = 0; i <= max; i++)
        mask256_assign(&m, i, next_random(state) >> 40 & 1);
    return m;
}

static void random_adapter(uint64_t *state, unsigned apid, struct adapter_config *a)
{
    assert_int_equal(
        machine_adapter_type_parse(machine_adapter_type_name(next_random(state) % 19), a), 0);
    a->configured = next_random(state) >> 20 & 1;
    a->in_lpar = next_random(state) >> 20 & 1;
    a->depth = next_random(state) >> 20 & 15;
    a->max_message = next_random(state) >> 20 & 15;
    if (a->max_message == 3)
        a->max_message = 0;
    a->functions ^= (uint32_t)next_random(state) & 0xe3ff0000;
    if (next_random(state) >> 20 & 1)
        machine_serial_default(apid ^ 0x55, a->mode, a->serial);
}

static void test_format_parse_round_trip(void **state)
{
    static const uint32_t features[] = {AP_QCI_APSC, AP_QCI_APXA, AP_QCI_QACT, AP_QCI_RC8A,
                                        AP_QCI_APSB};
    uint64_t random = 88172645463325252u;
    struct machine_config c;

    machine_config_empty(&c);
    assert_round_trip(&c);
    machine_config_default(&c);
    assert_round_trip(&c);
    for (int i = 0; i < 300; i++) {
        machine_config_empty(&c);
        c.features = features[next_random(&random) % 5] | features[next_random(&random) % 5];
        c.max_adapter = next_random(&random) & (c.features & AP_QCI_APXA ? 255 : 63);
        c.max_domain = next_random(&random) & (c.features & AP_QCI_APXA ? 255 : 15);
        c.usage = random_mask(&random, c.max_domain);
        c.control = random_mask(&random, c.max_domain);
        c.interrupts = next_random(&random) >> 20 & 1;
        c.abi = next_random(&random) % ABI_PROFILES;
        c.apmask = random_mask(&random, 255);
        c.aqmask = random_mask(&random, 255);
        if (mask256_next(&c.aqmask, c.max_domain / 2) <= c.max_domain)
            c.default_domain = (int)mask256_next(&c.aqmask, c.max_domain / 2);
        for (unsigned apid = 0; apid <= c.max_adapter; apid++)
            if (next_random(&random) % 4 == 0)
                random_adapter(&random, apid, &c.adapters[apid]);
        assert_round_trip(&c);
    }
}

/* The longest lists: every other domain. */
static void test_long_lists_are_broken(void **state)
{
    struct machine_config c;

    machine_config_empty(&c);
    for (unsigned i = 0; i < 256; i += 2)
        mask256_set(&c.usage, i);
    assert_round_trip(&c);
}

static void test_format_is_readable(void **state)
{
    struct machine_config c = parsed("[machine]\ndomains = 4\nfeatures=APSC\n[adapter 10]\n"
                                     "type = CEX5C\n[adapter 3]\ntype = CEX8A\n");
    text_auto text = {0};

    machine_file_format(&c, &text);
    assert_string_equal(text.data, "[machine]\n"
                                   "abi = proposal\n"
                                   "domains = 4\n"
                                   "control-domains = 4\n"
                                   "max-adapter = 63\n"
                                   "max-domain = 15\n"
                                   "features = APSC\n"
                                   "interrupts = yes\n"
                                   "apmask = 0xffffffffffffffffffffffffffffffff"
                                   "ffffffffffffffffffffffffffffffff\n"
                                   "aqmask = 0xffffffffffffffffffffffffffffffff"
                                   "ffffffffffffffffffffffffffffffff\n"
                                   "\n[adapter 3]\n"
                                   "type = CEX8A\n"
                                   "configured = yes\n"
                                   "lpar = yes\n"
                                   "functions = 0x68800000\n"
                                   "depth = 8\n"
                                   "max-msg-size = 32768\n"
                                   "\n[adapter 0x0a]\n"
                                   "type = CEX5C\n"
                                   "serial = 93AABE0A\n"
                                   "configured = yes\n"
                                   "lpar = yes\n"
                                   "functions = 0x90000000\n"
                                   "depth = 8\n"
                                   "max-msg-size = 12288\n");
}

static void write_file(const char *path, const char *byte, size_t count)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(fputs(byte, f), 1);
    assert_int_equal(fclose(f), 0);
}

static int load(const char *path, struct machine_config *out, struct text *error)
{
    text_auto data = {0};
    int rc = machine_file_read(path, &data, error);

    return rc < 0 ? rc : machine_file_parse(path, data.data ? data.data : "", data.len, out, error);
}

static void test_load(void **state)
{
    char path[] = "/tmp/apus-machine-file-XXXXXX";
    struct machine_config c, empty;
    text_auto error = {0};
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    close(fd);
    machine_config_empty(&empty);
    write_file(path, "\n", MACHINE_FILE_MAX);
    assert_int_equal(load(path, &c, &error), -EINVAL);
    assert_non_null(strstr(error.data, "no section"));
    text_clear(&error);
    memset(&c, 0x5a, sizeof c);
    write_file(path, ";", MACHINE_FILE_MAX + 1);
    assert_int_equal(load(path, &c, &error), -EFBIG);
    assert_non_null(strstr(error.data, "too large"));
    assert_int_equal(unlink(path), 0);
    text_clear(&error);
    assert_int_equal(load(path, &c, &error), -ENOENT);
    assert_non_null(strstr(error.data, path));
    assert_non_null(strstr(error.data, "No such file"));
    text_clear(&error);
    assert_int_equal(load("/", &c, &error), -EISDIR);
    assert_non_null(strstr(error.data, "/: cannot be read"));
    assert_int_equal(((unsigned char *)&c)[0], 0x5a);
}

static struct machine_config example(const char *name)
{
    struct machine_config c;
    text_auto path = {0}, error = {0};

    text_addf(&path, APUS_SOURCE "/examples/%s", name);
    if (load(path.data, &c, &error) != 0)
        fail_msg("%s", error.data);
    return c;
}

static void test_examples(void **state)
{
    DIR *d = opendir(APUS_SOURCE "/examples");
    unsigned count = 0;

    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        size_t len = strlen(e->d_name);
        struct machine_config c;

        if (len < 4 || strcmp(e->d_name + len - 4, ".ini") != 0)
            continue;
        c = example(e->d_name);
        assert_round_trip(&c);
        count++;
    }
    closedir(d);
    assert_true(count >= 8);
}

static void test_examples_are_what_they_say(void **state)
{
    struct machine_config c = example("proposal.ini"), want;
    unsigned adapters = 0;

    machine_config_default(&want);
    assert_true(machine_equal(&c, &want));
    c = example("upstream.ini");
    want.abi = ABI_UPSTREAM;
    assert_true(machine_equal(&c, &want));
    c = example("full.ini");
    for (unsigned i = 0; i < AP_IDS; i++)
        adapters += c.adapters[i].type == 14 && c.adapters[i].configured && c.adapters[i].in_lpar;
    assert_int_equal(adapters, 256);
    assert_int_equal(mask256_count(&c.usage), 256);
    c = example("oracle-tree.ini");
    for (unsigned i = 1; i <= 15; i++) {
        static const uint32_t functions[] = {0xea000000, 0xf2000000, 0xe6000000};

        assert_int_equal(c.adapters[i].type, 10 + (i - 1) / 3);
        assert_int_equal(c.adapters[i].functions, functions[(i - 1) % 3]);
        assert_int_equal(c.adapters[i].max_message, 0);
        assert_string_equal(c.adapters[i].serial, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format_parse_round_trip),
        cmocka_unit_test(test_long_lists_are_broken),
        cmocka_unit_test(test_format_is_readable),
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_examples_are_what_they_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
