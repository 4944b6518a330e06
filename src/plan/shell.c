/* SPDX-License-Identifier: MIT */
/* Words for a shell. Names and sentences come from outside. */
#include <string.h>

#include "plan/internal.h"

void plan_quote(const char *text, struct text *out)
{
    text_adds(out, "'");
    for (; *text; text++) {
        if (*text == '\'')
            text_adds(out, "'\\''");
        else if ((unsigned char)*text >= ' ')
            text_add(out, text, 1);
    }
    text_adds(out, "'");
}

void plan_word(const char *text, struct text *out)
{
    static const char safe[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_,.+-=";

    if (*text && !text[strspn(text, safe)]) {
        text_adds(out, text);
        return;
    }
    text_adds(out, "$'");
    for (; *text; text++)
        text_addf(out, strchr(safe, *text) ? "%c" : "\\%03o", (unsigned char)*text);
    text_adds(out, "'");
}
