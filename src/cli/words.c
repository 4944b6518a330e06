/* SPDX-License-Identifier: MIT */
#include "cli/words.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/field.h"

static size_t count_queues(const json_t *guest)
{
    return json_array_size(json_object_get(guest, "adapters")) *
           json_array_size(json_object_get(guest, "domains"));
}

static const json_t *find(const json_t *guests, const char *name)
{
    const json_t *g;
    size_t i;

    json_array_foreach (guests, i, g) {
        if (strcmp(field_string(g, "name", ""), name) == 0)
            return g;
    }
    return NULL;
}

/* An object for each guest whose number of queues has changed. */
static json_t *changes(const json_t *before, const json_t *after)
{
    json_t *out = json_array();
    const json_t *g;
    size_t i;

    json_array_foreach (json_object_get(after, "guests"), i, g) {
        const char *name = field_string(g, "name", "");
        const json_t *old = find(json_object_get(before, "guests"), name);
        long long difference = (long long)count_queues(g) - (long long)count_queues(old);

        if (old && difference)
            json_array_append_new(
                out, json_pack("{s:s, s:I}", "name", name, "queues", (json_int_t)difference));
    }
    return out;
}

static void print_changes(const char *text, const json_t *guests)
{
    const json_t *g;
    size_t i;

    fputs(text, stdout);
    json_array_foreach (guests, i, g) {
        long long difference = field_number(g, "queues");
        long long count = difference < 0 ? -difference : difference;

        printf("; %s %s %lld queue%s", field_string(g, "name", "-"),
               difference < 0 ? "loses" : "gains", count, count == 1 ? "" : "s");
    }
    putchar('\n');
}

const json_t *words_find_adapter(const json_t *view, unsigned id)
{
    const json_t *a;
    size_t i;

    json_array_foreach (json_object_get(view, "adapters"), i, a)
        if (field_number(a, "id") == (long long)id)
            return a;
    return NULL;
}

void words_adapter(const json_t *view, unsigned id, bool on, struct text *out)
{
    const json_t *adapter = words_find_adapter(view, id);

    text_addf(out, "adapter %u (0x%02x) is ", id, id);
    if (json_is_true(json_object_get(adapter, "checkstop")))
        text_addf(out, "configured %s; it is check-stopped ('apus checkstop %u off' repairs it)",
                  on ? "on" : "off", id);
    else
        text_adds(out, on ? "online" : "in standby");
}

int words_before(json_t **out)
{
    return ask("guest-list", NULL, out);
}

int words_after(const json_t *before, json_t *done, const char *text)
{
    json_t *after = NULL, *guests;
    int status = ask("guest-list", NULL, &after);

    if (status)
        return status;
    guests = changes(before, after);
    if (cli_json()) {
        json_object_set_new(done, "changed", json_string(text));
        json_object_set(done, "guests", guests);
        ask_print(done);
    } else {
        print_changes(text, guests);
    }
    json_decref(guests);
    json_decref(after);
    return 0;
}

int words_ask(const char *command, json_t *arguments, const char *text)
{
    json_t *before = NULL, *done = NULL;
    int status = words_before(&before);

    if (status == 0)
        status = ask(command, arguments, &done);
    else
        json_decref(arguments);
    if (status == 0)
        status = words_after(before, done, text);
    json_decref(before);
    json_decref(done);
    return status;
}
