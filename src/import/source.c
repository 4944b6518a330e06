/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "import/collection.h"
#include "import/import.h"
#include "import/read.h"

/* A source that is not unpacked first must fit in memory. */
#define SOURCE_MAX (UINT64_C(1) << 30)
#define BLOCK      (1u << 20)

/* One that is given twice says nothing new. */
static bool was_read(const struct known *k, const char *name)
{
    for (size_t i = 0; i < k->source_count; i++)
        if (strcmp(k->sources[i].name, name) == 0)
            return true;
    return false;
}

/* clause: what is wrong, if rc says so. */
static int result(const struct known *k, size_t sources, int rc, const char *name,
                  struct text *clause, struct text *why)
{
    if (rc == 0 && k->source_count == sources && !was_read(k, name)) {
        text_adds(clause,
                  "there is nothing of the AP in it; give /sys or a copy of it, or the result "
                  "of dbginfo.sh or sosreport");
        rc = -ENOENT;
    }
    if (rc < 0)
        text_addf(why, "%s: %s", name, clause->data);
    return rc;
}

int import_data(struct known *k, const char *name, const char *data, size_t len, struct text *why)
{
    struct slice all = {data, len};
    size_t sources = k->source_count;
    text_auto clause = {0};
    int rc =
        archive_is(all) ? archive_data(k, name, all, &clause) : read_any(k, name, all, &clause);

    return result(k, sources, rc, name, &clause, why);
}

static int load(int fd, struct text *out)
{
    char *block = xmalloc(BLOCK);
    ssize_t got;

    while ((got = read(fd, block, BLOCK)) > 0 && out->len <= SOURCE_MAX)
        text_add(out, block, (size_t)got);
    free(block);
    return got > 0 ? -EFBIG : got < 0 ? -errno : 0;
}

static int refuse(const char *path, int rc, struct text *why)
{
    text_addf(why, "%s: %s", path, error_text(-rc));
    return rc;
}

static int text_read(struct known *k, const char *name, int fd, struct text *why)
{
    text_auto data = {0};
    int rc = load(fd, &data);

    if (rc < 0)
        return refuse(name, rc, why);
    return import_data(k, name, data.data ? data.data : "", data.len, why);
}

/* An archive in a file need not be in memory. */
static bool is_archive(int fd)
{
    char head[512];
    ssize_t got = pread(fd, head, sizeof head, 0);

    return got > 0 && archive_is((struct slice){head, (size_t)got});
}

static int collection(struct known *k, const char *path, int fd, bool directory, struct text *why)
{
    size_t sources = k->source_count;
    text_auto clause = {0};
    int rc = directory ? directory_read(k, path, &clause) : archive_file(k, path, fd, &clause);

    return result(k, sources, rc, path, &clause, why);
}

int import_source(struct known *k, const char *path, struct text *why)
{
    struct stat st;
    int fd, rc;

    if (strcmp(path, "-") == 0)
        return text_read(k, "standard input", STDIN_FILENO, why);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return refuse(path, -errno, why);
    if (fstat(fd, &st) < 0)
        st.st_mode = 0;
    rc = S_ISDIR(st.st_mode) || is_archive(fd) ? collection(k, path, fd, S_ISDIR(st.st_mode), why)
                                               : text_read(k, path, fd, why);
    close(fd);
    return rc;
}
