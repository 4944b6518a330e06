/* SPDX-License-Identifier: MIT */
#include "store/event_numbers.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/number.h"
#include "file/own_file.h"

#define HEAD "apus-events 1 "
#define NAME "events"

/* Numbers fit in JSON, also of what comes later. */
static bool parse(const char *line, size_t len, uint64_t *out)
{
    uint64_t number;

    if (len <= strlen(HEAD) || line[len - 1] != '\n' || memcmp(line, HEAD, strlen(HEAD)) != 0 ||
        number_parse_u64(line + strlen(HEAD), len - strlen(HEAD), 10, &number) < 0 || !number ||
        number > INT64_MAX / 2)
        return false;
    *out = number;
    return true;
}

uint64_t event_numbers_read(const struct state *s, struct text *why)
{
    char line[64];
    uint64_t number = 1;
    ssize_t n;
    int fd;

    fd = openat(state_folder(s), NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return 1;
    n = fd < 0 ? -1 : read(fd, line, sizeof line);
    if (n < 0)
        text_addf(why, "%s/" NAME " cannot be read, and events are numbered anew: %s",
                  state_name(s), error_text(errno));
    else if (!parse(line, (size_t)n, &number))
        text_addf(why, "%s/" NAME " is damaged, and events are numbered anew", state_name(s));
    if (fd >= 0)
        close(fd);
    return number;
}

int event_numbers_write(const struct state *s, uint64_t next)
{
    text_auto line = {0};

    text_addf(&line, HEAD "%" PRIu64 "\n", next);
    return own_file_put(state_folder(s), NAME, line.data, line.len);
}

uint64_t event_numbers_beyond(uint64_t first)
{
    return (first / EVENT_NUMBERS_STEP + 1) * EVENT_NUMBERS_STEP + 1;
}
