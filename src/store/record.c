/* SPDX-License-Identifier: MIT */
#include "store/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/query.h"

struct record {
    FILE *file; /* NULL after an error */
    char *path;
    bool *looked; /* by guest number: its tree exists, and the recording says so */
    unsigned looked_count;
};

static int fail(struct record *r, int err, struct text *why)
{
    text_addf(why, "recording to %s stops: %s; what comes now is not recorded", r->path,
              strerror(err));
    fclose(r->file);
    r->file = NULL;
    return -err;
}

/* Out to the kernel at once: the last command is what one looks for after a crash. */
static int write_line(struct record *r, struct text *line, struct text *why)
{
    text_add(line, "\n", 1);
    if (fwrite(line->data, 1, line->len, r->file) == line->len && fflush(r->file) == 0)
        return 0;
    return fail(r, errno ? errno : EIO, why);
}

int record_open(const char *path, const struct machine_config *config, struct record **out,
                struct text *why)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), rc;
    text_auto head = {0};
    struct record *r;

    if (fd < 0) {
        rc = -errno;
        text_addf(why, "cannot record to %s: %s", path, strerror(-rc));
        return rc;
    }
    r = xcalloc(1, sizeof *r);
    r->path = xstrdup(path);
    r->file = fdopen(fd, "w");
    if (!r->file)
        abort();
    record_format_head(config, &head);
    rc = write_line(r, &head, why);
    if (rc < 0)
        record_close(r);
    else
        *out = r;
    return rc;
}

static void looked_grow(struct record *r, unsigned number)
{
    unsigned count = r->looked_count ? r->looked_count : 16;

    if (number < r->looked_count)
        return;
    while (count <= number)
        count *= 2;
    r->looked = xrealloc(r->looked, count * sizeof *r->looked);
    memset(r->looked + r->looked_count, 0, (count - r->looked_count) * sizeof *r->looked);
    r->looked_count = count;
}

/* Trees that were looked at since the last command. */
static int write_looks(struct record *r, struct core *core, struct text *why)
{
    struct guest_info g;
    uint32_t cursor = 0;
    int rc = 0;

    while (rc == 0 && core_guest_next(core, &cursor, &g)) {
        text_auto line = {0};

        looked_grow(r, g.number);
        if (r->looked[g.number] || !core_has_tree(core, g.number + 1))
            continue;
        r->looked[g.number] = true;
        text_addf(&line, "{\"look\":%u}", g.number);
        rc = write_line(r, &line, why);
    }
    return rc;
}

int record_command(struct record *r, struct core *core, const struct command *cmd, struct text *why)
{
    text_auto line = {0};
    int rc;

    if (!r || !r->file)
        return 0;
    rc = write_looks(r, core, why);
    if (rc < 0)
        return rc;
    record_format_command(core, cmd, &line);
    return write_line(r, &line, why);
}

int record_outcome(struct record *r, struct core *core, const struct reply *reply,
                   const struct effects *effects, struct text *why)
{
    struct guest_info g;
    uint32_t cursor = 0;
    text_auto line = {0};

    if (!r || !r->file)
        return 0;
    /* What the command itself looked at, it will look at again. */
    if (r->looked_count)
        memset(r->looked, 0, r->looked_count * sizeof *r->looked);
    while (core_guest_next(core, &cursor, &g)) {
        looked_grow(r, g.number);
        r->looked[g.number] = core_has_tree(core, g.number + 1);
    }
    record_format_outcome(core, reply, effects, &line);
    return write_line(r, &line, why);
}

int record_start(struct record *r, struct core *core, const struct effects *effects,
                 struct text *why)
{
    struct reply none = {0};
    text_auto line = {0};
    int rc;

    if (!r || !r->file)
        return 0;
    text_addf(&line, "{\"start\":%" PRIu64 "}", effects->now);
    rc = write_line(r, &line, why);
    return rc < 0 ? rc : record_outcome(r, core, &none, effects, why);
}

void record_close(struct record *r)
{
    if (!r)
        return;
    if (r->file)
        fclose(r->file);
    free(r->looked);
    free(r->path);
    free(r);
}
