/* SPDX-License-Identifier: MIT */
#ifndef APUS_MAP_MAP_H
#define APUS_MAP_MAP_H

#include "core/query.h"

/*
 * Whose each queue is: of one state of a machine, or of two that are compared. Columns are
 * adapters, rows are domains: those of the LPAR, and those that are assigned.
 */

/* The two states. Without a comparison there is only MAP_NOW. */
enum { MAP_NOW, MAP_BEFORE, MAP_STATES };

/* Owners of a queue, and drivers. MAP_MDEV and up: a mediated device, as in owners. */
enum { MAP_NOBODY, MAP_ZCRYPT, MAP_VFIO_AP, MAP_UNBOUND, MAP_MDEV };

/* The first of these that holds, from the last one. */
enum map_condition {
    MAP_ONLINE,
    MAP_WITHHELD,     /* assigned to a device of a guest, which does not get it */
    MAP_FAULT,        /* a fault rule applies to it */
    MAP_OFFLINE,      /* set offline in Linux, as a queue or with its card */
    MAP_FOREIGN,      /* assigned, and bound to a zcrypt driver */
    MAP_DRIVERLESS,   /* assigned, and bound to no driver */
    MAP_DECONFIGURED, /* the adapter is in standby, or the queue says so */
    MAP_CHECKSTOPPED,
    MAP_ABSENT, /* the host has no such queue */
    MAP_CONDITIONS
};

struct map_cell {
    uint32_t owner;
    uint8_t driver, condition;
    bool in_use; /* a guest can use it */
};

struct map_adapter {
    uint8_t id;
    char type[8];              /* "": not installed */
    uint8_t state[MAP_STATES]; /* MAP_ONLINE, _DECONFIGURED, _CHECKSTOPPED, _ABSENT */
};

struct map_owner {
    struct uuid uuid;
    struct {
        bool exists;
        char guest[CORE_GUEST_NAME]; /* "": none */
        unsigned queues;             /* in the map */
    } in[MAP_STATES];
};

struct map {
    struct map_adapter *adapters;
    uint8_t *domains;
    unsigned columns, rows;
    struct map_owner *owners; /* the mediated devices in the order in which they were created */
    size_t owner_count;
    unsigned queues[MAP_STATES][MAP_MDEV]; /* those that are not assigned, by owner */
    struct map_cell *cells[MAP_STATES];    /* row by row; cells[MAP_BEFORE] NULL: no comparison */
    bool filtered;
};

/* before may be NULL. To be freed with map_done. */
void map_read(const struct core *before, const struct core *now, struct map *out);
void map_done(struct map *m);

#define map_auto __attribute__((cleanup(map_done))) struct map

/* Whether the queue has another owner, guest or condition than before. */
bool map_changed(const struct map *m, size_t cell);
/* Whether the two cells look the same, in both states. */
bool map_same(const struct map *m, size_t a, size_t b);
ap_qn map_qn(const struct map *m, size_t cell);
/* The guest that has the owner's device; "": none. */
const char *map_guest(const struct map *m, uint32_t owner, unsigned state);

/* "online", "offline", "deconfigured" ... */
const char *map_condition_name(unsigned condition);

/* Leaves only the rows and columns that have something of what is asked for. */
struct map_filter {
    const struct mask256 *adapters, *domains; /* NULL: all */
    const char *guest;                        /* NULL: all. Those of its mediated device */
    bool changed;
};

/* 0, or -ENOENT: in neither state a guest of that name has a mediated device. */
int map_filter(struct map *m, const struct map_filter *f);

/* Appends what of a name can be shown: no control characters, nothing that is not UTF-8, nothing
 * that turns the direction of writing; such bytes become \xNN. At most max characters, the last one
 * dots if it is longer; 0: all. Returns the number of characters. */
unsigned map_name(const char *name, unsigned max, struct text *out);
/* Drawers. Each appends to out. Names of guests are escaped as it needs. */

struct map_paper {
    unsigned width, height; /* of the terminal; height 0: does not matter */
    bool colour, compact;
};

/*
 * For a terminal. If it fits, cells show (card,domain) and the owner. Otherwise, or if compact is
 * set, they show only the owner, equal neighbours are merged, adapters are rows if that fits
 * better, and what exceeds the width follows in further blocks.
 */
void map_text(const struct map *m, const struct map_paper *paper, struct text *out);

/* Lines: what each owner gets and loses. Nothing if nothing changes, or without a comparison. */
void map_changes(const struct map *m, struct text *out);

/* A picture. A comparison shows before and after next to each other. */
void map_svg(const struct map *m, struct text *out);

/* A section of the page below the map, of lines. */
struct map_note {
    const char *title, *lines;
    bool numbered;
};

struct map_page {
    const char *title;
    const char *caption[MAP_STATES];
    const struct map_note *notes; /* title NULL ends the list */
};

/* One file that needs no other, and no script. */
void map_html(const struct map *m, const struct map_page *page, struct text *out);

#endif
