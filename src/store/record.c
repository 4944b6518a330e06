/* SPDX-License-Identifier: MIT */
#include "store/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/record_json.h"

struct record {
    FILE *file; /* NULL after an error */
    char *path;
};

static int fail(struct record *r, int err, struct text *why)
{
    text_addf(why, "recording to %s stops: %s; what comes now is not recorded", r->path,
              strerror(err));
    fclose(r->file);
    r->file = NULL;
    return -err;
}

/* The file has no buffer. Each line is out at once, since the last command is what one looks for
 * after a crash, and no key stays behind. */
static int write_line(struct record *r, struct text *line, struct text *why)
{
    text_add_private(line, "\n", 1);
    if (fwrite(line->data, 1, line->len, r->file) == line->len)
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
    setvbuf(r->file, NULL, _IONBF, 0);
    record_cleanse_json();
    record_format_head(config, &head);
    rc = write_line(r, &head, why);
    if (rc < 0)
        record_close(r);
    else
        *out = r;
    return rc;
}

int record_command(struct record *r, const struct core *core, const struct command *cmd,
                   struct text *why)
{
    text_private_auto line = {0};

    if (!r || !r->file)
        return 0;
    record_format_command(core, cmd, &line);
    return write_line(r, &line, why);
}

int record_outcome(struct record *r, const struct core *core, const struct reply *reply,
                   const struct effects *effects, struct text *why)
{
    text_private_auto line = {0};

    if (!r || !r->file)
        return 0;
    record_format_outcome(core, reply, effects, &line);
    return write_line(r, &line, why);
}

int record_start(struct record *r, const struct core *core, const struct effects *effects,
                 struct text *why)
{
    struct reply none = {0};
    text_private_auto line = {0};
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
    free(r->path);
    free(r);
}
