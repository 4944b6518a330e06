/* SPDX-License-Identifier: MIT */
/* Commands that use /sys of the host or of a guest as a program does. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/command.h"
#include "control/json.h"
#include "core/query.h"

/* A node of a tree, found by its path. */
struct node {
    const struct sysfs_tree *tree;
    unsigned number; /* of the tree */
    sysfs_ino ino;
    struct sysfs_entry entry;
};

static int refuse(struct control_call *call, int rc, struct control_error *error)
{
    control_error_set(error, CONTROL_REFUSED, -rc, "%s: %s",
                      argument_get(call->arguments, "path")->string, strerror(-rc));
    return rc;
}

/* A guest's tree is built when somebody first looks at it. */
static int find_tree(struct control_call *call, struct node *out, struct control_error *error)
{
    const struct argument_value *name = argument_get(call->arguments, "guest");
    struct door *door = call->state->door;
    struct command look = {.kind = CMD_GUEST_LOOK};
    struct guest_info guest;

    out->number = CORE_HOST_TREE;
    if (name->given) {
        int rc = core_guest_find(door->core, name->string, &guest);

        if (rc < 0)
            control_error_set(error, CONTROL_REFUSED, -rc, "there is no guest '%s'", name->string);
        if (rc < 0)
            return rc;
        out->number = guest.number + 1;
        look.look.guest = guest.number;
    }
    if (!core_tree(door->core, out->number) && control_execute(call, &look, NULL, error) < 0)
        return -ENOENT;
    out->tree = core_tree(door->core, out->number);
    return 0;
}

/* Below /sys, or with it. */
static const char *path_below(const char *path)
{
    return strncmp(path, "/sys", 4) == 0 && (!path[4] || path[4] == '/') ? path + 4 : path;
}

static int find_node(struct control_call *call, struct node *out, struct control_error *error)
{
    const char *path = path_below(argument_get(call->arguments, "path")->string);
    int rc = find_tree(call, out, error);

    if (rc < 0)
        return rc;
    rc = sysfs_resolve(out->tree, path, &out->ino);
    if (rc == 0)
        rc = sysfs_stat(out->tree, out->ino, &out->entry);
    return rc < 0 ? refuse(call, rc, error) : 0;
}

/* As open(2) by root: no more than the permissions have for anybody. Device nodes are opened, and
 * then neither read nor written. */
static int check_open(struct control_call *call, const struct node *node, unsigned permissions,
                      struct control_error *error)
{
    if (node->entry.type == SYSFS_TYPE_DIR)
        return refuse(call, -EISDIR, error);
    if (node->entry.device)
        return refuse(call, -EPERM, error);
    return node->entry.mode & permissions ? 0 : refuse(call, -EACCES, error);
}

static json_t *run_read(struct control_call *call, struct control_error *error)
{
    text_auto value = {0};
    struct node node;
    int rc;

    if (find_node(call, &node, error) < 0 || check_open(call, &node, 0444, error) < 0)
        return NULL;
    rc = sysfs_show(node.tree, node.ino, &value);
    if (rc < 0) {
        refuse(call, rc, error);
        return NULL;
    }
    return json_pack("{s:o}", "value", control_json_string(value.data ? value.data : ""));
}

/* The message that the write has left in the log; else what its errno says. */
static void explain_refusal(const struct ring *log, uint64_t before, int err,
                            struct control_error *error)
{
    const struct ring_record *r = log->next > before ? ring_from(log, log->next - 1) : NULL;

    control_error_set(error, CONTROL_REFUSED, err, "%s", r ? r->text : strerror(err));
}

static json_t *run_write(struct control_call *call, struct control_error *error)
{
    const char *value = argument_get(call->arguments, "value")->string;
    struct command command = {.kind = CMD_STORE, .store = {.data = value, .len = strlen(value)}};
    uint64_t before = call->state->log.next;
    struct door *door = call->state->door;
    struct reply reply = {0};
    struct node node;
    int rc;

    if (find_node(call, &node, error) < 0 || check_open(call, &node, 0222, error) < 0)
        return NULL;
    command.store.tree = node.number;
    command.store.ino = node.ino;
    door->execute(door, &command, &reply);
    rc = reply.result;
    reply_done(&reply);
    if (rc < 0)
        explain_refusal(&call->state->log, before, -rc, error);
    return rc < 0 ? NULL : json_object();
}

static const char *type_of(const struct sysfs_entry *e)
{
    if (e->device)
        return "device";
    return e->type == SYSFS_TYPE_DIR ? "directory" : e->type == SYSFS_TYPE_LINK ? "link" : "file";
}

static json_t *view_entry(const struct sysfs_tree *tree, const struct sysfs_entry *e)
{
    json_t *view = json_object();
    text_auto target = {0};
    char mode[8];

    snprintf(mode, sizeof(mode), "%04o", (unsigned)(e->mode & 07777));
    control_json_set(view, "name", control_json_string(e->name));
    control_json_set(view, "type", json_string(type_of(e)));
    control_json_set(view, "mode", json_string(mode));
    if (e->type == SYSFS_TYPE_LINK && sysfs_readlink(tree, e->ino, &target) == 0)
        control_json_set(view, "target", control_json_string(target.data));
    return view;
}

static json_t *run_list(struct control_call *call, struct control_error *error)
{
    json_t *entries = json_array();
    struct sysfs_entry entry;
    uint64_t cursor = 0;
    struct node node;
    int rc = find_node(call, &node, error);

    if (rc < 0) {
        json_decref(entries);
        return NULL;
    }
    while ((rc = sysfs_next(node.tree, node.ino, &cursor, &entry)) == 1)
        control_json_append(entries, view_entry(node.tree, &entry));
    if (rc < 0) {
        refuse(call, rc, error);
        json_decref(entries);
        return NULL;
    }
    return json_pack("{s:o}", "entries", entries);
}

#define PATH                                                                                       \
    {                                                                                              \
        "path", ARGUMENT_TEXT, false, NULL,                                                        \
            "the path, such as /sys/bus/ap/apmask or bus/ap/apmask"                                \
    }
#define GUEST                                                                                      \
    {                                                                                              \
        "guest", ARGUMENT_NAME, true, NULL, "in the tree of this guest; default: the host's"       \
    }

const struct control_command control_commands_tree[] = {
    {.name = "read",
     .what = "Reads an attribute, as root would with open(2) and read(2). The errno is that of the "
             "program.",
     .arguments = {PATH, GUEST},
     .returns = (const struct result[]){{"value", RESULT_STRING, 0, "all of it, with its newline"},
                                        {NULL}},
     .run = run_read},
    {.name = "write",
     .what = "Writes a value to an attribute, as root would with open(2) and one write(2). The "
             "errno is that of the program. A write for which the program would wait, the removal "
             "of a mediated device in use in profile upstream, is refused with EBUSY.",
     .arguments = {PATH, {"value", ARGUMENT_DATA, false, NULL, "what is written"}, GUEST},
     .run = run_write},
    {.name = "list",
     .what = "What a directory has, as root would see it with readdir(3).",
     .arguments = {PATH, GUEST},
     .returns =
         (const struct result[]){
             {"entries", RESULT_OBJECT, RESULT_LIST, "without . and ..", &result_entry}, {NULL}},
     .run = run_list},
    {.name = NULL}};
