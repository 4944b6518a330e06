/* SPDX-License-Identifier: MIT */
#include "begin.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "file.h"

enum { SEED_MAX = 64, AWAY_MS = 20 };

static void complain(const char *what)
{
    fprintf(stderr, "init: cannot set %s: %s\n", what, strerror(errno));
}

static void set_time(const char *text)
{
    char *end;
    struct timespec t = {.tv_sec = strtoll(text, &end, 10)};

    if (*end == '.')
        t.tv_nsec = strtol(end + 1, NULL, 10);
    if (clock_settime(CLOCK_REALTIME, &t) < 0)
        complain("the time");
}

/* A write to /dev/urandom would count later only. The numbers are those of struct rand_pool_info.
 */
static void reseed(const char *seed)
{
    struct {
        int bits, size;
        char bytes[SEED_MAX];
    } pool = {.bits = 4 * SEED_MAX, .size = SEED_MAX};
    int fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);

    memcpy(pool.bytes, seed, strnlen(seed, SEED_MAX));
    if (fd < 0 || ioctl(fd, RNDADDENTROPY, &pool) < 0 || ioctl(fd, RNDRESEEDCRNG) < 0)
        complain("random numbers");
    if (fd >= 0)
        close(fd);
}

/* WORD is ATTRIBUTE=VALUE. */
static void set_attribute(char *word)
{
    static const struct {
        const char *word, *path;
    } attributes[] = {{"ap.apmask", "/sys/bus/ap/apmask"},
                      {"ap.aqmask", "/sys/bus/ap/aqmask"},
                      {"ap.domain", "/sys/bus/ap/ap_domain"}};
    const char *value = strchr(word, '=');

    if (!value)
        return;
    *strchr(word, '=') = '\0';
    for (size_t i = 0; i < sizeof(attributes) / sizeof(*attributes); i++)
        if (strcmp(word, attributes[i].word) == 0 && !file_write(attributes[i].path, value + 1))
            complain(word);
}

/* True: it was the line that we wait for. */
static bool begin(const char *line)
{
    char *copy = strdup(line), *rest = copy, *word[4];

    for (size_t i = 0; i < 4; i++)
        word[i] = strsep(&rest, " ");
    if (!word[3] || strcmp(word[0], "begin") != 0) {
        free(copy);
        return false;
    }
    if (sethostname(word[1], strlen(word[1])) < 0)
        complain("the host name");
    set_time(word[2]);
    reseed(word[3]);
    while (rest)
        set_attribute(strsep(&rest, " "));
    free(copy);
    return true;
}

void begin_wait(struct port *port)
{
    struct pollfd readable = {port->fd, POLLIN, 0};
    const char *line;

    do {
        port_fill(port);
        line = port_line(port);
        if (!line)
            poll(&readable, port->away ? 0 : 1, port->away ? AWAY_MS : -1);
    } while (!line || !begin(line));
    file_write("/sys/bus/ap/scans", "1");
}
