/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/record_json.h"

/* Replays a recording. */

#define KEYLESS_SHOWN 20 /* lines that are named */

struct replay {
    FILE *in, *print;
    const char *name;
    struct text *why;
    struct machine_config config;
    bool mounted;
    struct core *core; /* NULL until the machine has started */
    struct effects effects;
    char *line;
    size_t capacity, len;
    unsigned number;     /* of the line */
    struct text outcome; /* of the last command in this run */
    bool waits;          /* the recorded outcome must follow */
    struct record_replayed *out;
};

static int complain(struct replay *r, int rc, const char *what)
{
    text_auto said = {0};

    text_add(&said, r->why->data ? r->why->data : "", r->why->len);
    text_clear(r->why);
    text_addf(r->why, "%s:%u: %s%s", r->name, r->number, what, said.len ? said.data : "");
    return rc;
}

static void warn(struct replay *r, const char *what)
{
    text_addf(&r->out->warnings, "%s:%u: %s\n", r->name, r->number, what);
}

/* False at the end of the file. cut: the line has no newline, so it is incomplete. */
static bool next_line(struct replay *r, bool *cut)
{
    ssize_t n = getline(&r->line, &r->capacity, r->in);

    *cut = false;
    if (n <= 0)
        return false;
    r->number++;
    r->len = (size_t)n;
    *cut = r->line[n - 1] != '\n';
    if (!*cut)
        r->line[--r->len] = '\0';
    return true;
}

/* Reports where recorded and new outcome begin to differ, with some context. */
static void tell_difference(struct replay *r)
{
    size_t same = 0, from;

    while (same < r->len && same < r->outcome.len && r->line[same] == r->outcome.data[same])
        same++;
    from = same < 60 ? 0 : same - 60;
    text_addf(r->why, "%s:%u: the outcome differs from column %zu on\n  recorded: ...", r->name,
              r->number, same + 1);
    text_add(r->why, r->line + from, r->len - from < 200 ? r->len - from : 200);
    text_adds(r->why, "\n  now:      ...");
    text_add(r->why, r->outcome.data + from,
             r->outcome.len - from < 200 ? r->outcome.len - from : 200);
}

static void begin(struct replay *r)
{
    r->core = core_new(&r->config, &r->effects);
    if (r->mounted)
        core_keep_dirs(r->core);
}

static int play_start(struct replay *r, const struct record_entry *e)
{
    struct reply none = {0};

    if (r->core)
        return complain(r, -EINVAL, "the machine has already started");
    if (r->print)
        fprintf(r->print, "[%14.6f] start\n", (double)e->cmd.now / 1e9);
    r->effects.now = e->cmd.now;
    r->effects.want_uevents = true;
    begin(r);
    record_format_outcome(r->core, &none, &r->effects, &r->outcome);
    r->waits = true;
    return 0;
}

/* Its reply, like all replies, is the recorded one; but nobody can compute it again. */
static void count_keyless(struct replay *r)
{
    if (r->out->keyless++ < KEYLESS_SHOWN)
        text_addf(&r->out->keyless_lines, "%s %u", r->out->keyless > 1 ? "," : "", r->number);
    else if (r->out->keyless == KEYLESS_SHOWN + 1)
        text_adds(&r->out->keyless_lines, ", ...");
}

static int play_command(struct replay *r, struct record_entry *e)
{
    struct reply reply = {0};

    /* CMD_OWNER has tree and ino in the same place. */
    if (e->cmd.kind == CMD_STORE || e->cmd.kind == CMD_OWNER) {
        const struct sysfs_tree *tree = core_tree(r->core, e->cmd.store.tree);

        /* No node has the number 0: it stands for one that is gone. */
        if (!e->path || !tree || sysfs_resolve_nofollow(tree, e->path, &e->cmd.store.ino) < 0)
            e->cmd.store.ino = 0;
    }
    effects_clear(&r->effects);
    r->effects.want_uevents = true;
    core_execute(r->core, &e->cmd, &r->effects, &reply);
    text_clear(&r->outcome);
    record_format_outcome(r->core, &reply, &r->effects, &r->outcome);
    reply_done(&reply);
    r->waits = true;
    r->out->commands++;
    if (e->keyless)
        count_keyless(r);
    return 0;
}

/* Old recordings have no outcome for it. */
static int play_look(struct replay *r, const struct record_entry *e)
{
    struct reply reply = {0};
    int rc;

    core_execute(r->core, &e->cmd, &r->effects, &reply);
    rc = reply.result;
    reply_done(&reply);
    return rc == 0 ? 0 : complain(r, 1, "there is no such guest");
}

/* Whoever recorded last was killed between a command and its outcome. */
static void check_complete(struct replay *r)
{
    if (r->waits)
        warn(r, "the recording ends before the outcome of its last command");
    r->waits = false;
}

/* Another recording begins behind the first one. */
static int play_head(struct replay *r, const struct record_entry *e)
{
    check_complete(r);
    core_free(r->core);
    r->core = NULL;
    r->config = e->memory->machine;
    r->mounted = e->mounted;
    effects_clear(&r->effects);
    text_clear(&r->outcome);
    return 0;
}

static int play_entry(struct replay *r, struct record_entry *e)
{
    if (e->line == RECORD_HEAD)
        return play_head(r, e);
    if ((e->line == RECORD_OUTCOME) != r->waits)
        return complain(r, -EINVAL,
                        r->waits ? "expected an outcome" : "an outcome without a command");
    if (e->line == RECORD_START)
        return play_start(r, e);
    if (!r->core)
        begin(r);
    if (e->line == RECORD_COMMAND) {
        if (r->print)
            record_print_command(e, r->print);
        return play_command(r, e);
    }
    if (e->line == RECORD_LOOK)
        return play_look(r, e);
    if (r->print)
        record_print_outcome(e, r->print);
    r->waits = false;
    if (r->len == r->outcome.len && memcmp(r->line, r->outcome.data, r->len) == 0)
        return 0;
    tell_difference(r);
    return 1;
}

static int play_lines(struct replay *r)
{
    int rc = 0;

    for (bool cut; rc == 0 && next_line(r, &cut);) {
        struct record_entry e;

        if (cut) {
            warn(r, "the last line is cut off; what is before it was played");
            r->waits = false;
            return 0;
        }
        rc = record_parse_line(r->line, r->len, &e, r->why);
        if (rc < 0)
            return complain(r, rc, "");
        rc = play_entry(r, &e);
        record_entry_done(&e);
    }
    if (rc == 0)
        check_complete(r);
    return rc;
}

int record_replay(FILE *in, const char *name, FILE *print, struct record_replayed *out,
                  struct text *why)
{
    struct replay r = {.in = in, .print = print, .name = name, .why = why, .out = out};
    bool cut;
    int rc;

    *out = (struct record_replayed){0};
    if (!next_line(&r, &cut)) {
        r.number = 1;
        rc = complain(&r, -EINVAL, "the file is empty");
    } else {
        rc = record_parse_head(r.line, r.len, &r.config, &r.mounted, why);
        if (rc < 0)
            complain(&r, rc, "");
    }
    if (rc == 0)
        rc = play_lines(&r);
    core_free(r.core);
    effects_done(&r.effects);
    free(r.line);
    text_done(&r.outcome);
    return rc;
}
