/* SPDX-License-Identifier: MIT */
/* apus call: any command of the control protocol. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/apqn.h"
#include "base/error.h"
#include "base/number.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/connection.h"
#include "cli/field.h"
#include "cli/value.h"
#include "control/json.h"

static const char *schema_word(const json_t *schema, const char *name)
{
    return field_string(schema, name, "");
}

static int refuse(const char *name, const json_t *schema, const char *value)
{
    return cli_usage("the argument %s is '%s', not '%s': %s", name, schema_word(schema, "type"),
                     value, schema_word(schema, "description"));
}

/* What is in a file, for @FILE. */
static json_t *read_file(const char *path)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    text_auto data = {0};
    char bytes[4096];
    int err;

    if (!f) {
        cli_error(errno, "cannot read %s: %s", path, error_text(errno));
        return NULL;
    }
    for (size_t n; (n = fread(bytes, 1, sizeof(bytes), f));)
        text_add(&data, bytes, n);
    err = ferror(f) ? errno : 0;
    if (f != stdin)
        fclose(f);
    if (err)
        cli_error(err, "cannot read %s: %s", path, error_text(err));
    return err ? NULL : control_json_string(data.data ? data.data : "");
}

/* Adapters and domains may be typed as tables show them. */
static int parse_integer(const char *name, const json_t *schema, const char *value, json_t **out)
{
    bool is_id = field_number(schema, "maximum") == AP_IDS - 1;
    uint64_t number;
    unsigned id;

    if (is_id && value_id(value, name, &id))
        return 2;
    if (is_id)
        number = id;
    else if (number_parse_u64(value, strlen(value), 0, &number) < 0 || number > INT64_MAX)
        return refuse(name, schema, value);
    *out = json_integer((json_int_t)number);
    return 0;
}

static int parse_number(const char *name, const json_t *schema, const char *value, json_t **out)
{
    char *end;
    double number = strtod(value, &end);

    if (end == value || *end || !(*out = json_real(number)))
        return refuse(name, schema, value);
    return 0;
}

static int parse_bool(const char *name, const json_t *schema, const char *value, json_t **out)
{
    if (strcmp(value, "true") && strcmp(value, "false"))
        return refuse(name, schema, value);
    *out = json_boolean(*value == 't');
    return 0;
}

/* "4-6,0a", or words. */
static int parse_array(const char *name, const json_t *schema, const char *value, json_t **out)
{
    const json_t *items = json_object_get(schema, "items");
    struct mask256 ids = {{0}};

    if (strcmp(schema_word(items, "type"), "integer") == 0) {
        if (*value && value_ids(value, name, &ids))
            return 2;
        *out = control_json_ids(&ids);
        return 0;
    }
    *out = json_array();
    for (size_t len; *value; value += len + (value[len] == ',')) {
        len = strcspn(value, ",");
        control_json_append(*out, json_stringn(value, len));
    }
    return 0;
}

static int parse_value(const char *name, const json_t *schema, const char *value, json_t **out)
{
    static const struct {
        const char *type;
        int (*parse)(const char *name, const json_t *schema, const char *value, json_t **out);
    } types[] = {{"integer", parse_integer},
                 {"number", parse_number},
                 {"boolean", parse_bool},
                 {"array", parse_array}};

    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (strcmp(schema_word(schema, "type"), types[i].type) == 0)
            return types[i].parse(name, schema, value, out);
    if (strcmp(schema_word(schema, "type"), "string"))
        return cli_usage("the argument %s is an %s: %s:=JSON", name, schema_word(schema, "type"),
                         name);
    *out = *value == '@' ? read_file(value + 1) : control_json_string(value);
    return *out ? 0 : 1;
}

/* KEY=VALUE, or KEY:=JSON. properties: the schemas of the arguments, by name. */
static int add_argument(const json_t *properties, char *word, json_t *arguments)
{
    char *equals = strchr(word, '='), *value;
    json_t *schema, *parsed = NULL;
    bool is_json;
    int status = 0;

    if (!equals || equals == word)
        return cli_usage("expected KEY=VALUE or KEY:=JSON, not '%s'", word);
    value = equals + 1;
    is_json = equals[-1] == ':';
    equals[is_json ? -1 : 0] = '\0';
    schema = json_object_get(properties, word);
    if (!schema)
        return cli_usage("the command has no argument '%s'", word);
    if (json_object_get(arguments, word))
        return cli_usage("the argument %s is given twice", word);
    if (is_json && !(parsed = json_loads(value, JSON_DECODE_ANY, NULL)))
        return cli_usage("the argument %s is not JSON: '%s'", word, value);
    if (!is_json)
        status = parse_value(word, schema, value, &parsed);
    if (status == 0)
        control_json_set(arguments, word, parsed);
    return status;
}

static int call(struct connection *c, const json_t *schema, char **argv)
{
    const json_t *command = json_object_get(json_object_get(schema, "commands"), *argv),
                 *properties;
    json_t *arguments, *answer = NULL;
    int status = 0;

    if (!command)
        return cli_usage("there is no command '%s'; 'apus call' lists them", *argv);
    properties = json_object_get(json_object_get(command, "arguments"), "properties");
    arguments = json_object();
    for (char **word = argv + 1; status == 0 && *word; word++)
        status = add_argument(properties, *word, arguments);
    if (status == 0 && !(answer = connection_call(c, *argv, json_incref(arguments), -1)))
        status = 1;
    if (answer)
        ask_print(answer);
    json_decref(arguments);
    json_decref(answer);
    return status;
}

/* Each command with its arguments, [those that may be left out]. */
static int list(const json_t *schema)
{
    const json_t *command, *argument;
    const char *name, *key;

    if (cli_json()) {
        ask_print(schema);
        return 0;
    }
    json_object_foreach (json_object_get(schema, "commands"), name, command) {
        const json_t *arguments = json_object_get(command, "arguments");
        const json_t *required = json_object_get(arguments, "required"), *one;
        const char *text = schema_word(command, "description"), *stop = strstr(text, ". ");

        printf("%s%s%s", value_bold(), name, value_plain());
        json_object_foreach (json_object_get(arguments, "properties"), key, argument) {
            bool needed = false;
            size_t i;

            json_array_foreach (required, i, one)
                needed |= strcmp(json_string_value(one), key) == 0;
            printf(needed ? " %s=" : " [%s=]", key);
        }
        printf("\n    %.*s\n", stop ? (int)(stop + 1 - text) : (int)strlen(text), text);
    }
    return 0;
}

static int call_run(int argc, char **argv)
{
    connection_auto *c = NULL;
    const char *path;
    json_t *schema;
    int status;

    cli_skip_options(argc, argv);
    path = cli_socket();
    if (!path || connection_open(path, &c) < 0)
        return 1;
    schema = connection_call(c, "commands", NULL, -1);
    if (!schema)
        return 1;
    status = optind < argc ? call(c, schema, argv + optind) : list(schema);
    json_decref(schema);
    return status;
}

const struct cli_command cmd_call = {
    .name = "call",
    .args = "[COMMAND [KEY=VALUE...]]",
    .summary = "execute a command of the control protocol",
    .run = call_run,
    .flags = CLI_SOCKET | CLI_JSON,
    .group = CLI_OTHER,
    .words = "@calls/",
    .help =
        "Executes any command of docs/control-protocol.md, and prints what it returns as one line\n"
        "of JSON. Without COMMAND, lists the commands with their arguments, or with --json prints\n"
        "the schema of the protocol.\n"
        "\n"
        "A VALUE is written as the argument's type wants it: numbers as everywhere in apus, lists\n"
        "with commas (4-6,0a), true or false, and text as it is. @FILE is the text of a file, @-\n"
        "of standard input. KEY:=JSON gives any argument as JSON.\n"
        "\n"
        "Examples:\n"
        "  apus call read path=/sys/bus/ap/apmask\n"
        "  apus call write path=bus/ap/apmask value=-5\n"
        "  apus call plan machine=@wanted.ini format=sh\n"
        "  apus call machine-set 'adapters:={\"5\": \"CEX7A\"}' domains=4,0x47\n"};
