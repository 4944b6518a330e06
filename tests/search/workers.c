/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "states.h"

struct workers {
    unsigned count;
    struct worker {
        pid_t pid;
        FILE *nodes, *founds;
    } v[WORKERS_MAX];
};

/* The part of a found that counts. */
static size_t size_of(const struct found *f)
{
    return offsetof(struct found, states) + f->count * sizeof *f->states;
}

static _Noreturn void work(const struct known *k, FILE *nodes, FILE *founds)
{
    static struct found f;
    uint32_t node;

    while (fread(&node, sizeof node, 1, nodes) == 1) {
        explore(k, node, &f);
        if (fwrite(&f, size_of(&f), 1, founds) != 1 || fflush(founds) != 0)
            break;
    }
    _exit(0);
}

static FILE *open_end(int fd, int other, const char *mode)
{
    FILE *file = fdopen(fd, mode);

    if (!file)
        abort();
    close(other);
    return file;
}

static void start(struct worker *w, const struct known *k)
{
    int nodes[2], founds[2];

    if (pipe(nodes) < 0 || pipe(founds) < 0)
        abort();
    fflush(NULL);
    w->pid = fork();
    if (w->pid < 0)
        abort();
    if (w->pid == 0)
        work(k, open_end(nodes[0], nodes[1], "r"), open_end(founds[1], founds[0], "w"));
    w->nodes = open_end(nodes[1], nodes[0], "w");
    w->founds = open_end(founds[0], founds[1], "r");
}

struct workers *workers_start(const struct known *k, unsigned count)
{
    static struct workers w;

    for (w.count = 0; w.count < count; w.count++)
        start(&w.v[w.count], k);
    return &w;
}

/* Neighbours go to the same worker: their ways from the first state are nearly the same. */
static struct worker *worker_of(struct workers *w, uint32_t node)
{
    return &w->v[node / 32 % w->count];
}

void workers_give(struct workers *w, uint32_t node)
{
    FILE *to = worker_of(w, node)->nodes;

    if (fwrite(&node, sizeof node, 1, to) != 1 || fflush(to) != 0)
        abort();
}

void workers_take(struct workers *w, uint32_t node, struct found *out)
{
    FILE *from = worker_of(w, node)->founds;

    if (fread(out, offsetof(struct found, states), 1, from) != 1 ||
        (out->count && fread(out->states, out->count * sizeof *out->states, 1, from) != 1))
        abort();
}

void workers_end(struct workers *w)
{
    for (unsigned i = 0; i < w->count; i++)
        kill(w->v[i].pid, SIGKILL);
    for (unsigned i = 0; i < w->count; i++) {
        fclose(w->v[i].nodes);
        fclose(w->v[i].founds);
        waitpid(w->v[i].pid, NULL, 0);
    }
}
