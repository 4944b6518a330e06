/* SPDX-License-Identifier: MIT */
#include "cli/field.h"

void field_ids(const json_t *ids, int digits, struct text *out)
{
    size_t count = json_array_size(ids), last;

    if (!count)
        text_adds(out, "-");
    for (size_t i = 0; i < count; i = last + 1) {
        int first = (int)json_integer_value(json_array_get(ids, i)), end = first;

        for (last = i; last + 1 < count; last++, end++)
            if (json_integer_value(json_array_get(ids, last + 1)) != end + 1)
                break;
        text_addf(out, "%s%0*x", i ? "," : "", digits, first);
        if (end > first)
            text_addf(out, "-%0*x", digits, end);
    }
}

const char *field_string(const json_t *object, const char *name, const char *fallback)
{
    const char *string = json_string_value(json_object_get(object, name));

    return string && *string ? string : fallback;
}

long long field_number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}
