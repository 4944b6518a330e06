/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fuse_mounted.h"

/* Changes over time: poll(2), late replies, invalidation, unmounting. */

struct writer {
    pthread_t thread;
    const char *path, *data;
    int result;
    atomic_bool done;
};

static void *writer_main(void *data)
{
    struct writer *w = data;

    w->result = fake_put(w->path, w->data);
    atomic_store(&w->done, true);
    return NULL;
}

static void writer_start(struct writer *w, const char *path, const char *data)
{
    *w = (struct writer){.path = path, .data = data};
    assert_int_equal(pthread_create(&w->thread, NULL, writer_main, w), 0);
}

static int writer_join(struct writer *w)
{
    pthread_join(w->thread, NULL);
    return w->result;
}

static int poll_now(int fd, int timeout)
{
    struct pollfd p = {.fd = fd, .events = POLLPRI};

    return poll(&p, 1, timeout) > 0 ? p.revents : 0;
}

static void test_poll_returns_until_the_file_is_read(void **state)
{
    int fd = open(A "/value", O_RDONLY), other = open(A "/value", O_RDONLY);
    char c;

    assert_int_equal(poll_now(fd, 0), POLLPRI | POLLERR);
    assert_return_code(pread(fd, &c, 1, 5), errno); /* the first read is visible, at any offset */
    assert_int_equal(poll_now(fd, 0), 0);
    assert_int_equal(poll_now(other, 0), POLLPRI | POLLERR);
    assert_int_equal(fake_put(A "/value", "written by somebody"), 19);
    assert_int_equal(poll_now(fd, 0), 0);
    close(fd);
    close(other);
}

static void test_poll_wakes_when_the_object_goes(void **state)
{
    struct writer w;
    char c;
    int fd;

    assert_int_equal(fake_put(A "/add", "0 1"), 3);
    fd = open(A "/obj0/id", O_RDONLY);
    assert_return_code(pread(fd, &c, 1, 0), errno);
    writer_start(&w, A "/del", "0 1");
    assert_int_equal(poll_now(fd, 10000), POLLPRI | POLLERR);
    assert_int_equal(writer_join(&w), 3);
    close(fd);
}

static void test_a_reply_that_comes_later(void **state)
{
    struct writer one, two;

    writer_start(&one, A "/wait", "12345");
    fake_wait_until(A "/waiting", "1 0\n");
    assert_false(atomic_load(&one.done));
    fake_expect(A "/length", "0\n"); /* others are served meanwhile */
    assert_int_equal(fake_put(A "/finish", "0"), 1);
    assert_int_equal(writer_join(&one), 5);
    writer_start(&two, A "/wait", "x");
    fake_wait_until(A "/waiting", "1 0\n");
    assert_int_equal(fake_put(A "/finish", "-16"), 3);
    assert_int_equal(writer_join(&two), -EBUSY);
}

static void on_signal(int signal)
{
}

static void test_a_waiting_writer_can_be_interrupted(void **state)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct writer w;

    sigaction(SIGUSR1, &action, NULL);
    writer_start(&w, A "/wait", "1");
    fake_wait_until(A "/waiting", "1 0\n");
    pthread_kill(w.thread, SIGUSR1);
    assert_int_equal(writer_join(&w), -EINTR);
    fake_expect(A "/waiting", "0 1\n");
    assert_int_equal(fake_put(A "/finish", "0"), 1); /* nobody is left to get the reply */
}

static void test_a_waiting_writer_can_be_killed(void **state)
{
    pid_t pid = fork();
    int status;

    if (pid == 0)
        _exit(fake_put(A "/wait", "1") == 1);
    fake_wait_until(A "/waiting", "1 0\n");
    assert_return_code(kill(pid, SIGKILL), errno);
    assert_return_code(waitpid(pid, &status, 0), errno);
    assert_true(WIFSIGNALED(status));
    fake_wait_until(A "/waiting", "0 1\n");
}

static void test_freeing_a_mount_answers_who_waits(void **state)
{
    struct writer w;

    writer_start(&w, A "/wait", "1");
    fake_wait_until(A "/waiting", "1 0\n");
    fake_unmount(&fake, mount_a);
    mount_a = NULL;
    assert_int_equal(writer_join(&w), -ENODEV);
    assert_int_equal(fake.core->trees[0].cancelled, 1);
    assert_int_equal(ended_a, 0);
}

static void test_two_mounts_of_one_tree_and_one_of_another(void **state)
{
    struct fuse_mount *b = fake_must_mount(&fake, 0, B, -1, NULL), *c;
    struct stat st;

    assert_return_code(mkdir(TOP "/c", 0755), errno);
    c = fake_must_mount(&fake, 1, TOP "/c", -1, NULL);
    assert_int_equal(fake_put(A "/value", "host"), 4);
    assert_int_equal(fake_put(TOP "/c/value", "guest"), 5);
    fake_expect(B "/value", "host");
    fake_expect(TOP "/c/value", "guest");
    for (unsigned i = 0; i < 200; i++) {
        assert_int_equal(fake_put(A "/add", "0 1"), 3);
        assert_int_equal(fake_put(TOP "/c/add", "0 1"), 3);
        assert_return_code(stat(B "/obj0/id", &st), errno);
        assert_int_equal(fake_put(A "/obj0/remove", "1"), 1);
        assert_fails(ENOENT, stat(A "/obj0", &st));
        assert_fails(ENOENT, stat(B "/obj0", &st));
        assert_return_code(stat(TOP "/c/obj0/id", &st), errno);
    }
    fake_unmount(&fake, b);
    fake_unmount(&fake, c);
    assert_return_code(rmdir(TOP "/c"), errno);
    fake_expect(A "/value", "host");
}

static void test_a_tree_that_no_longer_exists(void **state)
{
    struct fuse_mount *b = fake_must_mount(&fake, FAKE_TREES, B, -1, NULL);
    struct stat st;

    assert_fails(ENODEV, stat(B "/value", &st));
    fake_unmount(&fake, b);
}

/* Programs that keep directories locked in the kernel while objects in them come and go. */
static atomic_bool stop_looking;

static void *look(void *data)
{
    const char *where = data;
    char path[64];

    while (!atomic_load(&stop_looking)) {
        DIR *dir = opendir(where);
        struct dirent *e;

        while (dir && (e = readdir(dir))) {
            struct stat st;

            snprintf(path, sizeof path, "%s/%.40s", where, e->d_name);
            stat(path, &st);
            snprintf(path, sizeof path, "%s/%.40s/id", where, e->d_name);
            stat(path, &st);
        }
        if (dir)
            closedir(dir);
        snprintf(path, sizeof path, "%s/new", where);
        close(open(path, O_CREAT | O_WRONLY, 0644)); /* locks the directory exclusively */
    }
    return NULL;
}

static void test_objects_go_while_others_look(void **state)
{
    struct fuse_mount *b = fake_must_mount(&fake, 0, B, -1, NULL);
    pthread_t lookers[4];
    struct stat st;

    atomic_store(&stop_looking, false);
    for (unsigned i = 0; i < 4; i++)
        pthread_create(&lookers[i], NULL, look, i % 2 ? B : A);
    for (unsigned i = 0; i < 60; i++) {
        assert_int_equal(fake_put(A "/add", "0 40"), 4);
        assert_return_code(stat(B "/obj7/id", &st), errno);
        assert_int_equal(fake_put(i % 2 ? A "/del" : B "/del", "0 40"), 4);
        assert_fails(ENOENT, stat(A "/obj7", &st));
        assert_fails(ENOENT, stat(B "/obj39/id", &st));
    }
    /* Unmounts in the middle. */
    assert_int_equal(fake_put(A "/add", "0 1000"), 6);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(fake_put(B "/add", "0 1000") + fake_put(B "/del", "0 1000"), 12);
    fake_unmount(&fake, b);
    atomic_store(&stop_looking, true);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(lookers[i], NULL);
    unlink(B "/new"); /* possible once the tree is gone */
}

static void test_stopping_while_the_notifier_works(void **state)
{
    struct writer w;
    pthread_t looker;

    assert_int_equal(fake_put(A "/add", "0 30000"), 7);
    atomic_store(&stop_looking, false);
    pthread_create(&looker, NULL, look, A);
    usleep(100000);
    writer_start(&w, A "/del", "0 30000");
    while (__atomic_load_n(&fake.core->trees[0].generation[29999], __ATOMIC_RELAXED) & 1)
        sched_yield();
    fake_unmount(&fake, mount_a);
    mount_a = NULL;
    atomic_store(&stop_looking, true);
    pthread_join(looker, NULL);
    unlink(A "/new"); /* possible once the tree is gone */
    assert_int_equal(writer_join(&w), 7);
}

static void test_the_hub_goes_with_everything_in_use(void **state)
{
    int fd = open(A "/value", O_RDWR);
    struct writer w;
    pthread_t looker;

    fake_must_mount(&fake, 1, B, -1, NULL);
    assert_int_equal(fake_put(A "/add", "0 5000"), 6);
    writer_start(&w, A "/wait", "1");
    fake_wait_until(A "/waiting", "1 0\n");
    atomic_store(&stop_looking, false);
    pthread_create(&looker, NULL, look, A);
    assert_int_equal(fake_put(A "/del", "0 2500"), 6);
    fake_stop(&fake);
    assert_int_equal(writer_join(&w), -ENODEV);
    atomic_store(&stop_looking, true);
    pthread_join(looker, NULL);
    unlink(A "/new"); /* possible once the tree is gone */
    close(fd);
    fake_start(&fake);
    mount_a = NULL;
}

static unsigned settled;

static void count_settled(void *data)
{
    __atomic_fetch_add((unsigned *)data, 1, __ATOMIC_RELEASE);
}

static void settle_after_removal(void *data)
{
    struct command cmd = {.kind = CMD_STORE};
    struct reply reply = {0};
    const struct sysfs_tree *t = core_tree(fake.core, 0);

    assert_true(fuse_hub_settle(fake.hub, count_settled, &settled)); /* nothing to wait for */
    cmd.store.ino = sysfs_attr_ino(t, (struct sysfs_dir){SYSFS_ROOT, 0}, "del");
    cmd.store.data = "0 5000";
    cmd.store.len = 6;
    fake.door.execute(&fake.door, &cmd, &reply);
    assert_int_equal(reply.result, 0);
    reply_done(&reply);
    if (fuse_hub_settle(fake.hub, count_settled, &settled))
        settled++;
}

static void test_settle_waits_for_invalidations(void **state)
{
    struct stat st;

    settled = 0;
    assert_int_equal(fake_put(A "/add", "0 5000"), 6);
    for (unsigned i = 0; i < 5000; i++) {
        char path[32];

        snprintf(path, sizeof path, A "/obj%u/id", i);
        assert_return_code(stat(path, &st), errno);
    }
    fake_call(&fake, settle_after_removal, NULL);
    for (unsigned i = 0; i < 2000 && !fake_counted(&settled); i++) {
        usleep(1000);
        fake_settle(&fake);
    }
    assert_int_equal(settled, 1);
    assert_fails(ENOENT, stat(A "/obj4999", &st));
}

static void test_open_files_outlive_the_mount_with_errors(void **state)
{
    int fd = open(A "/value", O_RDWR);
    char c;

    assert_return_code(read(fd, &c, 1), errno);
    fake_unmount(&fake, mount_a);
    mount_a = NULL;
    fake_settle(&fake);
    assert_int_equal(read(fd, &c, 1), -1);
    assert_int_equal(write(fd, "1", 1), -1);
    close(fd);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_poll_returns_until_the_file_is_read),
        T(test_poll_wakes_when_the_object_goes),
        T(test_a_reply_that_comes_later),
        T(test_a_waiting_writer_can_be_interrupted),
        T(test_a_waiting_writer_can_be_killed),
        T(test_freeing_a_mount_answers_who_waits),
        T(test_two_mounts_of_one_tree_and_one_of_another),
        T(test_a_tree_that_no_longer_exists),
        T(test_objects_go_while_others_look),
        T(test_stopping_while_the_notifier_works),
        T(test_the_hub_goes_with_everything_in_use),
        T(test_settle_waits_for_invalidations),
        T(test_open_files_outlive_the_mount_with_errors),
    };

    fake_namespace(TOP);
    alarm(120); /* a hanging file system must not hang the build */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
