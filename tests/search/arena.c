/* SPDX-License-Identifier: MIT */
#include "arena.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SIZE    (2u << 20)
#define PAGE    4096u
#define PAGES   (SIZE / PAGE)
#define CELL    64u
#define CELLS   (SIZE / CELL)
#define CLASSES 128u /* of 16 bytes each; what is larger is not used again */
#define UNIT    16u

/* In front of each piece of memory. */
struct head {
    size_t size;
    void *next; /* free ones of the same size */
};

struct state {
    size_t used;
    struct head *free[CLASSES];
    _Alignas(UNIT) uint8_t bytes[];
};

static _Alignas(PAGE) uint8_t memory[SIZE], saved[ARENA_LEVELS][SIZE];
static struct state *const state = (struct state *)memory;
static bool in_use;
/* A write to the memory is one to these: on_write. */
static volatile bool copied[PAGES];
static volatile unsigned copied_list[PAGES], copied_count;
static bool changes[CELLS];
static unsigned changes_list[CELLS], changes_count;

void *__real_malloc(size_t size);
void __real_free(void *p);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t size);
void __wrap_free(void *p);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *s);

static bool is_ours(const void *p)
{
    return (const uint8_t *)p >= memory && (const uint8_t *)p < memory + SIZE;
}

static struct head *head_of(void *p)
{
    return (struct head *)p - 1;
}

void *__wrap_malloc(size_t size)
{
    size_t want = (size + UNIT - 1) / UNIT * UNIT, class = want / UNIT;
    struct head *h;

    if (!in_use)
        return __real_malloc(size);
    if (class < CLASSES && state->free[class]) {
        h = state->free[class];
        state->free[class] = h->next;
    } else {
        if (sizeof *state + state->used + sizeof *h + want > SIZE) {
            fputs("search: the arena is too small\n", stderr);
            abort();
        }
        h = (struct head *)(state->bytes + state->used);
        state->used += sizeof *h + want;
    }
    *h = (struct head){want, NULL};
    return h + 1;
}

void __wrap_free(void *p)
{
    struct head *h;

    if (!is_ours(p)) {
        __real_free(p);
        return;
    }
    h = head_of(p);
    if (h->size / UNIT < CLASSES) {
        h->next = state->free[h->size / UNIT];
        state->free[h->size / UNIT] = h;
    }
}

void *__wrap_calloc(size_t count, size_t size)
{
    void *p = in_use ? __wrap_malloc(count * size) : __real_calloc(count, size);

    return in_use ? memset(p, 0, count * size) : p;
}

void *__wrap_realloc(void *p, size_t size)
{
    void *new;

    if (!is_ours(p) && !(in_use && !p))
        return __real_realloc(p, size);
    if (p && size <= head_of(p)->size)
        return p;
    new = __wrap_malloc(size);
    if (p)
        memcpy(new, p, head_of(p)->size);
    __wrap_free(p);
    return new;
}

char *__wrap_strdup(const char *s)
{
    return in_use ? strcpy(__wrap_malloc(strlen(s) + 1), s) : __real_strdup(s);
}

void arena_start(void)
{
    memset(memory, 0, SIZE);
}

void arena_enter(void)
{
    in_use = true;
}

void arena_leave(void)
{
    in_use = false;
}

/* The first write to a page: from now on it is copied. Until now it was as in the first state. */
static void on_write(int signal_number, siginfo_t *info, void *context)
{
    size_t page = ((uintptr_t)info->si_addr - (uintptr_t)memory) / PAGE;

    if (!is_ours(info->si_addr) || copied[page]) {
        signal(SIGSEGV, SIG_DFL); /* it is done again */
        return;
    }
    for (unsigned level = 0; level < ARENA_LEVELS; level++)
        memcpy(saved[level] + page * PAGE, memory + page * PAGE, PAGE);
    copied[page] = true;
    copied_list[copied_count++] = (unsigned)page;
    mprotect(memory + page * PAGE, PAGE, PROT_READ | PROT_WRITE);
}

void arena_is_first(void)
{
    const struct sigaction action = {.sa_sigaction = on_write, .sa_flags = SA_SIGINFO};

    if (sigaction(SIGSEGV, &action, NULL) < 0 || mprotect(memory, SIZE, PROT_READ) < 0)
        abort();
}

static void copy(uint8_t *to, const uint8_t *from)
{
    for (unsigned i = 0; i < copied_count; i++)
        memcpy(to + copied_list[i] * PAGE, from + copied_list[i] * PAGE, PAGE);
}

void arena_save(unsigned level)
{
    copy(saved[level], memory);
}

void arena_load(unsigned level)
{
    copy(memory, saved[level]);
}

void arena_back(unsigned level)
{
    for (unsigned i = 0; i < changes_count; i++)
        memcpy(memory + changes_list[i] * CELL, saved[level] + changes_list[i] * CELL, CELL);
}

static bool cell_is_back(unsigned level, unsigned cell)
{
    if (memcmp(memory + cell * CELL, saved[level] + cell * CELL, CELL) == 0)
        return true;
    if (!changes[cell])
        changes_list[changes_count++] = cell;
    changes[cell] = true;
    return false;
}

bool arena_is_back(unsigned level)
{
    bool is_back = true;

    for (unsigned i = 0; i < copied_count; i++)
        for (unsigned c = 0; c < PAGE / CELL; c++)
            is_back &= cell_is_back(level, copied_list[i] * (PAGE / CELL) + c);
    return is_back;
}
