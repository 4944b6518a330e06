/* SPDX-License-Identifier: MIT */
#include "core/fields.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/mask256.h"
#include "base/number.h"
#include "base/uuid.h"
#include "message/bytes.h"

const struct field *field_find(const struct field *fields, const char *name)
{
    for (; fields->name; fields++)
        if (strcmp(fields->name, name) == 0)
            return fields;
    return NULL;
}

uint64_t field_get(const struct field *f, const void *base)
{
    const void *at = (const char *)base + f->at;

    if (f->type == FIELD_AGENT)
        return be16_get(at);
    switch (f->size) {
    case 1:
        return *(const uint8_t *)at;
    case 2:
        return *(const uint16_t *)at;
    case 4:
        return *(const uint32_t *)at;
    case 8:
        return *(const uint64_t *)at;
    }
    abort();
}

void field_set(const struct field *f, void *base, uint64_t value)
{
    void *at = (char *)base + f->at;

    if (f->type == FIELD_AGENT)
        be16_put(at, (uint16_t)value);
    else if (f->size == 1)
        *(uint8_t *)at = (uint8_t)value;
    else if (f->size == 2)
        *(uint16_t *)at = (uint16_t)value;
    else if (f->size == 4)
        *(uint32_t *)at = (uint32_t)value;
    else if (f->size == 8)
        *(uint64_t *)at = value;
    else
        abort();
}

bool field_is_zero(const struct field *f, const void *base)
{
    if (f->type == FIELD_LIST)
        return mask256_empty((const struct mask256 *)((const char *)base + f->at));
    return field_get(f, base) == 0;
}

uint64_t field_max(const struct field *f)
{
    if (f->type == FIELD_BOOL)
        return 1;
    return f->max ? f->max : UINT64_MAX >> (64 - 8 * f->size);
}

void field_set_bytes(const struct field *f, void *base, const void *data, size_t len)
{
    *(const void **)((char *)base + f->at) = data;
    *(size_t *)((char *)base + f->more) = len;
}

bool field_format(const struct field *f, const void *base, struct text *out)
{
    const void *at = (const char *)base + f->at;
    char text[MASK256_TEXT > UUID_TEXT ? MASK256_TEXT : UUID_TEXT];

    switch (f->type) {
    case FIELD_WORD:
        text_adds(out, f->words[field_get(f, base)]);
        return true;
    case FIELD_TEXT:
        text_adds(out, *(const char *const *)at);
        return true;
    case FIELD_UUID:
        uuid_format(at, text);
        text_adds(out, text);
        return ((const bool *)base)[f->more];
    case FIELD_MASK:
        mask256_format(at, text);
        text_adds(out, text);
        return true;
    case FIELD_LIST:
        text_adds(out, "");
        ap_list_format(at, out);
        return true;
    case FIELD_PATTERN:
        text_addf(out, "0x%" PRIx64, *(const uint64_t *)at);
        return true;
    default:
        abort();
    }
}

static const char *word_parse(const struct field *f, void *base, const char *text)
{
    for (unsigned i = 0; f->words[i]; i++)
        if (strcmp(f->words[i], text) == 0) {
            field_set(f, base, i);
            return NULL;
        }
    return "is not one of the allowed words";
}

const char *field_parse(const struct field *f, void *base, const char *text)
{
    void *at = (char *)base + f->at;
    size_t len = strlen(text);

    switch (f->type) {
    case FIELD_BOOL:
    case FIELD_WORD:
        return word_parse(f, base, text);
    case FIELD_TEXT:
        *(const char **)at = text;
        return NULL;
    case FIELD_UUID:
        ((bool *)base)[f->more] = true;
        return len == UUID_TEXT - 1 && uuid_parse(text, len, at) == 0 ? NULL : "is not a UUID";
    case FIELD_MASK:
        return mask256_parse_absolute(text, len, at) == 0 ? NULL : "is not a mask";
    case FIELD_LIST:
        *(struct mask256 *)at = (struct mask256){0};
        return !len || ap_list_parse(text, len, at, NULL) == 0 ? NULL : "is not a list";
    case FIELD_PATTERN:
        return strncmp(text, "0x", 2) == 0 && number_parse_u64(text, len, 0, at) == 0
                   ? NULL
                   : "must contain strings such as \"0x1f\"";
    default:
        abort();
    }
}
