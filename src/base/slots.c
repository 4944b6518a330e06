/* SPDX-License-Identifier: MIT */
#include "base/slots.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define WORD_BITS 64u

struct slot {
    void *object; /* NULL: free */
    uint32_t generation;
};

void slots_done(struct slots *s)
{
    free(s->v);
    free(s->free);
    *s = (struct slots){0};
}

static uint64_t number(const struct slots *s, uint32_t slot)
{
    return (uint64_t)s->v[slot].generation << 32 | slot;
}

static void grow(struct slots *s)
{
    uint32_t words = s->words ? s->words * 2 : 1;
    size_t added = words - s->words;

    s->v = xrealloc(s->v, (size_t)words * WORD_BITS * sizeof *s->v);
    s->free = xrealloc(s->free, words * sizeof *s->free);
    memset(s->v + (size_t)s->words * WORD_BITS, 0, added * WORD_BITS * sizeof *s->v);
    memset(s->free + s->words, 0xff, added * sizeof *s->free);
    s->words = words;
}

uint64_t slots_add(struct slots *s, void *object)
{
    uint32_t slot;

    while (s->full < s->words && !s->free[s->full])
        s->full++;
    if (s->full == s->words)
        grow(s);
    slot = s->full * WORD_BITS + (uint32_t)__builtin_ctzll(s->free[s->full]);
    return slots_add_at(s, slot, object);
}

uint64_t slots_add_at(struct slots *s, uint32_t slot, void *object)
{
    while (slot / WORD_BITS >= s->words)
        grow(s);
    s->free[slot / WORD_BITS] &= ~(UINT64_C(1) << slot % WORD_BITS);
    s->v[slot].object = object;
    if (++s->v[slot].generation == 0)
        s->v[slot].generation = 1;
    s->count++;
    return number(s, slot);
}

void *slots_get(const struct slots *s, uint64_t id)
{
    uint32_t slot = (uint32_t)id;

    return slot / WORD_BITS < s->words && number(s, slot) == id ? s->v[slot].object : NULL;
}

void *slots_at(const struct slots *s, uint32_t slot)
{
    return slot / WORD_BITS < s->words ? s->v[slot].object : NULL;
}

void slots_remove(struct slots *s, uint64_t id)
{
    uint32_t slot = (uint32_t)id, word = slot / WORD_BITS;

    if (!slots_get(s, id))
        return;
    s->v[slot].object = NULL;
    s->free[word] |= UINT64_C(1) << slot % WORD_BITS;
    if (word < s->full)
        s->full = word;
    s->count--;
}

void *slots_next(const struct slots *s, uint32_t *at)
{
    while (*at / WORD_BITS < s->words) {
        void *object = s->v[(*at)++].object;

        if (object)
            return object;
    }
    return NULL;
}
