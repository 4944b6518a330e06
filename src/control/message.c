/* SPDX-License-Identifier: MIT */
#include "control/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/json.h"

/* Reals below this hold every integer exactly. */
#define EXACT 9007199254740992.0

/*
 * jansson recurses once per level. A bound of our own, checked before it sees the text, keeps its
 * stack use small whatever its build allows.
 */
static int check_depth(const char *line, size_t len)
{
    unsigned depth = 0;
    bool string = false;

    for (size_t i = 0; i < len; i++) {
        if (string && line[i] == '\\')
            i++;
        else if (line[i] == '"')
            string = !string;
        else if (!string && (line[i] == '[' || line[i] == '{') && ++depth > CONTROL_DEPTH_MAX)
            return -EINVAL;
        else if (!string && (line[i] == ']' || line[i] == '}') && depth)
            depth--;
    }
    return 0;
}

/*
 * An integer beyond 64 bits is a wrong argument and no reason not to understand the rest. Reading
 * integers as reals changes the id, too, and that has to come back as it was sent.
 */
static json_t *load_large_numbers(const char *line, size_t len, json_error_t *where)
{
    json_t *root = json_loadb(line, len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, where);
    const json_t *id = json_object_get(root, "id");
    double number = json_real_value(id);

    if (json_is_real(id) && number > -EXACT && number < EXACT &&
        number == (double)(json_int_t)number)
        control_json_set(root, "id", json_integer((json_int_t)number));
    return root;
}

static json_t *load(const char *line, size_t len, struct control_error *error)
{
    json_error_t where;
    json_t *root;

    if (check_depth(line, len) < 0) {
        control_error_set(error, CONTROL_SYNTAX, EINVAL,
                          "arrays and objects are nested more than %d deep", CONTROL_DEPTH_MAX);
        return NULL;
    }
    root = json_loadb(line, len, JSON_REJECT_DUPLICATES, &where);
    if (!root && json_error_code(&where) == json_error_numeric_overflow)
        root = load_large_numbers(line, len, &where);
    if (!root) {
        control_error_set(error, CONTROL_SYNTAX, EINVAL, "the line is not JSON: %s at column %d",
                          where.text, where.column);
        return NULL;
    }
    if (!json_is_object(root)) {
        json_decref(root);
        control_error_set(error, CONTROL_SYNTAX, EINVAL,
                          "a request is an object such as {\"execute\": \"status\"}");
        return NULL;
    }
    return root;
}

static int check_members(const json_t *root, struct control_error *error)
{
    const json_t *arguments = json_object_get(root, "arguments");
    const char *key;
    json_t *value;

    json_object_foreach ((json_t *)root, key, value) {
        if (strcmp(key, "execute") && strcmp(key, "arguments") && strcmp(key, "id")) {
            control_error_set(error, CONTROL_SYNTAX, EINVAL,
                              "a request has no member '%.64s', only execute, arguments and id",
                              key);
            return -EINVAL;
        }
    }
    if (!json_is_string(json_object_get(root, "execute"))) {
        control_error_set(error, CONTROL_SYNTAX, EINVAL,
                          "a request names its command as a string in 'execute'");
        return -EINVAL;
    }
    if (arguments && !json_is_object(arguments)) {
        control_error_set(error, CONTROL_SYNTAX, EINVAL, "'arguments' must be an object");
        return -EINVAL;
    }
    return 0;
}

int control_request_parse(const char *line, size_t len, struct control_request *out,
                          struct control_error *error)
{
    const char *name;

    *out = (struct control_request){0};
    out->root = load(line, len, error);
    if (!out->root)
        return -EINVAL;
    out->id = json_object_get(out->root, "id");
    if (check_members(out->root, error) < 0)
        return -EINVAL;
    name = json_string_value(json_object_get(out->root, "execute"));
    out->command = control_command_find(name);
    if (!out->command) {
        control_error_set(error, CONTROL_UNKNOWN, EOPNOTSUPP,
                          "there is no command '%.64s'; 'commands' lists them", name);
        return -EINVAL;
    }
    return arguments_parse(out->command->arguments, json_object_get(out->root, "arguments"),
                           &out->arguments, error);
}

void control_request_done(struct control_request *r)
{
    json_decref(r->root);
    *r = (struct control_request){0};
}
