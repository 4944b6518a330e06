/* SPDX-License-Identifier: MIT */
#include "control/schema_json.h"

#include <stdlib.h>

#include "control/event.h"
#include "control/json.h"
#include "control/message.h"
#include "control/result.h"

/* Takes ownership of items. */
static json_t *array_of(json_t *items)
{
    return json_pack("{s:s, s:o}", "type", "array", "items", items);
}

static json_t *one_of(const char *const *choices)
{
    json_t *words = json_array();

    for (unsigned i = 0; choices[i]; i++)
        control_json_append(words, json_string(choices[i]));
    return json_pack("{s:s, s:o}", "type", "string", "enum", words);
}

static json_t *plain(const char *type)
{
    return json_pack("{s:s}", "type", type);
}

static json_t *string_like(const char *keyword, const char *value)
{
    return json_pack("{s:s, s:s}", "type", "string", keyword, value);
}

static json_t *id(void)
{
    return json_pack("{s:s, s:i, s:i}", "type", "integer", "minimum", 0, "maximum", AP_IDS - 1);
}

static json_t *text_of(unsigned min, unsigned max)
{
    return json_pack("{s:s, s:i, s:i}", "type", "string", "minLength", (int)min, "maxLength",
                     (int)max);
}

static json_t *argument_type(const struct argument *a)
{
    switch (a->type) {
    case ARGUMENT_ID:
        return id();
    case ARGUMENT_COUNT:
        return json_pack("{s:s, s:i, s:I}", "type", "integer", "minimum", 0, "maximum",
                         (json_int_t)INT64_MAX);
    case ARGUMENT_SECONDS:
        return json_pack("{s:s, s:i, s:i}", "type", "number", "exclusiveMinimum", 0, "maximum",
                         (int)CONTROL_SECONDS_MAX);
    case ARGUMENT_BOOL:
        return plain("boolean");
    case ARGUMENT_NAME:
        return text_of(1, CORE_GUEST_NAME - 1);
    case ARGUMENT_TEXT:
        return text_of(1, CONTROL_TEXT_MAX);
    case ARGUMENT_DATA:
        return text_of(0, CONTROL_DATA_MAX);
    case ARGUMENT_FILE:
        return text_of(0, CONTROL_FILE_MAX);
    case ARGUMENT_UUID:
        return string_like("format", "uuid");
    case ARGUMENT_CHOICE:
        return one_of(a->choices);
    case ARGUMENT_CHOICES:
        return array_of(one_of(a->choices));
    case ARGUMENT_IDS:
        return array_of(id());
    case ARGUMENT_TYPES:
        return json_pack("{s:s, s:o}", "type", "object", "additionalProperties", plain("string"));
    }
    abort();
}

static json_t *result_value(const struct result *r)
{
    text_auto reference = {0};

    switch (r->type) {
    case RESULT_BOOL:
        return plain("boolean");
    case RESULT_INTEGER:
        return plain("integer");
    case RESULT_NUMBER:
        return plain("number");
    case RESULT_STRING:
        return plain("string");
    case RESULT_ID:
        return id();
    case RESULT_QUEUE:
        return string_like("pattern", "^[0-9a-f]{2}\\.[0-9a-f]{4}$");
    case RESULT_UUID:
        return string_like("format", "uuid");
    case RESULT_MASK:
        return string_like("pattern", "^0x[0-9a-f]{64}$");
    case RESULT_DATE:
        return string_like("format", "date-time");
    case RESULT_CHOICE:
        return one_of(r->choices);
    case RESULT_WORDS:
        return json_pack("{s:s, s:o}", "type", "object", "additionalProperties", plain("string"));
    case RESULT_SCHEMA:
        return plain("object");
    case RESULT_OBJECT:
        text_addf(&reference, "#/$defs/%s", r->object->name);
        return json_pack("{s:s}", "$ref", reference.data);
    }
    abort();
}

static json_t *result_type(const struct result *r)
{
    json_t *type = result_value(r);

    if (r->flags & RESULT_LIST)
        type = array_of(type);
    if (r->flags & RESULT_NULL)
        type = json_pack("{s:[o, o]}", "anyOf", type, plain("null"));
    return type;
}

/* An object with properties, and the names of those that must be there. Takes ownership. */
static json_t *object_of(json_t *properties, json_t *required)
{
    return json_pack("{s:s, s:o, s:o}", "type", "object", "properties", properties, "required",
                     required);
}

/* what: for people. Takes ownership of type. */
static void add_property(json_t *properties, const char *name, json_t *type, const char *what)
{
    control_json_set(type, "description", json_string(what));
    control_json_set(properties, name, type);
}

static json_t *arguments_schema(const struct argument *table)
{
    json_t *properties = json_object(), *required = json_array(), *schema;

    for (const struct argument *a = table; a->name; a++) {
        add_property(properties, a->name, argument_type(a), a->what);
        if (!a->optional)
            control_json_append(required, json_string(a->name));
    }
    schema = object_of(properties, required);
    control_json_set(schema, "additionalProperties", json_false());
    return schema;
}

static json_t *results_schema(const struct result *members)
{
    json_t *properties = json_object(), *required = json_array();

    for (const struct result *r = members; r && r->name; r++) {
        add_property(properties, r->name, result_type(r), r->what);
        if (!(r->flags & RESULT_OPTIONAL))
            control_json_append(required, json_string(r->name));
    }
    return object_of(properties, required);
}

static json_t *command_schemas(const struct control_command *const *commands)
{
    json_t *all = json_object();

    for (unsigned group = 0; commands[group]; group++)
        for (const struct control_command *c = commands[group]; c->name; c++)
            control_json_set(all, c->name,
                             json_pack("{s:s, s:o, s:o}", "description", c->what, "arguments",
                                       arguments_schema(c->arguments), "returns",
                                       results_schema(c->returns)));
    return all;
}

static json_t *event_schemas(void)
{
    json_t *all = json_object();

    for (const struct control_event_name *e = control_event_names; e->name; e++)
        control_json_set(all, e->name,
                         json_pack("{s:s, s:o}", "description", e->what, "data",
                                   e->words ? result_value(&(struct result){.type = RESULT_WORDS})
                                            : results_schema(e->data)));
    return all;
}

static json_t *error_schemas(void)
{
    json_t *all = json_object();

    for (const struct control_error_class *c = control_error_classes; c->name; c++)
        control_json_set(all, c->name, json_pack("{s:s}", "description", c->what));
    return all;
}

static json_t *object_schemas(void)
{
    json_t *all = json_object();

    for (unsigned i = 0; result_objects[i]; i++) {
        json_t *schema = results_schema(result_objects[i]->members);

        control_json_set(schema, "description", json_string(result_objects[i]->what));
        control_json_set(all, result_objects[i]->name, schema);
    }
    return all;
}

json_t *control_schema(const struct control_command *const *commands)
{
    return json_pack("{s:i, s:o, s:o, s:o, s:o}", "protocol", CONTROL_PROTOCOL, "commands",
                     command_schemas(commands), "events", event_schemas(), "errors",
                     error_schemas(), "$defs", object_schemas());
}
