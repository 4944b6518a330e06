/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "fuse_fake.h"

/* Files and directories of a mount behave as those of sysfs [files-sysfs]. */

#define DIR_ "/tmp"
#define MNT  DIR_ "/mnt"

static struct fake fake;
static struct fuse_mount *mount_;

static int setup(void **state)
{
    text_auto why = {0};

    fake_start(&fake);
    assert_return_code(mkdir(MNT, 0755), errno);
    assert_int_equal(fake_mount(&fake, 0, MNT, -1, NULL, &why, &mount_), 0);
    return chdir(MNT);
}

static int teardown(void **state)
{
    assert_return_code(chdir("/"), errno);
    fake_unmount(&fake, mount_);
    fake_stop(&fake);
    return rmdir(MNT);
}

static int must_open(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0644);

    assert_return_code(fd, errno);
    return fd;
}

static ssize_t put(const char *path, const char *data)
{
    int fd = must_open(path, O_WRONLY | O_CREAT | O_TRUNC);
    ssize_t n = write(fd, data, strlen(data));
    int err = errno;

    assert_return_code(close(fd), errno);
    errno = err;
    return n;
}

static const char *get(const char *path)
{
    static char buffer[2 * FAKE_VALUE];
    int fd = must_open(path, O_RDONLY);
    ssize_t n = read(fd, buffer, sizeof buffer - 1);

    assert_return_code(n, errno);
    buffer[n] = '\0';
    close(fd);
    return buffer;
}

static void objects(const char *command, unsigned from, unsigned to)
{
    char text[32];
    ssize_t len = snprintf(text, sizeof text, "%u %u", from, to);

    assert_int_equal(put(command, text), len);
}

static void test_stat_is_that_of_sysfs(void **state)
{
    struct stat st;
    struct statvfs fs;

    objects("add", 3, 4);
    assert_return_code(lstat("value", &st), errno);
    assert_int_equal(st.st_mode, S_IFREG | 0644);
    assert_int_equal(st.st_size, 4096);
    assert_int_equal(st.st_uid + st.st_gid, 0);
    assert_return_code(lstat("secret", &st), errno);
    assert_int_equal(st.st_mode, S_IFREG | 0200);
    assert_return_code(lstat("obj3", &st), errno);
    assert_int_equal(st.st_mode, S_IFDIR | 0755);
    assert_int_equal(st.st_size, 0);
    assert_return_code(lstat("obj3/home", &st), errno);
    assert_int_equal(st.st_mode, S_IFLNK | 0777);
    assert_int_equal(st.st_size, 0);
    assert_return_code(statvfs(".", &fs), errno);
    assert_int_equal(fs.f_bsize, 4096);
    assert_int_equal(fs.f_namemax, 255);
    assert_fails(ENOENT, lstat("obj4", &st));
    assert_fails(ENOTDIR, lstat("value/x", &st));
}

static void test_links_are_relative(void **state)
{
    char target[64] = "";

    objects("add", 3, 4);
    assert_int_equal(readlink("folder/obj3", target, sizeof target), 7);
    assert_string_equal(target, "../obj3");
    assert_string_equal(get("folder/obj3/id"), "3\n");
    assert_string_equal(get("folder/obj3/home/obj3/id"), "3\n");
    assert_fails(EINVAL, readlink("value", target, sizeof target));
}

static void test_not_even_root_opens_in_a_direction_without_a_bit(void **state)
{
    assert_fails(EACCES, open("count", O_WRONLY));
    assert_fails(EACCES, open("count", O_RDWR));
    assert_fails(EACCES, open("count", O_WRONLY | O_TRUNC));
    assert_fails(EACCES, open("secret", O_RDONLY));
    assert_fails(EACCES, open("secret", O_RDWR));
    assert_fails(EISDIR, open("folder", O_WRONLY));
    assert_int_equal(put("secret", "x"), 1);
}

/* Runs fn in a process of an unprivileged user; returns its exit status. */
static int as_nobody(int (*fn)(void))
{
    pid_t pid = fork();
    int status;

    assert_return_code(pid, errno);
    if (pid == 0)
        _exit(setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0 ? 99 : fn());
    assert_return_code(waitpid(pid, &status, 0), errno);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int nobody_looks(void)
{
    char c;
    int fd = open("value", O_RDONLY);

    if (fd < 0 || read(fd, &c, 1) < 0)
        return 1;
    if (open("value", O_WRONLY) >= 0 || errno != EACCES)
        return 2;
    if (open("secret", O_WRONLY) >= 0 || errno != EACCES)
        return 3;
    if (access("value", R_OK) < 0 || access("value", W_OK) == 0)
        return 4;
    if (chmod("value", 0644) == 0 || errno != EPERM)
        return 5;
    if (mkdir("new", 0755) == 0 || errno != EACCES)
        return 6;
    return 0;
}

static void test_modes_hold_for_ordinary_users(void **state)
{
    assert_int_equal(as_nobody(nobody_looks), 0);
}

static void test_truncation_and_append_mean_nothing(void **state)
{
    struct stat st;
    int fd;

    assert_int_equal(put("value", "hello"), 5);
    close(must_open("value", O_WRONLY | O_TRUNC));
    assert_return_code(truncate("value", 0), errno);
    assert_string_equal(get("value"), "hello");
    fd = must_open("value", O_RDWR | O_APPEND);
    assert_int_equal(write(fd, "abc", 3), 3);
    assert_int_equal(pwrite(fd, "de", 2, 70), 2);
    assert_return_code(ftruncate(fd, 1), errno);
    assert_string_equal(get("value"), "de");
    assert_return_code(fstat(fd, &st), errno);
    assert_int_equal(st.st_size, 4096);
    close(fd);
    assert_return_code(stat("value", &st), errno);
    assert_int_equal(st.st_size, 4096);
}

static void test_a_write_takes_at_most_4096_bytes(void **state)
{
    static char data[1 << 20];
    int fd = must_open("value", O_WRONLY);

    memset(data, 'a', sizeof data);
    assert_int_equal(write(fd, data, 4096), 4096);
    assert_string_equal(get("length"), "4096\n");
    assert_int_equal(write(fd, data, 4097), 4096);
    assert_string_equal(get("length"), "4096\n");
    assert_int_equal(write(fd, data, 200000), 4096);
    assert_int_equal(write(fd, data, sizeof data), 4096);
    assert_int_equal(write(fd, data, 0), 0);
    assert_string_equal(get("length"), "4096\n");
    close(fd);
}

static void test_errors_come_from_write_and_read(void **state)
{
    char c;
    int fd = must_open("refuse", O_RDWR);

    assert_fails(EADDRINUSE, write(fd, "x", 1));
    assert_fails(ENODEV, read(fd, &c, 1));
    assert_fails(ENODEV, pread(fd, &c, 1, 5));
    assert_return_code(close(fd), errno);
}

static void test_the_content_is_made_at_offset_0_and_stays(void **state)
{
    char buffer[32];
    int fd = must_open("count", O_RDONLY), other = must_open("value", O_RDWR);

    assert_int_equal(read(fd, buffer, 1), 1);
    assert_int_equal(read(fd, buffer, 9), 1);
    assert_int_equal(read(fd, buffer, 9), 0);
    assert_int_equal(pread(fd, buffer, 9, 4096), 0);
    close(fd);
    assert_string_equal(get("count"), "2\n");
    assert_int_equal(write(other, "first", 5), 5);
    assert_int_equal(pread(other, buffer, 2, 0), 2);
    assert_int_equal(put("value", "SECOND"), 6);
    assert_int_equal(pread(other, buffer, 32, 2), 3);
    assert_memory_equal(buffer, "rst", 3);
    assert_int_equal(pread(other, buffer, 32, 0), 6);
    assert_memory_equal(buffer, "SECOND", 6);
    close(other);
    fd = must_open("value", O_RDONLY);
    assert_int_equal(pread(fd, buffer, 32, 4), 2);
    assert_memory_equal(buffer, "ND", 2);
    close(fd);
}

static void test_contents_of_any_length_are_read_whole(void **state)
{
    static char buffer[3 * FAKE_VALUE];
    ssize_t n, total = 0;
    int fd;

    assert_int_equal(put("value", "q"), 1);
    assert_int_equal(strlen(get("value")), FAKE_VALUE);
    fd = must_open("value", O_RDONLY);
    while ((n = read(fd, buffer + total, 777)) > 0)
        total += n;
    assert_int_equal(total, FAKE_VALUE);
    for (ssize_t i = 0; i < total; i++)
        assert_int_equal(buffer[i], 'q');
    assert_ptr_equal(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0), MAP_FAILED);
    assert_int_equal(errno, ENODEV);
    close(fd);
}

static void test_nothing_can_be_made_removed_or_renamed(void **state)
{
    objects("add", 3, 4);
    assert_fails(EACCES, open("new", O_WRONLY | O_CREAT, 0644));
    assert_fails(EACCES, open("obj3/new", O_RDWR | O_CREAT | O_EXCL, 0644));
    assert_fails(EEXIST, open("value", O_RDWR | O_CREAT | O_EXCL, 0644));
    assert_fails(EPERM, mkdir("new", 0755));
    assert_fails(EPERM, mknod("new", S_IFIFO | 0600, 0));
    assert_fails(EPERM, unlink("value"));
    assert_fails(EPERM, unlink("obj3/home"));
    assert_fails(EPERM, rmdir("obj3"));
    assert_fails(EPERM, rename("value", "other"));
    assert_fails(EPERM, link("value", "other"));
    assert_fails(EPERM, symlink("value", "other"));
    assert_fails(ENOENT, open("new", O_WRONLY));
}

static void test_times_may_be_set_and_stay(void **state)
{
    struct stat before, after;

    assert_return_code(stat("value", &before), errno);
    assert_return_code(utimensat(AT_FDCWD, "value", NULL, 0), errno);
    assert_return_code(stat("value", &after), errno);
    assert_int_equal(before.st_mtime, after.st_mtime);
}

static void must_be(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
    struct stat st;

    assert_return_code(lstat(path, &st), errno);
    assert_int_equal(st.st_mode & 07777, mode);
    assert_int_equal(st.st_uid, uid);
    assert_int_equal(st.st_gid, gid);
}

static int nobody_writes(void)
{
    return open("value", O_WRONLY) < 0 ? errno : 0;
}

/* Also through another mount, which has cached what was before. */
static void test_mode_and_owner_change_for_all(void **state)
{
    struct fuse_mount *other;

    assert_return_code(mkdir(DIR_ "/other", 0755), errno);
    other = fake_must_mount(&fake, 0, DIR_ "/other", -1, NULL);
    must_be(DIR_ "/other/value", 0644, 0, 0);
    assert_int_equal(as_nobody(nobody_writes), EACCES);
    assert_return_code(chmod("value", 0662), errno);
    must_be("value", 0662, 0, 0);
    must_be(DIR_ "/other/value", 0662, 0, 0);
    assert_int_equal(as_nobody(nobody_writes), 0);
    assert_return_code(chown("value", 7, -1), errno);
    assert_return_code(chown("value", -1, 8), errno);
    must_be(DIR_ "/other/value", 0662, 7, 8);
    objects("add", 3, 4);
    assert_return_code(lchown("folder/obj3", 5, 6), errno);
    must_be("folder/obj3", 0777, 5, 6);
    assert_return_code(chmod(".", 0700), errno);
    must_be(DIR_ "/other", 0700, 0, 0);
    assert_int_equal(as_nobody(nobody_writes), EACCES);
    assert_fails(EPERM, unlink("value"));
    fake_unmount(&fake, other);
    assert_return_code(rmdir(DIR_ "/other"), errno);
}

/* A direction opens if somebody has a bit; what the attribute cannot do is an error of its own. */
static void test_a_wider_mode_adds_no_direction(void **state)
{
    int fd;

    assert_return_code(chmod("count", 0644), errno);
    fd = must_open("count", O_WRONLY);
    assert_fails(EIO, (int)write(fd, "1", 1));
    close(fd);
    assert_return_code(chmod("secret", 0600), errno);
    fd = must_open("secret", O_RDONLY);
    assert_fails(EIO, (int)read(fd, &(char){0}, 1));
    close(fd);
    assert_return_code(chmod("value", 0), errno);
    assert_fails(EACCES, open("value", O_RDONLY));
}

static void test_there_are_no_extended_attributes(void **state)
{
    char value[8];

    assert_fails(EOPNOTSUPP, getxattr("value", "user.x", value, sizeof value));
    assert_fails(EOPNOTSUPP, setxattr("value", "user.x", "1", 1, 0));
    assert_fails(EOPNOTSUPP, removexattr("value", "user.x"));
    assert_int_equal(listxattr("value", value, sizeof value), 0);
    assert_int_equal(listxattr("value", NULL, 0), 0);
}

static void test_a_device_node_asks_the_core(void **state)
{
    assert_fails(ENXIO, open("node", O_RDWR));
}

static void test_files_of_a_vanished_object(void **state)
{
    char c;
    struct stat st;
    struct pollfd p = {.events = POLLPRI};
    int id, writer;

    objects("add", 3, 4);
    id = must_open("obj3/id", O_RDONLY);
    writer = must_open("obj3/bound", O_WRONLY);
    assert_int_equal(read(id, &c, 1), 1);
    assert_int_equal(put("obj3/remove", "1"), 1);
    assert_fails(ENOENT, stat("obj3", &st));
    assert_fails(ENOENT, stat("obj3/id", &st));
    assert_fails(ENOENT, stat("folder/obj3", &st));
    assert_fails(ENODEV, read(id, &c, 1));
    assert_fails(ENODEV, pread(id, &c, 1, 0));
    assert_fails(ENODEV, write(writer, "1", 1));
    p.fd = id;
    assert_int_equal(poll(&p, 1, 0), 1);
    assert_int_equal(p.revents, POLLPRI | POLLERR);
    objects("add", 3, 4); /* another object of the same name */
    assert_fails(ENODEV, pread(id, &c, 1, 0));
    assert_fails(ENODEV, write(writer, "1", 1));
    assert_string_equal(get("obj3/id"), "3\n");
    close(id);
    close(writer);
}

static void test_an_attribute_that_comes_and_goes(void **state)
{
    struct stat st;
    char c;
    int fd;

    objects("add", 3, 4);
    assert_fails(ENOENT, stat("obj3/flag", &st));
    assert_int_equal(put("obj3/bound", "1"), 1);
    assert_return_code(stat("obj3/flag", &st), errno);
    fd = must_open("obj3/flag", O_RDONLY);
    assert_int_equal(read(fd, &c, 1), 1);
    assert_int_equal(put("obj3/bound", "0"), 1);
    assert_fails(ENOENT, stat("obj3/flag", &st));
    assert_fails(ENODEV, read(fd, &c, 1));
    close(fd);
}

static void test_a_name_that_was_not_there_appears_at_once(void **state)
{
    struct stat st;

    for (unsigned i = 0; i < 50; i++) {
        assert_fails(ENOENT, stat("obj9", &st));
        objects("add", 9, 10);
        assert_return_code(stat("obj9/id", &st), errno);
        objects("del", 9, 10);
    }
}

static void test_listing_names_types_and_dots(void **state)
{
    unsigned files = 0, dirs = 0, dots = 0;
    struct dirent *e;
    DIR *dir;

    objects("add", 0, 5);
    dir = opendir(".");
    assert_non_null(dir);
    while ((e = readdir(dir))) {
        struct stat st;

        assert_return_code(lstat(e->d_name, &st), errno);
        if (e->d_name[0] != '.')
            assert_int_equal(st.st_ino, e->d_ino);
        dots += e->d_name[0] == '.';
        dirs += e->d_type == DT_DIR;
        files += e->d_type == DT_REG;
    }
    closedir(dir);
    assert_int_equal(dots, 2);
    assert_int_equal(dirs, 2 + 1 + 5);
    assert_int_equal(files, 11);
    dir = opendir("folder");
    for (files = 0; (e = readdir(dir));)
        files += e->d_type == DT_LNK;
    closedir(dir);
    assert_int_equal(files, 5);
}

/* Half of the objects are removed while a program lists them: the others are returned exactly once.
 */
static void test_listing_65536_objects_while_some_go(void **state)
{
    static unsigned char seen[FAKE_OBJECTS];
    unsigned n = 0, i;
    struct dirent *e;
    DIR *dir;

    memset(seen, 0, sizeof seen);
    objects("add", 0, FAKE_OBJECTS);
    dir = opendir(".");
    while ((e = readdir(dir))) {
        if (sscanf(e->d_name, "obj%u", &i) == 1)
            seen[i]++;
        if (++n == 10000)
            objects("del", 5000, 32768);
    }
    rewinddir(dir);
    for (n = 0; (e = readdir(dir));)
        n++;
    closedir(dir);
    assert_int_equal(n, 2 + 12 + 5000 + 32768);
    for (i = 0; i < FAKE_OBJECTS; i++)
        if (i < 5000 || i >= 32768)
            assert_int_equal(seen[i], 1);
        else
            assert_true(seen[i] <= 1);
}

static void test_seekdir_returns_to_a_place(void **state)
{
    char name[256];
    struct dirent *e;
    long place;
    DIR *dir;

    objects("add", 0, 1000);
    dir = opendir(".");
    for (unsigned i = 0; i < 700; i++)
        assert_non_null(readdir(dir));
    place = telldir(dir);
    e = readdir(dir);
    strcpy(name, e->d_name);
    while (readdir(dir))
        ;
    seekdir(dir, place);
    e = readdir(dir);
    assert_string_equal(e->d_name, name);
    closedir(dir);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_stat_is_that_of_sysfs),
        T(test_links_are_relative),
        T(test_not_even_root_opens_in_a_direction_without_a_bit),
        T(test_modes_hold_for_ordinary_users),
        T(test_truncation_and_append_mean_nothing),
        T(test_a_write_takes_at_most_4096_bytes),
        T(test_errors_come_from_write_and_read),
        T(test_the_content_is_made_at_offset_0_and_stays),
        T(test_contents_of_any_length_are_read_whole),
        T(test_nothing_can_be_made_removed_or_renamed),
        T(test_times_may_be_set_and_stay),
        T(test_mode_and_owner_change_for_all),
        T(test_a_wider_mode_adds_no_direction),
        T(test_there_are_no_extended_attributes),
        T(test_a_device_node_asks_the_core),
        T(test_files_of_a_vanished_object),
        T(test_an_attribute_that_comes_and_goes),
        T(test_a_name_that_was_not_there_appears_at_once),
        T(test_listing_names_types_and_dots),
        T(test_listing_65536_objects_while_some_go),
        T(test_seekdir_returns_to_a_place),
    };

    fake_namespace(DIR_);
    alarm(120); /* a hanging file system must not hang the build */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
