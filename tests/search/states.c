/* SPDX-License-Identifier: MIT */
#include "states.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define NODES_MAX (UINT32_C(1) << 28)
/* Given to each worker and not yet taken: so few that a pipe holds them. */
#define AHEAD 64u

struct search {
    const struct world_size *size;
    struct known known;
    uint32_t count;
    uint32_t *table; /* hash of the export to node + 1 */
    uint32_t slots;  /* a power of 2 */
    uint64_t steps, refusals;
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

    while (s->table[at] && memcmp(&s->known.nodes[s->table[at] - 1].export, e, sizeof *e) != 0)
        at = (at + 1) & (s->slots - 1);
    return &s->table[at];
}

static void grow(struct search *s)
{
    s->slots = s->slots ? s->slots * 2 : 4096;
    free(s->table);
    s->table = xcalloc(s->slots, sizeof *s->table);
    for (uint32_t i = 0; i < s->count; i++)
        *slot_of(s, &s->known.nodes[i].export) = i + 1;
}

static void enter(struct search *s, const struct export *e, uint32_t parent, uint32_t op)
{
    uint32_t *slot = slot_of(s, e);

    if (*slot)
        return;
    if (s->count == NODES_MAX) {
        fprintf(stderr, "search: there are more than %" PRIu32 " states\n", NODES_MAX);
        exit(1);
    }
    s->known.nodes[s->count++] = (struct node){*e, parent, op};
    *slot = s->count;
    if (s->count > s->slots / 2)
        grow(s);
}

static void print_path(const struct known *k, uint32_t node)
{
    if (!node)
        return;
    print_path(k, k->nodes[node].parent);
    printf("  %s\n", k->ops[k->nodes[node].op].text);
}

/* Enters what was found in a node. */
static int take(struct search *s, uint32_t node, const struct found *f)
{
    if (!f->reached)
        abort();
    s->steps += f->steps;
    s->refusals += f->refusals;
    if (f->wrong) {
        printf("violation: %s\n", f->wrong);
        print_path(&s->known, node);
        printf("  %s\n", s->known.ops[f->op].text);
        return 1;
    }
    for (unsigned i = 0; i < f->count; i++)
        enter(s, &f->states[i].export, node, f->states[i].op);
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

static int visit_all(struct search *s, struct workers *workers, uint32_t ahead)
{
    static struct found f;
    uint32_t given = 0;
    int status = 0;

    for (uint32_t i = 0; i < s->count && status == 0; i++) {
        while (given < s->count && given - i < ahead)
            workers_give(workers, given++);
        workers_take(workers, i, &f);
        status = take(s, i, &f);
        tell_progress(s, i + 1);
    }
    return status;
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int search_states(const struct world_size *size, unsigned count)
{
    static struct search s;
    struct workers *workers;
    double from = seconds();
    struct export first;
    int status;

    s.size = size;
    s.known.op_count = ops_make(size, s.known.ops);
    s.known.nodes = mmap(NULL, NODES_MAX * sizeof *s.known.nodes, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (s.known.nodes == MAP_FAILED)
        abort();
    s.known.run = run_start(size);
    first = run_export(s.known.run);
    grow(&s);
    enter(&s, &first, 0, 0);
    workers = workers_start(&s.known, count);
    status = visit_all(&s, workers, AHEAD * count);
    workers_end(workers);
    print_size(size);
    printf("%" PRIu32 " states, %" PRIu64 " steps, %" PRIu64 " of them refused, %.1f s\n", s.count,
           s.steps, s.refusals, seconds() - from);
    free(s.table);
    munmap(s.known.nodes, NODES_MAX * sizeof *s.known.nodes);
    return status;
}
