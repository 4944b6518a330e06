/* SPDX-License-Identifier: MIT */
/*
 * docs/control-protocol.md contains the table of commands: the part between its markers is the
 * output of this program with --print.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "control/command.h"
#include "control/event.h"

#include "unit.h"

#define BEGIN "<!-- commands: begin -->\n"
#define END   "<!-- commands: end -->\n"

static void add_command(const struct control_command *c, struct text *out)
{
    text_addf(out, "### %s\n\n%s\n\n", c->name, c->what);
    if (c->arguments[0].name)
        text_adds(out, "| argument | value | meaning |\n|---|---|---|\n");
    for (const struct argument *a = c->arguments; a->name; a++) {
        text_auto shape = {0};

        argument_describe(a, &shape);
        text_addf(out, "| `%s`%s | %s | %s |\n", a->name, a->optional ? " (optional)" : "",
                  shape.data, a->what);
    }
    text_addf(out, "%sReturns: %s.\n\n", c->arguments[0].name ? "\n" : "", c->returns);
}

static void add_all(struct text *out)
{
    text_adds(out, "\n## Commands\n\n");
    for (unsigned group = 0; control_commands[group]; group++)
        for (const struct control_command *c = control_commands[group]; c->name; c++)
            add_command(c, out);
    text_adds(out, "## Events\n\n| event | meaning |\n|---|---|\n");
    for (const struct control_event_name *e = control_event_names; e->name; e++)
        text_addf(out, "| `%s` | %s |\n", e->name, e->what);
    text_adds(out, "\n");
}

static char *read_document(void)
{
    FILE *file = fopen(APUS_SOURCE "/docs/control-protocol.md", "r");
    char *text = calloc(1, 1 << 20);

    assert_non_null(file);
    assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
    fclose(file);
    return text;
}

static void test_document_follows_the_table(void **state)
{
    char *document = read_document(), *from = strstr(document, BEGIN), *to = strstr(document, END);
    text_auto wanted = {0};

    add_all(&wanted);
    assert_non_null(from);
    assert_non_null(to);
    *to = '\0';
    /* If this fails, put the output of `test_control_document --print` between the markers. */
    assert_string_equal(from + strlen(BEGIN), wanted.data);
    free(document);
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
        cmocka_unit_test(test_events_have_one_list),
    };
    text_auto out = {0};

    if (argc > 1 && strcmp(argv[1], "--print") == 0) {
        add_all(&out);
        fputs(out.data, stdout);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
