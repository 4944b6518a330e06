/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fuse_mounted.h"

/* Mounting, unmounting, and descriptors received from elsewhere. */

static void test_umount_is_told_and_the_place_is_free_again(void **state)
{
    assert_return_code(umount2(A, 0), errno);
    for (unsigned i = 0; i < 1000 && !fake_counted(&ended_a); i++) {
        usleep(1000);
        fake_settle(&fake);
    }
    assert_int_equal(ended_a, 1);
    fake_unmount(&fake, mount_a);
    mount_a = fake_must_mount(&fake, 0, A, -1, &ended_a);
    fake_expect(A "/length", "0\n");
}

static void refuses(const char *where, int error, const char *words, const char *remedy)
{
    struct fuse_mount *m = NULL;
    text_auto why = {0};

    assert_int_equal(fake_mount(&fake, 0, where, -1, NULL, &why, &m), error);
    assert_null(m);
    assert_non_null(strstr(why.data, words));
    assert_non_null(strstr(why.data, remedy));
    assert_null(strchr(why.data, '\n'));
}

static void test_what_cannot_be_mounted_says_why(void **state)
{
    close(open(TOP "/file", O_CREAT | O_WRONLY, 0644));
    refuses(TOP "/nowhere", -ENOENT, "/nowhere does not exist", "mkdir -p");
    refuses(TOP "/file", -ENOTDIR, "not a directory", "give an empty directory");
    refuses(A, -EBUSY, "busy", "umount -l " A);
    unlink(TOP "/file");
    /* Without /dev/fuse. */
    assert_return_code(mount("tmpfs", "/dev", "tmpfs", 0, NULL), errno);
    refuses(B, -ENODEV, "/dev/fuse is missing", "modprobe fuse");
    assert_return_code(umount2("/dev", MNT_DETACH), errno);
}

static void test_a_dead_mount_is_busy_and_does_not_hang(void **state)
{
    char options[64];
    int fd = open("/dev/fuse", O_RDWR);

    assert_return_code(mkdir(TOP "/a b", 0755), errno);
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
    assert_return_code(mount("x", TOP "/a b", "fuse", 0, options), errno);
    refuses(TOP "/a b", -EBUSY, "busy", "umount -l"); /* no process serves it */
    close(fd);
    refuses(TOP "/a b", -EBUSY, "busy", "umount -l");
    assert_return_code(umount2(TOP "/a b", MNT_DETACH), errno);
    assert_return_code(rmdir(TOP "/a b"), errno);
}

/* What a daemon of ours has left behind when it was killed; one that hangs is alive. */
static void test_a_dead_mount_of_ours_is_taken_over(void **state)
{
    struct fuse_mount *m = NULL;
    text_auto why = {0};

    for (int fd, i = 0; i < 2; i++) {
        char options[64];

        fd = open("/dev/fuse", O_RDWR);
        snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
        assert_return_code(mount("apus", B, "fuse.apus", 0, options), errno);
        refuses(B, -EBUSY, "busy", "umount -l");
        close(fd);
    }
    assert_int_equal(fake_mount(&fake, 0, B, -1, NULL, &why, &m), 0);
    fake_unmount(&fake, m);
}

static void send_fd(int socket, int fd)
{
    char byte = 0, control[CMSG_SPACE(sizeof fd)] = {0};
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

    *c = (struct cmsghdr){CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    sendmsg(socket, &msg, 0);
}

static int receive_fd(int socket)
{
    char byte, control[CMSG_SPACE(sizeof(int))];
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    int fd = -1;

    if (recvmsg(socket, &msg, 0) == 1 && CMSG_FIRSTHDR(&msg))
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof fd);
    return fd;
}

static int write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY), rc = fd < 0 || write(fd, text, strlen(text)) < 0;

    close(fd);
    return rc;
}

/* The process of an unprivileged user: own user and mount namespace, root inside. Mounts, passes
 * the descriptor, and checks the tree. */
static int unprivileged(int socket)
{
    char options[96];
    struct stat st;
    int fd;

    if (setresgid(1000, 1000, 1000) < 0 || setresuid(1000, 1000, 1000) < 0 ||
        prctl(PR_SET_DUMPABLE, 1) < 0) /* otherwise /proc/self would belong to root */
        return 1;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
        return 77;
    if (write_file("/proc/self/setgroups", "deny") ||
        write_file("/proc/self/uid_map", "0 1000 1") ||
        write_file("/proc/self/gid_map", "0 1000 1"))
        return 77;
    fd = open("/dev/fuse", O_RDWR);
    snprintf(options, sizeof options,
             "fd=%d,rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other", fd);
    if (mount("apus", B, "fuse.apus", MS_NOSUID | MS_NODEV, options) < 0)
        return 77;
    send_fd(socket, fd);
    close(fd);
    if (stat(B "/value", &st) < 0 || st.st_uid != 0 || st.st_gid != 0)
        return 2;
    if (fake_put(B "/value", "inside") != 6 || fake_put(B "/wait", "1") != -EBUSY)
        return 3;
    return 0;
}

static void test_a_descriptor_from_another_namespace(void **state)
{
    struct fuse_mount *m;
    int pair[2], status, fd;
    unsigned ended = 0;
    pid_t pid;

    assert_return_code(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), errno);
    pid = fork();
    if (pid == 0) {
        _exit(unprivileged(pair[1]));
    }
    close(pair[1]);
    fd = receive_fd(pair[0]);
    close(pair[0]);
    if (fd < 0) {
        waitpid(pid, &status, 0);
        print_message("no unprivileged user namespaces here (%d)\n", WEXITSTATUS(status));
        skip();
    }
    m = fake_must_mount(&fake, 0, NULL, fd, &ended);
    fake_wait_until(A "/waiting", "1 0\n");
    fake_expect(A "/value", "inside");
    assert_int_equal(fake_put(A "/finish", "-16"), 3);
    assert_return_code(waitpid(pid, &status, 0), errno);
    assert_int_equal(WEXITSTATUS(status), 0);
    for (unsigned i = 0; i < 1000 && !fake_counted(&ended); i++) {
        usleep(1000);
        fake_settle(&fake);
    }
    assert_int_equal(ended, 1); /* its namespace is gone, and the mount with it */
    fake_unmount(&fake, m);
}

/* Children mount and serve, with a thread of their own. ThreadSanitizer ends a program that starts
 * threads after the fork of one that had some. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "die_after_fork=0";
}

/* An unprivileged user mounts a tree through fusermount3. */
static int by_helper(void)
{
    struct fuse_mount *m = NULL;
    static struct fake own;
    text_auto why = {0};
    struct stat st;

    if (setresgid(1000, 1000, 1000) < 0 || setresuid(1000, 1000, 1000) < 0)
        return 1;
    fake_start(&own);
    if (fake_mount(&own, 0, B, -1, NULL, &why, &m) < 0) {
        fprintf(stderr, "%s\n", why.data);
        return 2;
    }
    if (stat(B "/value", &st) < 0 || st.st_uid != 1000 || st.st_gid != 1000)
        return 3;
    if (fake_put(B "/value", "mine") != 4)
        return 4;
    fake_unmount(&own, m);
    if (stat(B "/value", &st) == 0)
        return 5;
    fake_stop(&own);
    return 0;
}

static void test_a_plain_user_mounts_through_fusermount3(void **state)
{
    struct stat st;
    int status;
    pid_t pid;

    if (stat("/usr/bin/fusermount3", &st) < 0 || !(st.st_mode & S_ISUID)) {
        print_message("no setuid fusermount3 here\n");
        skip();
    }
    assert_return_code(chown(B, 1000, 1000), errno);
    pid = fork();
    if (pid == 0)
        _exit(by_helper());
    assert_return_code(waitpid(pid, &status, 0), errno);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_nobody_may_mount_where_he_may_not(void **state)
{
    text_auto why = {0};
    struct fuse_mount *m;
    int status, rc;
    pid_t pid = fork();

    if (pid == 0) {
        static struct fake own;

        if (setresgid(1000, 1000, 1000) < 0 || setresuid(1000, 1000, 1000) < 0)
            _exit(1);
        fake_start(&own);
        rc = fake_mount(&own, 0, B, -1, NULL, &why, &m); /* root's directory */
        _exit(rc == -EPERM && strstr(why.data, "no permission to mount a FUSE file system on " B)
                  ? 0
                  : 2);
    }
    assert_return_code(waitpid(pid, &status, 0), errno);
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_a_descriptor_that_is_none(void **state)
{
    struct fuse_mount *m = NULL;
    text_auto why = {0};

    assert_true(fake_mount(&fake, 0, NULL, 1000, NULL, &why, &m) < 0);
    assert_null(m);
    assert_non_null(strstr(why.data, "cannot start"));
}

/* libfuse would complain on standard error, once for each attempt to read. */
static void test_a_descriptor_that_is_not_mounted(void **state)
{
    int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    struct fuse_mount *m = NULL;
    text_auto why = {0};

    assert_return_code(fd, errno);
    assert_int_equal(fake_mount(&fake, 0, NULL, fd, NULL, &why, &m), -ENOTCONN);
    assert_non_null(strstr(why.data, "nothing is mounted"));
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

/* Releases are background requests: with the kernel's 12 they would pile up in its memory. */
static void test_many_background_requests(void **state)
{
    char path[64], text[16] = "";
    struct stat st;
    int fd;

    assert_return_code(stat(A, &st), errno);
    assert_return_code(mount("none", "/sys/fs/fuse/connections", "fusectl", 0, NULL), errno);
    snprintf(path, sizeof path, "/sys/fs/fuse/connections/%u/max_background", minor(st.st_dev));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_return_code(fd, errno);
    assert_true(read(fd, text, sizeof text - 1) > 0);
    close(fd);
    umount("/sys/fs/fuse/connections");
    assert_int_equal(atoi(text), 65535);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_umount_is_told_and_the_place_is_free_again),
        T(test_what_cannot_be_mounted_says_why),
        T(test_a_dead_mount_is_busy_and_does_not_hang),
        T(test_a_dead_mount_of_ours_is_taken_over),
        T(test_a_descriptor_from_another_namespace),
        T(test_a_plain_user_mounts_through_fusermount3),
        T(test_nobody_may_mount_where_he_may_not),
        T(test_a_descriptor_that_is_none),
        T(test_a_descriptor_that_is_not_mounted),
        T(test_many_background_requests),
    };

    fake_namespace(TOP);
    alarm(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
