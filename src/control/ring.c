/* SPDX-License-Identifier: MIT */
#include "control/ring.h"

#include <stdlib.h>

#include "base/text.h"

void ring_init(struct ring *r, unsigned capacity)
{
    *r = (struct ring){.capacity = capacity, .next = 1};
    r->records = xcalloc(capacity, sizeof(*r->records));
}

static void record_done(struct ring_record *record)
{
    free(record->text);
    free(record->path);
    free(record->value);
    free(record->command);
}

void ring_done(struct ring *r)
{
    for (unsigned i = 0; i < r->capacity; i++)
        record_done(&r->records[i]);
    free(r->records);
    *r = (struct ring){0};
}

void ring_add(struct ring *r, uint64_t time, unsigned kind, const char *text)
{
    struct ring_record *record = &r->records[(r->first + r->count) % r->capacity];

    if (r->count == r->capacity)
        r->first = (r->first + 1) % r->capacity;
    else
        r->count++;
    record_done(record);
    *record = (struct ring_record){
        .number = r->next++, .time = time, .kind = kind, .text = xstrdup(text)};
    clock_gettime(CLOCK_REALTIME, &record->date);
}

void ring_skip(struct ring *r)
{
    r->count = 0;
    r->next++;
}

static struct ring_record *latest(struct ring *r)
{
    return &r->records[(r->first + r->count - 1) % r->capacity];
}

void ring_note_write(struct ring *r, const char *path, const char *value)
{
    latest(r)->path = xstrdup(path);
    latest(r)->value = xstrdup(value);
}

void ring_note_command(struct ring *r, const char *command)
{
    latest(r)->command = xstrdup(command);
}

const struct ring_record *ring_from(const struct ring *r, uint64_t number)
{
    uint64_t oldest = r->next - r->count, skip = number > oldest ? number - oldest : 0;

    if (skip >= r->count)
        return NULL;
    return &r->records[(r->first + skip) % r->capacity];
}
