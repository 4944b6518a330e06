/* SPDX-License-Identifier: MIT */
#include "control/schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/apqn.h"
#include "base/number.h"
#include "core/core.h"
#include "machine/config.h"

static int choice_index(const struct argument *a, const json_t *value, uint64_t *out)
{
    const char *string = json_string_value(value);

    for (unsigned i = 0; string && a->choices[i]; i++) {
        if (strcmp(a->choices[i], string) == 0) {
            *out = i;
            return 0;
        }
    }
    return -EINVAL;
}

static int choices_parse(const struct argument *a, const json_t *value, uint64_t *out)
{
    uint64_t bits = 0, index;
    const json_t *one;
    size_t i;

    if (!json_is_array(value))
        return -EINVAL;
    json_array_foreach (value, i, one) {
        if (choice_index(a, one, &index) < 0)
            return -EINVAL;
        bits |= UINT64_C(1) << index;
    }
    *out = bits;
    return 0;
}

static int number_parse(const json_t *value, uint64_t max, uint64_t *out)
{
    json_int_t n = json_integer_value(value);

    if (!json_is_integer(value) || n < 0 || (uint64_t)n > max)
        return -EINVAL;
    *out = (uint64_t)n;
    return 0;
}

static int ids_parse(const json_t *value, struct mask256 *out)
{
    struct mask256 ids = {{0}};
    const json_t *one;
    uint64_t id;
    size_t i;

    if (!json_is_array(value))
        return -EINVAL;
    json_array_foreach (value, i, one) {
        if (number_parse(one, AP_IDS - 1, &id) < 0)
            return -EINVAL;
        mask256_set(&ids, (unsigned)id);
    }
    *out = ids;
    return 0;
}

static int types_check(const json_t *value)
{
    struct adapter_config adapter = {0};
    struct mask256 seen = {{0}};
    const char *key;
    json_t *type;
    uint64_t id;

    if (!json_is_object(value))
        return -EINVAL;
    json_object_foreach ((json_t *)value, key, type) {
        if (number_parse_u64(key, strlen(key), 0, &id) < 0 || id >= AP_IDS ||
            !json_is_string(type) ||
            machine_adapter_type_parse(json_string_value(type), &adapter) < 0)
            return -EINVAL;
        /* "5" and "0x5" are different members and the same adapter. */
        if (mask256_test(&seen, (unsigned)id))
            return -EINVAL;
        mask256_set(&seen, (unsigned)id);
    }
    return 0;
}

static int name_check(const json_t *value)
{
    const char *string = json_string_value(value);
    size_t len = string ? strlen(string) : 0;

    return len && len < CORE_GUEST_NAME && !strchr(string, '/') && text_is_printable(string, len)
               ? 0
               : -EINVAL;
}

static int text_check(const json_t *value, size_t min, size_t max)
{
    const char *string = json_string_value(value);
    size_t len = string ? strlen(string) : 0;

    return string && len >= min && len <= max ? 0 : -EINVAL;
}

static int seconds_parse(const json_t *value, double *out)
{
    double seconds = json_number_value(value);

    if (!json_is_number(value) || !(seconds > 0) || seconds > CONTROL_SECONDS_MAX)
        return -EINVAL;
    *out = seconds;
    return 0;
}

static int value_parse(const struct argument *a, const json_t *value, struct argument_value *out)
{
    const char *string = json_string_value(value);

    switch (a->type) {
    case ARGUMENT_ID:
        return number_parse(value, AP_IDS - 1, &out->number);
    case ARGUMENT_COUNT:
        return number_parse(value, INT64_MAX, &out->number);
    case ARGUMENT_SECONDS:
        return seconds_parse(value, &out->seconds);
    case ARGUMENT_BOOL:
        out->on = json_is_true(value);
        return json_is_boolean(value) ? 0 : -EINVAL;
    case ARGUMENT_NAME:
        out->string = string;
        return name_check(value);
    case ARGUMENT_TEXT:
        out->string = string;
        return text_check(value, 1, CONTROL_TEXT_MAX);
    case ARGUMENT_DATA:
        out->string = string;
        return text_check(value, 0, CONTROL_DATA_MAX);
    case ARGUMENT_FILE:
        out->string = string;
        return text_check(value, 0, CONTROL_FILE_MAX);
    case ARGUMENT_UUID:
        return string && strlen(string) == UUID_TEXT - 1
                   ? uuid_parse(string, strlen(string), &out->uuid)
                   : -EINVAL;
    case ARGUMENT_CHOICE:
        return choice_index(a, value, &out->number);
    case ARGUMENT_CHOICES:
        return choices_parse(a, value, &out->number);
    case ARGUMENT_IDS:
        return ids_parse(value, &out->ids);
    case ARGUMENT_TYPES:
        out->types = value;
        return types_check(value);
    }
    abort();
}

static void describe_choices(const struct argument *a, struct text *out)
{
    for (unsigned i = 0; a->choices[i]; i++)
        text_addf(out, "%s\"%s\"", i ? (a->choices[i + 1] ? ", " : " or ") : "", a->choices[i]);
}

void argument_describe(const struct argument *a, struct text *out)
{
    switch (a->type) {
    case ARGUMENT_ID:
        text_adds(out, "a number from 0 to 255");
        return;
    case ARGUMENT_COUNT:
        text_adds(out, "a number, 0 or more");
        return;
    case ARGUMENT_SECONDS:
        text_addf(out, "a number of seconds above 0, at most %.0f", CONTROL_SECONDS_MAX);
        return;
    case ARGUMENT_BOOL:
        text_adds(out, "true or false");
        return;
    case ARGUMENT_NAME:
        text_addf(out, "a string of 1 to %d bytes without control characters or slash",
                  CORE_GUEST_NAME - 1);
        return;
    case ARGUMENT_TEXT:
        text_addf(out, "a string of 1 to %d bytes", CONTROL_TEXT_MAX);
        return;
    case ARGUMENT_DATA:
        text_addf(out, "a string of at most %d bytes", CONTROL_DATA_MAX);
        return;
    case ARGUMENT_FILE:
        text_addf(out, "a string, the text of a machine file, at most %d bytes", CONTROL_FILE_MAX);
        return;
    case ARGUMENT_UUID:
        text_adds(out, "a UUID in its text form, 36 characters");
        return;
    case ARGUMENT_CHOICE:
        describe_choices(a, out);
        return;
    case ARGUMENT_CHOICES:
        text_adds(out, "an array of ");
        describe_choices(a, out);
        return;
    case ARGUMENT_IDS:
        text_adds(out, "an array of numbers from 0 to 255");
        return;
    case ARGUMENT_TYPES:
        text_adds(out, "an object that maps adapter numbers (\"5\" or \"0x5\", each once) to types "
                       "(\"CEX5C\")");
        return;
    }
}

static void report_bad(const struct argument *a, struct control_error *error)
{
    text_auto shape = {0};

    argument_describe(a, &shape);
    control_error_set(error, CONTROL_ARGUMENT, EINVAL, "argument '%s' must be %s", a->name,
                      shape.data);
}

static bool known(const struct argument *table, const char *name)
{
    for (; table->name; table++)
        if (strcmp(table->name, name) == 0)
            return true;
    return false;
}

static int check_names(const struct argument *table, const json_t *object,
                       struct control_error *error)
{
    const char *key;
    json_t *value;

    json_object_foreach ((json_t *)object, key, value) {
        if (!known(table, key)) {
            control_error_set(error, CONTROL_ARGUMENT, EINVAL,
                              "the command has no argument '%.64s'", key);
            return -EINVAL;
        }
    }
    return 0;
}

int arguments_parse(const struct argument *table, const json_t *object, struct argument_values *out,
                    struct control_error *error)
{
    struct argument_values values = {.table = table};

    if (check_names(table, object, error) < 0)
        return -EINVAL;
    for (unsigned i = 0; table[i].name; i++) {
        const json_t *value = json_object_get(object, table[i].name);

        if (i >= CONTROL_ARGUMENTS_MAX)
            abort();
        if (!value && table[i].optional)
            continue;
        if (!value) {
            control_error_set(error, CONTROL_ARGUMENT, EINVAL, "argument '%s' is missing",
                              table[i].name);
            return -EINVAL;
        }
        if (value_parse(&table[i], value, &values.v[i]) < 0) {
            report_bad(&table[i], error);
            return -EINVAL;
        }
        values.v[i].given = true;
    }
    *out = values;
    return 0;
}

const struct argument_value *argument_get(const struct argument_values *values, const char *name)
{
    for (unsigned i = 0; values->table[i].name; i++)
        if (strcmp(values->table[i].name, name) == 0)
            return &values->v[i];
    abort();
}

unsigned argument_types_id(const char *key)
{
    uint64_t id;

    if (number_parse_u64(key, strlen(key), 0, &id) < 0 || id >= AP_IDS)
        abort();
    return (unsigned)id;
}
