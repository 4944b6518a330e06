/* SPDX-License-Identifier: MIT */
#include "cli/progress.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "map/map.h"
#include "thread/thread.h"

/*
 * What takes long computes or waits in a call, and knows no clock. So a thread writes the line.
 */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    pthread_t thread;
    bool runs, end;
    pid_t process; /* a child of it has no such thread */
    struct text what;
    uint64_t done;
    const char *unit; /* NULL: nothing is counted */
    time_t start;
    int shown; /* columns that the line takes */
} progress = {.lock = PTHREAD_MUTEX_INITIALIZER};

#define COLUMNS_MAX 200

static int columns(void)
{
    struct winsize size;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_col)
        return 80;
    return size.ws_col < COLUMNS_MAX ? size.ws_col : COLUMNS_MAX;
}

/* Over the line before. A line that does not fit would not be written over. */
static void show(time_t seconds)
{
    text_auto line = {0}, end = {0};
    int room, width;

    if (progress.unit)
        text_addf(&end, ": %" PRIu64 " %s", progress.done, progress.unit);
    text_addf(&end, ", %lld s", (long long)seconds);
    text_adds(&line, "apus: ");
    width = (int)(line.len + end.len);
    room = columns() - 1 - width;
    width += (int)map_name(progress.what.data, room > 8 ? (unsigned)room : 8, &line);
    text_adds(&line, end.data);
    fprintf(stderr, "\r%s%*s", line.data, progress.shown > width ? progress.shown - width : 0, "");
    fflush(stderr);
    progress.shown = width;
}

static void wipe(void)
{
    if (progress.shown)
        fprintf(stderr, "\r%*s\r", progress.shown, "");
    fflush(stderr);
    progress.shown = 0;
}

static void *run(void *unused)
{
    struct timespec next;

    clock_gettime(CLOCK_MONOTONIC, &next);
    pthread_mutex_lock(&progress.lock);
    while (!progress.end) {
        next.tv_sec++;
        while (!progress.end && pthread_cond_timedwait(&progress.ended, &progress.lock, &next) == 0)
            ;
        if (!progress.end && next.tv_sec - progress.start >= 1)
            show(next.tv_sec - progress.start);
    }
    pthread_mutex_unlock(&progress.lock);
    return NULL;
}

static void start(void)
{
    pthread_condattr_t attributes;
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    progress.start = now.tv_sec;
    progress.end = false;
    progress.process = getpid();
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&progress.ended, &attributes);
    pthread_condattr_destroy(&attributes);
    progress.runs = thread_start("progress", run, NULL, &progress.thread) == 0;
}

void progress_begin(const char *what)
{
    if (!isatty(STDERR_FILENO))
        return;
    pthread_mutex_lock(&progress.lock);
    text_clear(&progress.what);
    text_adds(&progress.what, what);
    progress.unit = NULL;
    pthread_mutex_unlock(&progress.lock);
    if (!progress.runs)
        start();
}

void progress_count(uint64_t done, const char *unit)
{
    pthread_mutex_lock(&progress.lock);
    progress.done = done;
    progress.unit = unit;
    pthread_mutex_unlock(&progress.lock);
}

void progress_end(void)
{
    if (!progress.runs || progress.process != getpid())
        return;
    pthread_mutex_lock(&progress.lock);
    progress.end = true;
    pthread_cond_signal(&progress.ended);
    pthread_mutex_unlock(&progress.lock);
    pthread_join(progress.thread, NULL);
    pthread_cond_destroy(&progress.ended);
    progress.runs = false;
    wipe();
    text_done(&progress.what);
}
