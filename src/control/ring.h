/* SPDX-License-Identifier: MIT */
#ifndef APUS_CONTROL_RING_H
#define APUS_CONTROL_RING_H

#include <stdint.h>
#include <time.h>

/*
 * A ring of the latest records: log messages or events. Records are numbered, from 1 on unless next
 * is set. A new record replaces the oldest; the numbers show a reader how many it has missed.
 */
struct ring_record {
    uint64_t number;
    uint64_t time;        /* ns, the core's clock */
    struct timespec date; /* the wall clock, when it was added */
    unsigned kind;        /* enum log_level, or a bit of enum control_event */
    char *text;
    char *path, *value; /* of the refused write of which it tells; NULL: of none */
    char *command;      /* likewise, of the Support Element */
};

struct ring {
    struct ring_record *records;
    unsigned capacity, first, count;
    uint64_t next; /* number of the next record */
};

void ring_init(struct ring *r, unsigned capacity);
void ring_done(struct ring *r);

/* Copies text. */
void ring_add(struct ring *r, uint64_t time, unsigned kind, const char *text);

/* A record is not kept, and so none before it: its number is used up. */
void ring_skip(struct ring *r);

/* The number of the oldest record kept, or of the next one if there is none. */
static inline uint64_t ring_oldest(const struct ring *r)
{
    return r->next - r->count;
}

/* The latest record tells of a refused write. Copies both. */
void ring_note_write(struct ring *r, const char *path, const char *value);
/* Likewise a refused command. */
void ring_note_command(struct ring *r, const char *command);

/* The first record kept whose number is at least number, or NULL. */
const struct ring_record *ring_from(const struct ring *r, uint64_t number);

#endif
