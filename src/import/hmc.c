/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <yaml.h>

#include "base/number.h"
#include "import/read.h"

/*
 * zhmcclient's dump of an HMC. The YAML is made into a tree of jansson's, as JSON would give it. An
 * alias is one more reference to what is there already, so that it costs nothing; nothing can refer
 * to what contains it.
 */
#define DEPTH_MAX 64u

struct reading {
    yaml_parser_t parser;
    json_t *anchors;
    struct text *why;
};

static json_t *refuse(struct reading *r, const char *what)
{
    if (!r->why->len)
        text_addf(r->why, "not valid YAML in line %zu: %s", r->parser.mark.line + 1, what);
    return NULL;
}

static json_t *scalar(const yaml_event_t *e)
{
    const char *text = (const char *)e->data.scalar.value;
    size_t len = e->data.scalar.length;
    json_t *value;
    int number;

    if (e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
        number_parse_int(text, len, 10, &number) == 0 && text[len - 1] != '\n')
        return json_integer(number);
    value = json_stringn(text, len);
    return value ? value : json_null();
}

static json_t *node(struct reading *r, yaml_event_t *e, unsigned depth);

/* The next event, which is freed by the caller. False: there is none. */
static bool event_take(struct reading *r, yaml_event_t *e)
{
    if (yaml_parser_parse(&r->parser, e))
        return true;
    refuse(r, r->parser.problem ? r->parser.problem : "unexpected end");
    return false;
}

static json_t *next_node(struct reading *r, yaml_event_type_t end, bool *ended, unsigned depth)
{
    yaml_event_t e;
    json_t *value = NULL;

    *ended = false;
    if (!event_take(r, &e))
        return NULL;
    if (e.type == end)
        *ended = true;
    else
        value = node(r, &e, depth);
    yaml_event_delete(&e);
    return value;
}

static json_t *sequence(struct reading *r, unsigned depth)
{
    json_t *list = json_array(), *value;
    bool ended;

    while ((value = next_node(r, YAML_SEQUENCE_END_EVENT, &ended, depth)))
        json_array_append_new(list, value);
    if (ended)
        return list;
    json_decref(list);
    return NULL;
}

/* A key that is no text is left out with its value. */
static json_t *mapping(struct reading *r, unsigned depth)
{
    json_t *object = json_object(), *key, *value;
    bool ended;

    while ((key = next_node(r, YAML_MAPPING_END_EVENT, &ended, depth))) {
        value = next_node(r, YAML_NO_EVENT, &ended, depth);
        if (value && json_is_string(key))
            json_object_set(object, json_string_value(key), value);
        json_decref(key);
        json_decref(value);
        if (!value)
            break;
    }
    if (ended)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *anchored(struct reading *r, const yaml_char_t *anchor, json_t *value)
{
    if (value && anchor)
        json_object_set(r->anchors, (const char *)anchor, value);
    return value;
}

static json_t *node(struct reading *r, yaml_event_t *e, unsigned depth)
{
    json_t *found;

    if (depth == DEPTH_MAX)
        return refuse(r, "it is nested too deeply");
    switch (e->type) {
    case YAML_SCALAR_EVENT:
        return anchored(r, e->data.scalar.anchor, scalar(e));
    case YAML_SEQUENCE_START_EVENT:
        return anchored(r, e->data.sequence_start.anchor, sequence(r, depth + 1));
    case YAML_MAPPING_START_EVENT:
        return anchored(r, e->data.mapping_start.anchor, mapping(r, depth + 1));
    case YAML_ALIAS_EVENT:
        found = json_object_get(r->anchors, (const char *)e->data.alias.anchor);
        return found ? json_incref(found) : refuse(r, "an alias without an anchor");
    default:
        return refuse(r, "unexpected end");
    }
}

/* The first document. */
static json_t *document(struct reading *r)
{
    json_t *root = NULL;
    yaml_event_t e;
    bool more = true, ended;

    while (more && event_take(r, &e)) {
        more = e.type == YAML_STREAM_START_EVENT;
        if (e.type == YAML_DOCUMENT_START_EVENT)
            root = next_node(r, YAML_DOCUMENT_END_EVENT, &ended, 0);
        yaml_event_delete(&e);
    }
    return root;
}

static json_t *yaml_load(struct slice data, struct text *why)
{
    struct reading r = {.anchors = json_object(), .why = why};
    json_t *root;

    yaml_parser_initialize(&r.parser);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)data.at, data.len);
    root = document(&r);
    if (!root)
        refuse(&r, "there is no document");
    yaml_parser_delete(&r.parser);
    json_decref(r.anchors);
    return root;
}

int read_hmc(struct known *k, const char *name, struct slice data, struct text *why)
{
    json_t *root = yaml_load(data, why);
    const json_t *cpcs = json_object_get(json_object_get(root, "hmc_definition"), "cpcs");
    int rc = -EINVAL;

    known_source(k, name, RANK_CPC);
    if (root && !json_array_size(cpcs))
        text_adds(why, "a dump of an HMC without a CPC");
    else if (root)
        rc = read_cpcs(k, cpcs, why);
    json_decref(root);
    return rc;
}
