/* SPDX-License-Identifier: MIT */
/* The text parsers of src/base: whatever is accepted must survive a round trip through its text. */
#include <string.h>

#include "base/apqn.h"
#include "base/list.h"
#include "base/mask256.h"
#include "base/number.h"
#include "base/uuid.h"

#include "fuzz.h"

static void check_masks(const char *text, size_t len)
{
    struct mask256 zero = {{0}}, ones = mask256_ones(), again = zero, absolute;
    struct mask256 from_zero = zero, from_ones = ones;
    int r = mask256_parse(text, len, &from_zero);
    char form[MASK256_TEXT];

    fuzz_check(r == mask256_parse(text, len, &from_ones));
    if (r < 0) {
        fuzz_check(mask256_empty(&from_zero) && mask256_equal(&from_ones, &ones));
    } else {
        mask256_format(&from_zero, form);
        fuzz_check(mask256_parse(form, strlen(form), &again) == 0);
        fuzz_check(mask256_equal(&again, &from_zero));
    }
    if (mask256_parse_absolute(text, len, &absolute) == 0) {
        fuzz_check(r == 0);
        fuzz_check(mask256_equal(&absolute, &from_zero));
    }
}

static void check_lists(const char *text, size_t len)
{
    struct mask256 m = mask256_ones(), again, ones = m;
    text_auto why = {0}, form = {0};
    int r = ap_list_parse(text, len, &m, &why);

    fuzz_check(r == ap_list_parse(text, len, &again, NULL));
    if (r < 0) {
        fuzz_check(why.len && mask256_equal(&m, &ones));
        return;
    }
    fuzz_check(!why.len && !mask256_empty(&m));
    ap_list_format(&m, &form);
    fuzz_check(ap_list_parse(form.data, form.len, &again, NULL) == 0);
    fuzz_check(mask256_equal(&m, &again));
}

static void check_quoting(const char *text, size_t len)
{
    text_auto quoted = {0};

    text_add_quoted(&quoted, text, len);
    fuzz_check(quoted.len >= 2 && quoted.data[0] == '"' && quoted.len <= 2 + 4 * 80 + 3);
    fuzz_check(quoted.len == strlen(quoted.data));
    for (size_t i = 0; i < quoted.len; i++)
        fuzz_check(quoted.data[i] >= ' ' && quoted.data[i] <= '~');
}

static void check_numbers(const char *text, size_t len)
{
    uint64_t any, decimal;
    int number;
    bool on;

    number_parse_int(text, len, 0, &number);
    number_parse_bool(text, len, &on);
    number_parse_u64(text, len, 0, &any);
    if (number_parse_u64(text, len, 10, &decimal) == 0 &&
        number_parse_int(text, len, 10, &number) == 0)
        fuzz_check((uint64_t)number == decimal);
}

static void check_names(const char *text, size_t len)
{
    struct uuid uuid, again;
    char form[UUID_TEXT], *name = strndup(text, len), qn_form[AP_QN_TEXT];
    ap_qn qn;

    if (uuid_parse(text, len, &uuid) == 0) {
        uuid_format(&uuid, form);
        fuzz_check(uuid_parse(form, strlen(form), &again) == 0 && uuid_equal(&uuid, &again));
    }
    fuzz_check(name);
    if (ap_qn_parse(name, &qn) == 0) {
        ap_qn_format(qn, qn_form);
        fuzz_check(strcmp(qn_form, name) == 0);
    }
    free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const char *text = (const char *)data;

    check_masks(text, len);
    check_lists(text, len);
    check_quoting(text, len);
    check_numbers(text, len);
    check_names(text, len);
    return 0;
}
