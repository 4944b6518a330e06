/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "states.h"

/* Brings the run into the state of the node. */
static void reach(const struct known *k, uint32_t node)
{
    uint32_t path[256];
    unsigned len = 0;

    for (uint32_t at = node; at; at = k->nodes[at].parent) {
        if (len == sizeof path / sizeof *path)
            abort();
        path[len++] = k->nodes[at].op;
    }
    arena_first();
    while (len--) {
        run_do(k->run, &k->ops[path[len]]);
        run_check(k->run);
    }
}

static bool refused_silently(const struct run *r, int result)
{
    for (size_t i = 0; result < 0 && i < r->fx.count; i++)
        if (r->fx.v[i].kind != EFFECT_LOG)
            return false;
    return true;
}

/* Does one operation in the saved state. */
static void try(const struct known *k, uint32_t i, const struct export *here, struct found *f)
{
    struct run *r = k->run;
    int result = run_do(r, &k->ops[i]);
    struct export there;

    f->op = i;
    f->wrong = run_check(r);
    there = run_export_exact(r);
    f->steps++;
    f->refusals += result < 0;
    if (memcmp(&there, here, sizeof there) == 0) {
        if (!f->wrong && !refused_silently(r, result))
            f->wrong = "a refused operation had effects";
        return;
    }
    if (!f->wrong && result < 0)
        f->wrong = "a refused operation changed something";
    f->states[f->count].export = run_export(r);
    f->states[f->count++].op = i;
    arena_load();
}

void explore(const struct known *k, uint32_t node, struct found *out)
{
    struct export here, at;

    reach(k, node);
    here = run_export_exact(k->run);
    arena_save();
    out->count = out->steps = out->refusals = 0;
    out->wrong = NULL;
    at = run_export(k->run);
    out->reached = memcmp(&at, &k->nodes[node].export, sizeof at) == 0;
    for (uint32_t i = 0; i < k->op_count && !out->wrong; i++)
        if (run_allows(k->run, &k->ops[i]))
            try(k, i, &here, out);
}
