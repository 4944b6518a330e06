/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "arena.h"
#include "search.h"

/*
 * Visits every state that a small machine can reach, breadth first, in the real core. A state is
 * kept as its export and the operation that led to it; to go on from it, its operations are done
 * again from the start, and its memory is kept while all is tried (arena.h). Prints the number of
 * states and of steps; at a violation the operations that lead to it, which are as few as there can
 * be.
 */

struct node {
    struct export export;
    uint32_t parent, op;
};

struct search {
    struct world_size size;
    struct op ops[OPS_MAX];
    unsigned op_count;
    struct node *nodes;
    uint32_t count, room;
    uint32_t *table; /* hash of the export to node + 1 */
    uint32_t slots;  /* a power of 2 */
    uint64_t steps, refusals;
    struct run *run;
};

static uint64_t hash_of(const struct export *e)
{
    uint64_t hash = 1;

    for (unsigned i = 0; i < EXPORT_MAX; i++)
        hash = (hash ^ e->bytes[i]) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 32;
}

static uint32_t *slot_of(const struct search *s, const struct export *e)
{
    uint32_t at = (uint32_t)hash_of(e) & (s->slots - 1);

    while (s->table[at] && memcmp(&s->nodes[s->table[at] - 1].export, e, sizeof *e) != 0)
        at = (at + 1) & (s->slots - 1);
    return &s->table[at];
}

static void grow(struct search *s)
{
    s->room = s->room ? s->room * 2 : 1024;
    s->slots = s->room * 4;
    s->nodes = xrealloc(s->nodes, s->room * sizeof *s->nodes);
    free(s->table);
    s->table = xcalloc(s->slots, sizeof *s->table);
    for (uint32_t i = 0; i < s->count; i++)
        *slot_of(s, &s->nodes[i].export) = i + 1;
}

static void enter(struct search *s, const struct export *e, uint32_t parent, uint32_t op)
{
    uint32_t *slot = slot_of(s, e);

    if (*slot)
        return;
    if (s->count == s->room) {
        grow(s);
        slot = slot_of(s, e);
    }
    s->nodes[s->count++] = (struct node){*e, parent, op};
    *slot = s->count;
}

/* Brings the run into the state of the node. */
static void reach(const struct search *s, uint32_t node)
{
    uint32_t path[256];
    unsigned len = 0;

    for (uint32_t at = node; at; at = s->nodes[at].parent) {
        if (len == sizeof path / sizeof *path)
            abort();
        path[len++] = s->nodes[at].op;
    }
    arena_first();
    while (len--) {
        run_do(s->run, &s->ops[path[len]]);
        run_check(s->run);
    }
}

static void print_path(const struct search *s, uint32_t node)
{
    if (!node)
        return;
    print_path(s, s->nodes[node].parent);
    printf("  %s\n", s->ops[s->nodes[node].op].text);
}

static int violation(const struct search *s, uint32_t node, const struct op *op, const char *what)
{
    printf("violation: %s\n", what);
    print_path(s, node);
    printf("  %s\n", op->text);
    return 1;
}

static bool refused_silently(const struct run *r, int result)
{
    for (size_t i = 0; result < 0 && i < r->fx.count; i++)
        if (r->fx.v[i].kind != EFFECT_LOG)
            return false;
    return true;
}

/* What was found in one state. */
struct found {
    struct export exports[OPS_MAX];
    uint32_t ops[OPS_MAX];
    unsigned count, steps, refusals;
    bool reached; /* the state is that of the node */
    uint32_t op;  /* with wrong */
    const char *wrong;
};

/* Does one operation in the saved state. */
static void try(struct search *s, uint32_t i, const struct export *here, struct found *f)
{
    struct run *r = s->run;
    int result = run_do(r, &s->ops[i]);
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
    f->ops[f->count] = i;
    f->exports[f->count++] = run_export(r);
    arena_load();
}

static void try_all(struct search *s, uint32_t node, struct found *f)
{
    struct export here, at;

    reach(s, node);
    here = run_export_exact(s->run);
    arena_save();
    *f = (struct found){.count = 0};
    at = run_export(s->run);
    f->reached = memcmp(&at, &s->nodes[node].export, sizeof at) == 0;
    for (uint32_t i = 0; i < s->op_count && !f->wrong; i++)
        if (run_allows(s->run, &s->ops[i]))
            try(s, i, &here, f);
}

/* All that can be done in one state. */
static int expand(struct search *s, uint32_t node)
{
    static struct found f;

    try_all(s, node, &f);
    if (!f.reached)
        abort();
    s->steps += f.steps;
    s->refusals += f.refusals;
    if (f.wrong)
        return violation(s, node, &s->ops[f.op], f.wrong);
    for (unsigned i = 0; i < f.count; i++)
        enter(s, &f.exports[i], node, f.ops[i]);
    return 0;
}

static void print_size(const struct world_size *size)
{
    printf("%s, %u adapters, %u domains, %u devices, %u guests", abi_get(size->abi)->name,
           size->adapters, size->domains, size->devices, size->guests);
    if (size->overrides >= size->adapters * size->domains)
        printf(", overrides");
    else if (size->overrides)
        printf(", %u override", size->overrides);
    printf("%s%s: ", size->lpar ? ", LPAR" : "", size->waits ? ", removals that wait" : "");
}

/* Once a minute, for those that take longer. */
static void tell_progress(const struct search *s, uint32_t done)
{
    static time_t last;
    time_t now = time(NULL);

    if (!last)
        last = now;
    if (now - last < 60)
        return;
    last = now;
    fprintf(stderr, "%" PRIu32 " states visited, %" PRIu32 " known, %" PRIu64 " steps\n", done,
            s->count, s->steps);
}

static int search(struct search *s)
{
    struct timespec from, to;
    struct export e;
    int status = 0;

    clock_gettime(CLOCK_MONOTONIC, &from);
    s->op_count = ops_make(&s->size, s->ops);
    s->run = run_start(&s->size);
    e = run_export(s->run);
    grow(s);
    enter(s, &e, 0, 0);
    for (uint32_t i = 0; i < s->count && status == 0; i++) {
        status = expand(s, i);
        tell_progress(s, i + 1);
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    print_size(&s->size);
    printf("%u states, %" PRIu64 " steps, %" PRIu64 " of them refused, %.1f s\n", s->count,
           s->steps, s->refusals,
           (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9);
    free(s->nodes);
    free(s->table);
    return status;
}

static int usage(void)
{
    fputs("usage: search [--profile proposal|upstream] [--size ADAPTERS,DOMAINS,DEVICES,GUESTS] "
          "[--overrides[=AT-ONCE]] [--lpar] [--waits]\n",
          stderr);
    return 2;
}

static bool take_size(const char *text, struct world_size *size)
{
    unsigned *const numbers[] = {&size->adapters, &size->domains, &size->devices, &size->guests};

    if (strlen(text) != 7)
        return false;
    for (unsigned i = 0; i < 4; i++) {
        if (text[2 * i] < '1' || text[2 * i] > '2' || (i < 3 && text[2 * i + 1] != ','))
            return false;
        *numbers[i] = (unsigned)(text[2 * i] - '0');
    }
    return true;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {
        {"profile", required_argument, NULL, 'p'},   {"size", required_argument, NULL, 's'},
        {"overrides", optional_argument, NULL, 'o'}, {"lpar", no_argument, NULL, 'l'},
        {"waits", no_argument, NULL, 'w'},           {0}};
    static struct search s = {
        .size = {.adapters = 2, .domains = 2, .devices = 2, .guests = 2, .abi = ABI_PROPOSAL}};

    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        if (c == 'o')
            s.size.overrides = optarg ? (unsigned)(*optarg - '0') : QUEUES_MAX;
        else if (c == 'l')
            s.size.lpar = true;
        else if (c == 'w')
            s.size.waits = true;
        else if (!(c == 'p' && abi_parse(optarg, &s.size.abi) == 0) &&
                 !(c == 's' && take_size(optarg, &s.size)))
            return usage();
    }
    return optind < argc ? usage() : search(&s);
}
