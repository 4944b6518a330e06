/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "store/record_json.h"

/*
 * Prints recorded lines in words. Commands were parsed before. Of an outcome only the result was:
 * what is missing in its effects, or of another type, is omitted.
 */

static const char *string(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));

    return s ? s : "";
}

static long long number(const json_t *o, const char *name)
{
    return json_integer_value(json_object_get(o, name));
}

static void print_number(long long n, const char *how, FILE *out)
{
    if (*how == 'g' && n) /* a tree */
        fprintf(out, "guest %lld: ", n - 1);
    else if (*how == 'x')
        fprintf(out, "0x%0*llx", atoi(how + 1), (unsigned long long)n);
    else if (*how == 't')
        fprintf(out, "%.6f", (double)n / 1e9);
    else if (*how == 'o')
        fprintf(out, "%0*llo", atoi(how + 1), (unsigned long long)n);
    else if (*how != 'g')
        fprintf(out, "%lld", n);
}

static void print_string(const json_t *value, const char *how, FILE *out)
{
    text_auto quoted = {0};

    if (*how != 'q') {
        fputs(json_string_value(value), out);
        return;
    }
    text_add_quoted(&quoted, json_string_value(value), json_string_length(value));
    fputs(quoted.data, out);
}

/* how: the part after the colon. f is NULL in an effect. */
static void print_value(const json_t *value, const struct field *f, const char *how, FILE *out)
{
    const json_t *one;
    size_t i;

    if (json_is_integer(value) || *how == 'd')
        print_number(json_integer_value(value), how, out);
    else if (json_is_boolean(value) && f)
        fputs(f->words[json_is_true(value)], out);
    else if (json_is_string(value))
        print_string(value, how, out);
    else if (json_is_object(value))
        fprintf(out, "%zu bytes", strlen(string(value, "hex")) / 2);
    else if (json_is_null(value) && f && f->type == FIELD_NODE)
        fputs("(removed)", out);
    json_array_foreach (value, i, one) {
        putc(' ', out);
        print_value(one, f, how, out);
    }
}

/* words are as in struct command_row. */
static void print_words(const char *words, const struct field *fields, const json_t *o, FILE *out)
{
    char name[24] = "", *how;

    while (*words) {
        size_t plain = strcspn(words, "{"), len;

        fwrite(words, 1, plain, out);
        words += plain;
        if (!*words)
            return;
        len = strcspn(++words, "}");
        if (len >= sizeof name || !words[len])
            abort();
        memcpy(name, words, len);
        name[len] = '\0';
        words += len + 1;
        how = name + strcspn(name, ":");
        if (*how)
            *how++ = '\0';
        print_value(json_object_get(o, name), field_find(fields, name), how, out);
    }
}

void record_print_command(const struct record_entry *e, FILE *out)
{
    const struct command_row *row = &command_rows[e->cmd.kind];

    fprintf(out, "[%14.6f] ", (double)e->cmd.now / 1e9);
    print_words(row->words, row->fields, e->memory->line, out);
    fputs(e->keyless ? ", recorded without its private key\n" : "\n", out);
}

static void print_effect(const json_t *e, FILE *out)
{
    static const char *const kinds[][2] = {
        {"uevent", "{env:q}"},
        {"log", " {level}: {text}"},
        {"gone", " /sys/{node}/{text}"},
        {"owner", " /sys/{node}"},
        {"apcb", " guest {id}: {adapters},{domains},{control_domains}"},
        {"timer", " {id} at {value:t}"},
    };
    static const struct field none[] = {{0}};
    const char *kind = string(e, "effect"), *words = " id {id:d}, node {node:d}, value {value:d}";

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i][0], kind) == 0)
            words = kinds[i][1];
    fprintf(out, "    %s", kind);
    if (number(e, "tree") > 0)
        fprintf(out, " (guest %lld)", number(e, "tree") - 1);
    print_words(words, none, e, out);
    putc('\n', out);
}

void record_print_outcome(const struct record_entry *e, FILE *out)
{
    const json_t *o = e->memory->line, *effect;
    long long result = number(o, "result");
    size_t i;

    fprintf(out, "    -> %s", result ? strerror((int)-result) : "done");
    if (number(o, "value"))
        fprintf(out, ", value 0x%llx", (unsigned long long)number(o, "value"));
    if (*string(o, "why"))
        fprintf(out, ": %s", string(o, "why"));
    putc('\n', out);
    json_array_foreach (json_object_get(o, "effects"), i, effect)
        print_effect(effect, out);
}
