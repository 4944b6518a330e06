/* SPDX-License-Identifier: MIT */
/*
 * docs/control-protocol.md contains the table of commands: the part between its markers is the
 * output of this program with --print. docs/control-protocol.json is its output with --schema.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "control/command.h"
#include "control/event.h"
#include "control/result.h"
#include "control/schema_json.h"

#include "unit.h"

#define BEGIN "<!-- commands: begin -->\n"
#define END   "<!-- commands: end -->\n"

/* table: what the first column is called. */
static void add_members(const struct result *members, const char *table, struct text *out)
{
    text_addf(out, "| %s | value | meaning |\n|---|---|---|\n", table);
    for (const struct result *r = members; r->name; r++) {
        text_auto shape = {0};

        result_describe(r, &shape);
        text_addf(out, "| `%s`%s | %s | %s |\n", r->name,
                  r->flags & RESULT_OPTIONAL ? " (optional)" : "", shape.data, r->what);
    }
    text_adds(out, "\n");
}

static void add_arguments(const struct control_command *c, struct text *out)
{
    if (!c->arguments[0].name)
        return;
    text_adds(out, "| argument | value | meaning |\n|---|---|---|\n");
    for (const struct argument *a = c->arguments; a->name; a++) {
        text_auto shape = {0};

        argument_describe(a, &shape);
        text_addf(out, "| `%s`%s | %s | %s |\n", a->name, a->optional ? " (optional)" : "",
                  shape.data, a->what);
    }
    text_adds(out, "\n");
}

static void add_command(const struct control_command *c, struct text *out)
{
    text_addf(out, "### %s\n\n%s\n\n", c->name, c->what);
    add_arguments(c, out);
    if (c->returns)
        add_members(c->returns, "returns", out);
    else
        text_adds(out, "Returns nothing.\n\n");
}

static void add_event(const struct control_event_name *e, struct text *out)
{
    text_addf(out, "### event: %s\n\n%s\n\n", e->name, e->what);
    if (e->data)
        add_members(e->data, "data", out);
}

static void add_all(struct text *out)
{
    text_adds(out, "\n## Commands\n\n");
    for (unsigned group = 0; control_commands[group]; group++)
        for (const struct control_command *c = control_commands[group]; c->name; c++)
            add_command(c, out);
    text_adds(out, "## Objects\n\n");
    for (unsigned i = 0; result_objects[i]; i++) {
        text_addf(out, "### %s\n\n%s\n\n", result_objects[i]->name, result_objects[i]->what);
        add_members(result_objects[i]->members, "member", out);
    }
    text_adds(out, "## Events\n\n");
    for (const struct control_event_name *e = control_event_names; e->name; e++)
        add_event(e, out);
    text_adds(out, "## Classes of errors\n\n| class | meaning |\n|---|---|\n");
    for (const struct control_error_class *c = control_error_classes; c->name; c++)
        text_addf(out, "| `%s` | %s |\n", c->name, c->what);
    text_adds(out, "\n");
}

static void add_schema(struct text *out)
{
    json_t *schema = control_schema(control_commands);
    char *text = json_dumps(schema, JSON_INDENT(1));

    text_addf(out, "%s\n", text);
    free(text);
    json_decref(schema);
}

static char *read_document(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = calloc(1, 1 << 20);

    assert_non_null(file);
    assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
    fclose(file);
    return text;
}

static void test_document_follows_the_table(void **state)
{
    char *document = read_document(APUS_SOURCE "/docs/control-protocol.md");
    char *from = strstr(document, BEGIN), *to = strstr(document, END);
    text_auto wanted = {0};

    add_all(&wanted);
    assert_non_null(from);
    assert_non_null(to);
    *to = '\0';
    /* If this fails, put the output of `test_control_document --print` between the markers. */
    assert_string_equal(from + strlen(BEGIN), wanted.data);
    free(document);
}

static void test_schema_follows_the_table(void **state)
{
    char *schema = read_document(APUS_SOURCE "/docs/control-protocol.json");
    text_auto wanted = {0};

    add_schema(&wanted);
    /* If this fails, put the output of `test_control_document --schema` into the file. */
    assert_string_equal(schema, wanted.data);
    free(schema);
}

/* What a result refers to is among the objects that are described. */
static void check_members(const struct result *members)
{
    for (const struct result *r = members; r && r->name; r++) {
        unsigned i = 0;

        if (r->type != RESULT_OBJECT)
            continue;
        while (result_objects[i] && result_objects[i] != r->object)
            i++;
        assert_non_null(result_objects[i]);
    }
}

static void test_all_objects_are_described(void **state)
{
    for (unsigned group = 0; control_commands[group]; group++)
        for (const struct control_command *c = control_commands[group]; c->name; c++)
            check_members(c->returns);
    for (unsigned i = 0; result_objects[i]; i++)
        check_members(result_objects[i]->members);
}

/* subscribe offers every event name, and every bit has a name. */
static void test_events_have_one_list(void **state)
{
    unsigned i;

    for (i = 0; control_event_names[i].name; i++)
        assert_string_equal(control_event_names[i].name, control_event_choices[i]);
    assert_null(control_event_choices[i]);
    assert_int_equal(CONTROL_EVENT_STATE, 1u << (i - 1));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document_follows_the_table),
        cmocka_unit_test(test_schema_follows_the_table),
        cmocka_unit_test(test_all_objects_are_described),
        cmocka_unit_test(test_events_have_one_list),
    };
    text_auto out = {0};

    if (argc > 1 && (strcmp(argv[1], "--print") == 0 || strcmp(argv[1], "--schema") == 0)) {
        (argv[1][2] == 'p' ? add_all : add_schema)(&out);
        fputs(out.data, stdout);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
