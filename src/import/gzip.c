/* SPDX-License-Identifier: MIT */
#include "import/gzip.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#ifdef HAVE_ISAL
#include <isa-l/igzip_lib.h>

#define BLOCK 65536u

enum stage { STAGE_NEW, STAGE_GZIP, STAGE_THROUGH, STAGE_END, STAGE_DAMAGED };

struct gzip {
    archive_read_callback *read;
    void *data;
    enum stage stage;
    bool begun;   /* the present member has given something */
    bool members; /* there was one before it */
    struct inflate_state state;
    uint8_t out[BLOCK];
};

/* The blocks stay. */
static void member_begin(struct gzip *g)
{
    uint8_t *in = g->state.next_in, *out = g->state.next_out;
    uint32_t in_left = g->state.avail_in, out_left = g->state.avail_out;

    isal_inflate_init(&g->state);
    g->state.crc_flag = ISAL_GZIP;
    g->state.next_in = in;
    g->state.avail_in = in_left;
    g->state.next_out = out;
    g->state.avail_out = out_left;
}

/* False: there is no more. */
static bool refill(struct gzip *g, struct archive *a)
{
    const void *block = NULL;
    la_ssize_t got = g->read(a, g->data, &block);

    if (got <= 0)
        return false;
    g->state.next_in = (uint8_t *)block;
    g->state.avail_in = (uint32_t)got;
    return true;
}

/* The first block says what it is. */
static la_ssize_t begin(struct gzip *g, struct archive *a, const void **block)
{
    la_ssize_t got = g->read(a, g->data, block);
    bool packed = got > 2 && memcmp(*block, GZIP_MAGIC, 2) == 0;

    g->stage = packed && got <= INT32_MAX ? STAGE_GZIP : STAGE_THROUGH;
    if (g->stage == STAGE_THROUGH)
        return got;
    g->state.next_in = (uint8_t *)*block;
    g->state.avail_in = (uint32_t)got;
    member_begin(g);
    return 0;
}

static void member_end(struct gzip *g, struct archive *a)
{
    g->members = true;
    g->begun = false;
    if (g->state.avail_in || refill(g, a))
        member_begin(g);
    else
        g->stage = STAGE_END;
}

/* What comes behind the last member, and is none, is left out. */
static void step(struct gzip *g, struct archive *a)
{
    uint32_t in = g->state.avail_in, out = g->state.avail_out;
    int rc = isal_inflate(&g->state);
    bool stuck = in && in == g->state.avail_in && out == g->state.avail_out;

    g->begun |= g->state.avail_out != out;
    if (rc < 0 || (stuck && g->state.block_state != ISAL_BLOCK_FINISH))
        g->stage = g->begun || !g->members ? STAGE_DAMAGED : STAGE_END;
    else if (g->state.block_state == ISAL_BLOCK_FINISH)
        member_end(g, a);
    else if (g->state.avail_out && !g->state.avail_in && !refill(g, a))
        g->stage = STAGE_DAMAGED;
}

la_ssize_t gzip_read(struct archive *a, void *gzip, const void **block)
{
    struct gzip *g = gzip;

    if (g->stage == STAGE_NEW) {
        la_ssize_t got = begin(g, a, block);

        if (g->stage == STAGE_THROUGH)
            return got;
    } else if (g->stage == STAGE_THROUGH) {
        return g->read(a, g->data, block);
    }
    *block = g->out;
    g->state.next_out = g->out;
    g->state.avail_out = BLOCK;
    while (g->stage == STAGE_GZIP && g->state.avail_out)
        step(g, a);
    if (g->stage == STAGE_DAMAGED && g->state.avail_out == BLOCK) {
        archive_set_error(a, EINVAL, "the gzip data is cut or damaged");
        return ARCHIVE_FATAL;
    }
    return BLOCK - g->state.avail_out;
}

struct gzip *gzip_new(archive_read_callback *read, void *data)
{
    struct gzip *g = xcalloc(1, sizeof *g);

    g->read = read;
    g->data = data;
    return g;
}
#else
struct gzip {
    archive_read_callback *read;
    void *data;
};

la_ssize_t gzip_read(struct archive *a, void *gzip, const void **block)
{
    struct gzip *g = gzip;

    return g->read(a, g->data, block);
}

struct gzip *gzip_new(archive_read_callback *read, void *data)
{
    struct gzip *g = xcalloc(1, sizeof *g);

    *g = (struct gzip){read, data};
    return g;
}
#endif

void gzip_free(struct gzip *g)
{
    free(g);
}
