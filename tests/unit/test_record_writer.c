/* SPDX-License-Identifier: MIT */
/* A recording is written by a thread: who queues a line does not wait for what takes the lines. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/record_writer.h"

#define LINES      100000u /* more than a pipe holds, less than RECORD_BEHIND_MAX */
#define LONG_LINES (4 * RECORD_BEHIND_MAX / 4096) /* of 4096 bytes */

static void put(struct record_writer *w, unsigned number)
{
    char line[32];
    int len = snprintf(line, sizeof line, "line %u\n", number);

    assert_int_equal(record_writer_put(w, line, (size_t)len), 0);
}

/* A pipe that nobody reads stands for a disk that takes nothing for a while. */
static void nobody_waits_for_a_slow_disk(void **state)
{
    struct record_writer *w;
    unsigned number, count = 0;
    int ends[2];
    FILE *taken;

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(record_writer_new(ends[1], &w), 0);
    alarm(60); /* a put that waits for the pipe would wait for ever */
    for (unsigned i = 0; i < LINES; i++)
        put(w, i);
    taken = fdopen(ends[0], "r");
    assert_non_null(taken);
    while (count < LINES && fscanf(taken, " line %u", &number) == 1)
        assert_int_equal(number, count++);
    assert_int_equal(count, LINES);
    assert_int_equal(record_writer_free(w), 0);
    alarm(0);
    fclose(taken);
    close(ends[1]);
}

/* The value of `count` when it has not changed for 0.2 s. */
static unsigned settled(const atomic_uint *count)
{
    unsigned before, now = atomic_load(count);

    do {
        before = now;
        usleep(200000);
        now = atomic_load(count);
    } while (now != before);
    return now;
}

static _Noreturn void put_lines(int fd, atomic_uint *count)
{
    static const char line[4096] = {[sizeof line - 1] = '\n'};
    struct record_writer *w;

    if (record_writer_new(fd, &w) < 0)
        _exit(2);
    for (; *count < LONG_LINES; ++*count)
        record_writer_put(w, line, sizeof line);
    _exit(record_writer_free(w) < 0);
}

/* What waits for the disk has a bound: a batch that is being written, and RECORD_BEHIND_MAX. */
static void one_that_is_far_behind_is_waited_for(void **state)
{
    atomic_uint *count =
        mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    size_t total = 0;
    char taken[65536];
    int ends[2], status;
    pid_t child;

    assert_ptr_not_equal(count, MAP_FAILED);
    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        put_lines(ends[1], count);
    }
    close(ends[1]);
    alarm(60);
    assert_in_range(settled(count), RECORD_BEHIND_MAX / 4096, 2 * RECORD_BEHIND_MAX / 4096 + 17);
    for (ssize_t n; (n = read(ends[0], taken, sizeof taken)) > 0;)
        total += (size_t)n;
    alarm(0);
    assert_int_equal(total, (size_t)LONG_LINES * 4096);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(ends[0]);
    munmap(count, sizeof *count);
}

/* Whoever queues the next line hears of it, and so does the end. */
static void a_full_disk_is_told(void **state)
{
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC), rc = 0;
    struct record_writer *w;

    assert_true(fd >= 0);
    assert_int_equal(record_writer_new(fd, &w), 0);
    alarm(60);
    while (rc == 0)
        rc = record_writer_put(w, "line\n", 5);
    alarm(0);
    assert_int_equal(rc, -ENOSPC);
    assert_int_equal(record_writer_free(w), -ENOSPC);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_waits_for_a_slow_disk),
        cmocka_unit_test(one_that_is_far_behind_is_waited_for),
        cmocka_unit_test(a_full_disk_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
