/* SPDX-License-Identifier: MIT */
/* Mistakes in machine files: each error names file, line, mistake and remedy. */
#include <errno.h>
#include <string.h>

#include "machine_parsed.h"

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
    {"[machine]\nmachine-type = 393\n", 2, "\"393\"", "four digits"},
    {"[machine]\nmachine-type = 39A1\n", 2, "\"39A1\"", "four digits"},
    {"[machine]\nmodel = a01\n", 2, "\"a01\"", "1 to 16 capital letters"},
    {"[machine]\nmodel =\n", 2, "\"\"", "1 to 16 capital letters"},
    {"[machine]\nsequence-code = 12345\n", 2, "\"12345\"", "16 capital letters"},
    {"[machine]\nplant = 00002\n", 2, "\"00002\"", "1 to 4 capital letters"},
    {"[machine]\nlpar-name = LPAR-1\n", 2, "\"LPAR-1\"", "1 to 8 capital letters"},
    {"[machine]\nlpar-number = 0\n", 2, "\"0\"", "from 1 to 255"},
    {"[machine]\ncpus = 1000\n", 2, "\"1000\"", "from 1 to 999"},
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

/* 255 bytes are accepted, 256 are refused. */
static void test_line_length(void **state)
{
    for (int extra = 0; extra < 2; extra++) {
        struct machine_config c, before;
        text_auto text = {0}, error = {0};
        int rc;

        memset(&c, 0, sizeof c);
        before = c;
        text_adds(&text, "[machine]\ndomains = 01");
        while (text.len < strlen("[machine]\n") + 252)
            text_adds(&text, ",1");
        text_adds(&text, extra ? ",255" : ",99");
        rc = machine_file_parse("t.ini", text.data, text.len, &c, &error);
        if (!extra) {
            assert_int_equal(rc, 0);
            assert_true(mask256_test(&c.usage, 99));
        } else {
            assert_int_equal(rc, -EINVAL);
            assert_non_null(
                strstr(error.data, "t.ini:2: the line has 256 bytes, the limit is 255"));
            assert_memory_equal(&c, &before, sizeof c);
        }
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_nul_byte),
        cmocka_unit_test(test_line_length),
        cmocka_unit_test(test_doubts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
