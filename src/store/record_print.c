/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "store/record_json.h"

/* Recorded lines in words. They have been parsed before, so what is missing is only left out. */

static const char *string(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));

    return s ? s : "";
}

static long long number(const json_t *o, const char *name)
{
    return json_integer_value(json_object_get(o, name));
}

static bool flag(const json_t *o, const char *name)
{
    return json_is_true(json_object_get(o, name));
}

/* Bytes as a person would write them. */
static void print_bytes(const json_t *value, FILE *out)
{
    text_auto quoted = {0};

    if (json_is_string(value))
        text_add_quoted(&quoted, json_string_value(value), json_string_length(value));
    else
        text_addf(&quoted, "%zu bytes", strlen(string(value, "hex")) / 2);
    fputs(quoted.data, out);
}

static void print_store(const json_t *o, FILE *out)
{
    if (number(o, "tree"))
        fprintf(out, "guest %lld: ", number(o, "tree") - 1);
    print_bytes(json_object_get(o, "data"), out);
    fprintf(out, " > /sys/%s", *string(o, "path") ? string(o, "path") : "(what had vanished)");
}

static void print_what(const json_t *o, FILE *out)
{
    const char *kind = string(o, "command");

    if (strcmp(kind, "store") == 0)
        print_store(o, out);
    else if (strcmp(kind, "se-adapter") == 0 || strcmp(kind, "checkstop") == 0)
        fprintf(out, "%s 0x%02llx %s", kind, number(o, "adapter"), flag(o, "on") ? "on" : "off");
    else if (strcmp(kind, "se-lpar") == 0)
        fprintf(out, "se-lpar %s %s 0x%02llx%s", flag(o, "add") ? "add" : "remove",
                string(o, "what"), number(o, "id"), flag(o, "force") ? " --force" : "");
    else if (strcmp(kind, "sclp") == 0)
        fprintf(out, "sclp 0x%08llx", number(o, "word"));
    else if (strcmp(kind, "guest-look") == 0)
        fprintf(out, "guest-look %lld", number(o, "guest"));
    else if (strncmp(kind, "guest-", 6) == 0)
        fprintf(out, "%s %s %s", kind, string(o, "guest"), string(o, "mdev"));
    else if (strcmp(kind, "fault-add") == 0) {
        fputs("fault-add ", out);
        print_bytes(json_object_get(o, "rule"), out);
    } else if (strcmp(kind, "fault-remove") == 0)
        fprintf(out, "fault-remove %lld", number(o, "number"));
    else if (strcmp(kind, "timer") == 0)
        fprintf(out, "timer %lld", number(o, "id"));
    else if (strcmp(kind, "cancel") == 0)
        fprintf(out, "cancel %lld", number(o, "token"));
    else if (strcmp(kind, "instruction") == 0)
        fprintf(out, "instruction %04llx of %lld, gr0 %s", number(o, "opcode"), number(o, "guest"),
                json_string_value(json_array_get(json_object_get(o, "gr"), 0)));
    else if (strcmp(kind, "zcrypt") == 0)
        fprintf(out, "request (%s) through node %lld", string(o, "kind"), number(o, "node"));
    else if (strcmp(kind, "job-done") == 0)
        fprintf(out, "job 0x%llx done", (unsigned long long)number(o, "id"));
    else
        fputs(kind, out);
}

void record_print_command(const char *line, size_t len, FILE *out)
{
    json_t *o = json_loadb(line, len, JSON_ALLOW_NUL, NULL);

    fprintf(out, "[%14.6f] ", (double)number(o, "time") / 1e9);
    print_what(o, out);
    putc('\n', out);
    json_decref(o);
}

static void print_env(const json_t *env, FILE *out)
{
    const json_t *pair;
    size_t i;

    json_array_foreach(env, i, pair)
    {
        putc(' ', out);
        print_bytes(pair, out);
    }
}

static void print_effect(const json_t *e, FILE *out)
{
    const char *kind = string(e, "effect");

    fprintf(out, "    %s", kind);
    if (number(e, "tree"))
        fprintf(out, " (guest %lld)", number(e, "tree") - 1);
    if (strcmp(kind, "uevent") == 0)
        print_env(json_object_get(e, "env"), out);
    else if (strcmp(kind, "log") == 0)
        fprintf(out, " %s: %s", string(e, "level"), string(e, "text"));
    else if (strcmp(kind, "gone") == 0)
        fprintf(out, " /sys/%s/%s", string(e, "node"), string(e, "text"));
    else if (strcmp(kind, "apcb") == 0)
        fprintf(out, " guest %lld: %s,%s,%s", number(e, "id"), string(e, "adapters"),
                string(e, "domains"), string(e, "control_domains"));
    else if (strcmp(kind, "timer") == 0)
        fprintf(out, " %lld at %.6f", number(e, "id"), (double)number(e, "value") / 1e9);
    else
        fprintf(out, " id %lld, node %lld, value %lld", number(e, "id"), number(e, "node"),
                number(e, "value"));
    putc('\n', out);
}

void record_print_outcome(const char *line, size_t len, FILE *out)
{
    json_t *o = json_loadb(line, len, JSON_ALLOW_NUL, NULL);
    long long result = number(o, "result");
    const json_t *effect;
    size_t i;

    fprintf(out, "    -> %s", result ? strerror((int)-result) : "done");
    if (number(o, "value"))
        fprintf(out, ", value 0x%llx", (unsigned long long)number(o, "value"));
    if (*string(o, "why"))
        fprintf(out, ": %s", string(o, "why"));
    putc('\n', out);
    json_array_foreach(json_object_get(o, "effects"), i, effect) print_effect(effect, out);
    json_decref(o);
}
