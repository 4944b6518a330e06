/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "machine_equal.h"
#include "store/ini_file.h"
#include "store/machine_file.h"

#include "unit.h"

static struct machine_config parsed(const char *text)
{
    struct machine_config c;
    text_auto error = {0};

    if (machine_file_parse("t.ini", text, strlen(text), &c, &error) != 0)
        fail_msg("%s", error.data);
    assert_int_equal(error.len, 0);
    return c;
}

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

/* Nobody means such a machine, but it is one. */
static void test_doubts(void **state)
{
    static const char *const texts[][2] = {
        {"[machine]\ndomains = 4\n", "lab.ini: the machine has no adapter"},
        {"[machine]\ndomains = 4\n[adapter 5]\ntype = CEX5C\nlpar = no\n",
         "lab.ini: no adapter is in"},
        {"[adapter 5]\ntype = CEX5C\n", "lab.ini: the LPAR has no usage domain"},
        {"[machine]\ndomains = 4\n[adapter 5]\ntype = CEX5C\nconfigured = no\n", ""},
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct machine_config c = parsed(texts[i][0]);
        text_auto doubts = {0};

        machine_file_doubts("lab.ini", &c, &doubts);
        assert_int_equal(strncmp(doubts.len ? doubts.data : "", texts[i][1], strlen(texts[i][1])),
                         0);
        assert_int_equal(doubts.len != 0, *texts[i][1] != 0);
        if (doubts.len)
            assert_ptr_equal(strchr(doubts.data, '\n'), doubts.data + doubts.len - 1);
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
                                     "domain = 6\n");

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
    assert_int_equal(c.adapters[1].functions, 0xe8000000);
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

/* 197 bytes are accepted, 198 are refused. */
static void test_line_length(void **state)
{
    for (int extra = 0; extra < 2; extra++) {
        struct machine_config c, before;
        text_auto text = {0}, error = {0};
        int rc;

        memset(&c, 0, sizeof c);
        before = c;
        text_adds(&text, "[machine]\ndomains = 01");
        while (text.len < strlen("[machine]\n") + 194)
            text_adds(&text, ",1");
        text_adds(&text, extra ? ",255" : ",99");
        rc = machine_file_parse("t.ini", text.data, text.len, &c, &error);
        if (!extra) {
            assert_int_equal(rc, 0);
            assert_true(mask256_test(&c.usage, 99));
        } else {
            assert_int_equal(rc, -EINVAL);
            assert_non_null(
                strstr(error.data, "t.ini:2: the line has 198 bytes, the limit is 197"));
            assert_memory_equal(&c, &before, sizeof c);
        }
    }
}

/* CPU seconds for a value with that many lines. */
static double value_of_lines(unsigned lines)
{
    text_auto text = {0}, error = {0};
    struct ini_file f;
    clock_t start;
    double seconds;

    text_adds(&text, "[machine]\ndomains = 0");
    for (unsigned i = 0; i < lines; i++)
        text_addf(&text, "\n %0180u", i);
    start = clock();
    assert_int_equal(ini_file_parse("t.ini", text.data, text.len, &f, &error), 0);
    seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    assert_int_equal(strlen(f.sections[0].entries[0].value), 1 + 180 * (size_t)lines);
    ini_file_done(&f);
    return seconds;
}

/* Time grows linearly with the length of the value. */
static void test_a_value_of_many_lines(void **state)
{
    double some = value_of_lines(10000), many = value_of_lines(80000);

    assert_true(many < 24 * some + 0.05);
}

#define A5 "[adapter 5]\ntype = CEX5C\n"

static const struct mistake {
    const char *text;
    unsigned line;
    const char *what, *remedy;
} mistakes[] = {
    /* Form. */
    {"", 1, "no section", "[machine]"},
    {"\n; nothing\n", 1, "no section", "[machine]"},
    {"junk\n", 1, "\"junk\"", "key = value"},
    {"[machine]\n\n  junk\n", 3, "\"junk\"", "key = value"},
    {"domains = 1\n", 1, "\"domains = 1\"", "[section]"},
    {"[machine\n", 1, "\"[machine\"", "closing bracket"},
    {"[machine] domains = 1\n", 1, "\"domains = 1\"", "on the same line"},
    {"[machine]\n= 5\n", 2, "\"= 5\"", "key = value"},
    {"[machine]\njunk\nmax-domain = x\n", 2, "\"junk\"", "key = value"},
    {"[machine]\nmax-domain = x\n[adapter\n", 3, "\"[adapter\"", "closing bracket"},
    {"[machine]\njunk\n[adapter\n", 2, "\"junk\"", "key = value"},
    {"[machine]\ndomains = 1,\n2\n", 3, "\"2\"", "key = value"},
    {"[machine]\n 2\n", 2, "\"2\"", "key = value"},
    {"[machine]\ndomains = 1,\n[adapter 5]\n 2\n", 4, "\"2\"", "key = value"},
    {"[mach ;ine]\n", 1, "\"[mach ;ine]\"", "key = value"},
    {"[mach;ine]\n", 1, "\"mach;ine\"", "[machine]"},
    /* Sections. */
    {"\n[machines]\n", 2, "\"machines\"", "[machine]"},
    {"[Machine]\n", 1, "\"Machine\"", "[machine]"},
    {"[]\n", 1, "\"\"", "[machine]"},
    {"[adapters 5]\n", 1, "\"adapters 5\"", "[adapter 5]"},
    {"[adapter5]\n", 1, "\"adapter5\"", "[adapter 5]"},
    {"[machine]\n[machine]\n", 2, "twice, first in line 1", "merge"},
    {"[adapter]\n", 1, "a number is missing", "4-6,0x47"},
    {"[adapter five]\n", 1, "\"five\" is not a number", "4-6,0x47"},
    {"[adapter 256]\n", 1, "\"256\"", "above 255"},
    {"[adapter 6-5]\n", 1, "\"6-5\" is a descending range", "lower number first"},
    {A5 "[adapter 5]\n", 3, "adapter 5 (0x05) is described twice, first in line 1", "keep one"},
    {A5 "[adapter 4-6]\ntype = CEX5C\n", 3, "twice, first in line 1", "keep one"},
    {A5 "[machine]\nmax-adapter = 4\n", 1, "adapter 5 (0x05) is above max-adapter, which is 4",
     "raise max-adapter"},
    {"[adapter 64]\ntype = CEX5C\n[machine]\nfeatures = APSC\n", 1,
     "above max-adapter, which is 63", "raise"},
    /* Keys of the machine. */
    {"[machine]\ndomain = 1\ntype = CEX5C\n", 3, "unknown key \"type\"", "abi, domains,"},
    {"[machine]\nDomains = 1\n", 2, "unknown key \"Domains\"", "domains"},
    {"[machine]\ndomains = 1\n\ndomains = 2\n", 4, "domains is given twice, first in line 2",
     "keep"},
    {"[machine]\nabi = linux\n", 2, "\"linux\"", "proposal or upstream"},
    {"[machine]\ndomains = 1,x\n", 2, "domains: \"x\" is not a number", "4-6,0x47"},
    {"[machine]\ndomains = 256\n", 2, "\"256\"", "above 255"},
    {"[machine]\nmax-domain = 5\ndomains = 1-6\n", 3, "domains: 6 (0x06) is above max-domain",
     "raise max-domain"},
    {"[machine]\nmax-domain = 5\ncontrol-domains = 7\n", 3, "control-domains: 7 (0x07)", "raise"},
    {"[machine]\nfeatures = APSC\ndomains = 16\n", 3, "above max-domain, which is 15", "raise"},
    {"[machine]\nmax-domain = 256\n", 2, "\"256\"", "from 0 to 255"},
    {"[machine]\nmax-adapter = -1\n", 2, "\"-1\"", "from 0 to 255"},
    {"[machine]\nmax-adapter =\n", 2, "\"\"", "from 0 to 255"},
    {"[machine]\nmax-adapter = 99999999999999999999\n", 2, "99999", "from 0 to 255"},
    {"[machine]\nfeatures = APSC\nmax-adapter = 64\n", 3, "without APXA the highest number is 63",
     "add APXA"},
    {"[machine]\nmax-domain = 16\nfeatures = QACT\n", 2, "without APXA the highest number is 15",
     "add APXA"},
    {"[machine]\nfeatures = APSC,XYZ\n", 2, "\"APSC,XYZ\"", "APSC, APXA, QACT, RC8A, APSB"},
    {"[machine]\nfeatures =\n", 2, "\"\"", "one or more"},
    {"[machine]\nfeatures = APSC APXA\n", 2, "\"APSC APXA\"", "commas"},
    {"[machine]\nfeatures = APSC,\n", 2, "\"APSC,\"", "one or more"},
    {"[machine]\ninterrupts = maybe\n", 2, "\"maybe\"", "yes or no"},
    {"[machine]\ninterrupts = yes # always\n", 2, "\"yes # always\"", "begins with ;"},
    {"[machine]\napmask = 0X41\n", 2, "\"0X41\"", "64 hexadecimal digits"},
    {"[machine]\naqmask = +256\n", 2, "\"+256\"", "+0-255,-4"},
    {"[machine]\naqmask =\n", 2, "aqmask = \"\"", "0x"},
    {"[machine]\nmax-domain = 5\ndomain = 6\n", 3, "\"6\"", "from 0 to 5"},
    {"[machine]\naqmask = +1\ndomain = 2\n", 3, "\"2\"", "whose bit is set"},
    /* Keys of an adapter. */
    {"\n[adapter 5]\nlpar = yes\n", 2, "\"adapter 5\" has no type", "CEX2A, CEX2C"},
    {"[adapter \t5]\n", 1, "\"adapter \\x095\" has no type", "type ="},
    {"[adapter 5]\ntype = CEX9X\n", 2,
     "unknown adapter type \"CEX9X\"; known types are CEX2A, CEX2C, CEX3A", "CEX8A, CEX8C, CEX8P"},
    {"[adapter 5]\ntype = CEX2P\n", 2, "unknown adapter type \"CEX2P\"", "known types are"},
    {"[adapter 5]\ntype = cex5c\n", 2, "unknown adapter type \"cex5c\"", "known types are"},
    {A5 "domains = 4\n", 3, "unknown key \"domains\"", "type, serial"},
    {A5 "type = CEX5C\n", 3, "type is given twice, first in line 2", "keep one"},
    {A5 "serial = 1234567\n", 3, "\"1234567\"", "8 characters"},
    {A5 "serial = 93AADHZU42082261\n", 3, "\"93AADHZU42082261\"", "8 characters"},
    {A5 "serial = 93-ABE05\n", 3, "\"93-ABE05\"", "letters and digits"},
    {"[adapter 5]\ntype = CEX5P\nserial = 93AABE05\n", 3, "\"93AABE05\"", "16 characters"},
    {"[adapter 5]\ntype = CEX5A\nserial = 93AABE05\n", 3, "\"93AABE05\"", "remove the line"},
    {"[adapter 5,6]\ntype = CEX5C\nserial = 93AABE05\n", 3, "several adapters", "own section"},
    {A5 "configured = standby\n", 3, "\"standby\"", "yes or no"},
    {A5 "lpar = 1\n", 3, "\"1\"", "yes or no"},
    {A5 "functions = 0x86000000\n", 3, "0x86000000 contradicts the type, which is a CCA",
     "0x10000000"},
    {A5 "functions = 0x1C000000\n", 3, "0x1c000000 contradicts", "exactly 0x10000000"},
    {A5 "functions = 0\n", 3, "0x00000000 contradicts", "exactly 0x10000000"},
    {A5 "functions = 0x92000001\n", 3, "\"0x92000001\"", "leave them 0"},
    {A5 "functions = 0x192000000\n", 3, "\"0x192000000\"", "to 0xffffffff"},
    {A5 "functions = SDN\n", 3, "\"SDN\"", "to 0xffffffff"},
    {A5 "depth = 0\n", 3, "\"0\"", "from 1 to 16"},
    {A5 "depth = 17\n", 3, "\"17\"", "from 1 to 16"},
    {A5 "max-msg-size = 0\n", 3, "\"0\"", "multiple of 4096"},
    {A5 "max-msg-size = 12287\n", 3, "\"12287\"", "multiple of 4096"},
    {A5 "max-msg-size = 65536\n", 3, "\"65536\"", "61440"},
    {A5 "max-msg-size = 12k\n", 3, "\"12k\"", "multiple of 4096"},
    {A5 "depth = 4\xff\n", 3, "\"4\\xff\"", "from 1 to 16"},
};

/* Every error names file, line, what is wrong and what would be right, and changes nothing. */
static void test_mistakes(void **state)
{
    struct machine_config c, before;

    memset(&c, 0x5a, sizeof c);
    before = c;
    for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
        const struct mistake *m = &mistakes[i];
        text_auto error = {0}, where = {0};
        int rc;

        text_addf(&where, "lab.ini:%u: ", m->line);
        rc = machine_file_parse("lab.ini", m->text, strlen(m->text), &c, &error);
        if (rc != -EINVAL || strncmp(error.data, where.data, where.len) != 0 ||
            !strstr(error.data, m->what) || !strstr(error.data, m->remedy) ||
            strchr(error.data, '\n'))
            fail_msg("%s\nline %u, %s, %s wanted: %d, %s", m->text, m->line, m->what, m->remedy, rc,
                     error.data);
        assert_memory_equal(&c, &before, sizeof c);
    }
}

static void test_nul_byte(void **state)
{
    static const char text[] = "[machine]\ndomains = 1\0,2\n";
    struct machine_config c;
    text_auto error = {0};

    assert_int_equal(machine_file_parse("t.ini", text, sizeof text - 1, &c, &error), -EINVAL);
    assert_non_null(strstr(error.data, "t.ini:2: the line contains a NUL byte"));
}

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
                                   "functions = 0xE8000000\n"
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
    assert_non_null(strstr(error.data, "/: cannot read"));
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
        cmocka_unit_test(test_nothing_is_the_empty_machine),
        cmocka_unit_test(test_doubts),
        cmocka_unit_test(test_every_machine_key),
        cmocka_unit_test(test_every_adapter_key),
        cmocka_unit_test(test_control_domains_default_to_usage),
        cmocka_unit_test(test_sections_in_any_order),
        cmocka_unit_test(test_without_apxa),
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_line_length),
        cmocka_unit_test(test_a_value_of_many_lines),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_nul_byte),
        cmocka_unit_test(test_format_parse_round_trip),
        cmocka_unit_test(test_long_lists_are_broken),
        cmocka_unit_test(test_format_is_readable),
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_examples_are_what_they_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
