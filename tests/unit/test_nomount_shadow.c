/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nomount/shadow.h"
#include "unit.h"

static char base[] = "/tmp/apus-shadow-XXXXXX";

static void fill(const struct shadow *s, int fd, const char *const *names)
{
    struct shadow_listing l = {.version = s->version};

    for (; *names; names++)
        shadow_list(&l, **names, *names + 1);
    assert_int_equal(shadow_fill(fd, &l), 0);
    text_done(&l.entries);
}

static bool is_there(int fd, const char *name, mode_t type)
{
    struct stat st;

    return fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && (st.st_mode & S_IFMT) == type;
}

static void shadow_directories(void **state)
{
    struct shadow s;
    int fd;

    assert_non_null(mkdtemp(base));
    assert_int_equal(shadow_open(base, &s), 0);
    fd = shadow_directory(&s, "/sys/bus/ap");
    assert_true(fd >= 0);
    assert_false(shadow_is_current(&s, fd));
    fill(&s, fd, (const char *const[]){"fapmask", "faqmask", "ddevices", "llink", NULL});
    assert_true(shadow_is_current(&s, fd));
    assert_true(is_there(fd, "apmask", S_IFREG) && is_there(fd, "aqmask", S_IFREG) &&
                is_there(fd, "devices", S_IFDIR) && is_there(fd, "link", S_IFLNK));
    s.version++;
    assert_false(shadow_is_current(&s, fd));
    close(shadow_directory(&s, "/sys/bus/ap/devices/inner"));
    fill(&s, fd, (const char *const[]){"fapmask", "fnew", NULL});
    assert_true(is_there(fd, "new", S_IFREG) && !is_there(fd, "aqmask", S_IFREG) &&
                !is_there(fd, "devices", S_IFDIR) && !is_there(fd, "link", S_IFLNK));
    shadow_remove(&s, "/sys/bus", "ap");
    assert_false(is_there(fd, "apmask", S_IFREG));
    assert_int_equal(openat(fd, "apmask", O_RDONLY), -1);
    close(fd);
    shadow_remove(&s, "/", "sys");
    shadow_close(&s);
    assert_int_equal(rmdir(base), 0);
}

/* One fill of a directory, again and again, with an entry that another does not have. */
struct filler {
    struct shadow s;
    int fd;
    const char *const *names;
    pthread_barrier_t *turn;
};

#define FILLS 10000

static void *fill_often(void *data)
{
    struct filler *f = data;

    for (int i = 0; i < FILLS; i++) {
        pthread_barrier_wait(f->turn);
        fill(&f->s, f->fd, f->names);
        pthread_barrier_wait(f->turn);
    }
    return NULL;
}

/* Whichever comes last: a directory has the version that it says. */
static void concurrent_fills(void **state)
{
    static const char *const older[] = {"fgone", "fstays", NULL}, *const newer[] = {"fstays", NULL};
    char place[] = "/tmp/apus-fills-XXXXXX";
    pthread_barrier_t turn;
    struct filler one = {.names = older, .turn = &turn}, other;
    pthread_t threads[2];
    unsigned stale = 0;

    assert_non_null(mkdtemp(place));
    assert_int_equal(shadow_open(place, &one.s), 0);
    one.fd = shadow_directory(&one.s, "/sys/bus/ap");
    other = one;
    other.names = newer;
    other.s.version = 2;
    pthread_barrier_init(&turn, NULL, 3);
    pthread_create(&threads[0], NULL, fill_often, &one);
    pthread_create(&threads[1], NULL, fill_often, &other);
    for (int i = 0; i < FILLS; i++) {
        pthread_barrier_wait(&turn);
        pthread_barrier_wait(&turn);
        stale += shadow_is_current(&other.s, one.fd) && is_there(one.fd, "gone", S_IFREG);
    }
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    assert_int_equal(stale, 0);
    pthread_barrier_destroy(&turn);
    close(one.fd);
    shadow_remove(&one.s, "/", "sys");
    shadow_close(&one.s);
    assert_int_equal(rmdir(place), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shadow_directories),
        cmocka_unit_test(concurrent_fills),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
