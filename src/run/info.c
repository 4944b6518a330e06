/* SPDX-License-Identifier: MIT */
#include "run/info.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

#define FIELD(n)                                                                                   \
    {                                                                                              \
#n, offsetof(struct run_info, n), sizeof(((struct run_info *)0)->n)                        \
    }

static const struct field {
    const char *name;
    size_t at, size;
} fields[] = {FIELD(source), FIELD(ioctl),   FIELD(uevents),
              FIELD(mount),  FIELD(machine), FIELD(state)};

#define FIELDS (sizeof fields / sizeof *fields)

void run_info_source(char out[32])
{
    uint64_t number;

    if (getrandom(&number, sizeof number, 0) != sizeof number)
        number = ((uint64_t)getpid() << 32) ^ (uint64_t)time(NULL);
    snprintf(out, 32, "apus:%016" PRIx64, number);
}

/* A name of a file may have a newline in it; then it is only shown. */
static void add_line(const struct run_info *info, const struct field *f, struct text *out)
{
    const char *value = (const char *)info + f->at;

    text_addf(out, "%s ", f->name);
    for (const char *c = value; *c; c++)
        text_add(out, *c == '\n' ? "?" : c, 1);
    text_adds(out, "\n");
}

int run_info_write(const char *dir, const struct run_info *info)
{
    char new[PATH_MAX], path[PATH_MAX];
    text_auto lines = {0};
    sighandler_t before;
    int fd, ret = 0;

    snprintf(new, sizeof new, "%.4000s/" RUN_INFO_NEW, dir);
    snprintf(path, sizeof path, "%.4000s/" RUN_INFO, dir);
    for (size_t i = 0; i < FIELDS; i++)
        add_line(info, &fields[i], &lines);
    fd = open(new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    before = signal(SIGXFSZ, SIG_IGN); /* beyond RLIMIT_FSIZE write(2) is to fail */
    if (write(fd, lines.data, lines.len) != (ssize_t)lines.len)
        ret = -ENOSPC;
    signal(SIGXFSZ, before);
    close(fd);
    return ret == 0 && rename(new, path) < 0 ? -errno : ret;
}

static void take_line(char *line, struct run_info *out)
{
    size_t word = strcspn(line, " ");
    const char *value = line + word + (line[word] == ' ');

    line[strcspn(line, "\n")] = '\0';
    for (size_t i = 0; i < FIELDS; i++)
        if (strlen(fields[i].name) == word && memcmp(fields[i].name, line, word) == 0)
            snprintf((char *)out + fields[i].at, fields[i].size, "%s", value);
}

int run_info_read(const char *dir, struct run_info *out)
{
    char path[PATH_MAX], line[PATH_MAX + 32];
    struct stat st;
    FILE *file;

    *out = (struct run_info){0};
    snprintf(path, sizeof path, "%.4000s/" RUN_INFO, dir);
    file = fopen(path, "re");
    if (!file)
        return -errno;
    while (fgets(line, sizeof line, file))
        take_line(line, out);
    if (fstat(fileno(file), &st) == 0)
        out->started = st.st_mtim;
    fclose(file);
    return *out->source ? 0 : -EINVAL;
}
