/* SPDX-License-Identifier: MIT */
/* Files of our own: what is refused, and that a refusal changes nothing. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/own_file.h"
#include "unit.h"

static char folder[] = "/tmp/apus-own-file-XXXXXX";
static int dir = -1;

static int setup(void **state)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    assert_non_null(mkdtemp(folder));
    dir = open(folder, O_DIRECTORY | O_CLOEXEC);
    return dir < 0;
}

static int teardown(void **state)
{
    static const char *const names[] = {"file", "other", "target"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlinkat(dir, names[i], 0);
    unlinkat(dir, "folder", AT_REMOVEDIR);
    close(dir);
    return rmdir(folder);
}

static void put(const char *name, const char *content, mode_t mode)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static const char *get(const char *name)
{
    static char content[256];
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, content, sizeof content - 1);

    assert_true(n >= 0);
    content[n] = '\0';
    close(fd);
    return content;
}

static mode_t mode_of(const char *name)
{
    struct stat st;

    assert_int_equal(fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW), 0);
    return st.st_mode & 07777;
}

static void refused(int expected, const char *word)
{
    struct own_file f;
    text_auto why = {0};

    assert_int_equal(own_file_open(dir, "file", &f, &why), expected);
    assert_non_null(strstr(why.data, "file"));
    assert_non_null(strstr(why.data, word));
}

static void a_new_one_is_created_and_discarded(void **state)
{
    struct own_file f;
    text_auto why = {0};

    assert_int_equal(own_file_open(dir, "file", &f, &why), 0);
    assert_true(f.created);
    assert_int_equal(mode_of("file"), 0600);
    own_file_discard(&f);
    assert_int_equal(faccessat(dir, "file", F_OK, 0), -1);
}

static void an_existing_one_changes_late(void **state)
{
    struct own_file f;
    text_auto why = {0};

    put("file", "valuable", 0644);
    assert_int_equal(own_file_open(dir, "file", &f, &why), 0);
    assert_false(f.created);
    assert_string_equal(get("file"), "valuable");
    assert_int_equal(mode_of("file"), 0644);
    assert_int_equal(own_file_secure(&f, &why), 0);
    assert_int_equal(mode_of("file"), 0600);
    assert_int_equal(own_file_replace(&f, 5, "!", 1, &why), 0);
    assert_string_equal(get("file"), "valua!");
    own_file_discard(&f);
    assert_string_equal(get("file"), "valua!");
}

static void links_are_not_followed(void **state)
{
    put("target", "root's", 0600);
    assert_int_equal(symlinkat("target", dir, "file"), 0);
    refused(-ELOOP, "symbolic link");
    unlinkat(dir, "file", 0);
    assert_int_equal(linkat(dir, "target", dir, "file", 0), 0);
    refused(-EMLINK, "hard link");
    assert_string_equal(get("target"), "root's");
}

static void what_is_no_file_is_refused(void **state)
{
    /* Without O_NONBLOCK this would wait for a reader. */
    assert_int_equal(mkfifoat(dir, "file", 0600), 0);
    refused(-EINVAL, "no regular file");
    unlinkat(dir, "file", 0);
    assert_int_equal(mkdirat(dir, "file", 0700), 0);
    refused(-EINVAL, "no regular file");
    unlinkat(dir, "file", AT_REMOVEDIR);
}

static void a_foreign_one_is_refused(void **state)
{
    if (geteuid() != 0)
        skip();
    put("file", "", 0666);
    assert_int_equal(fchownat(dir, "file", 65534, 65534, 0), 0);
    refused(-EPERM, "another user");
}

/* The system's EPERM, ELOOP and ENOTDIR are not taken for ours. */
static void what_the_system_refuses_has_its_words(void **state)
{
    text_auto why = {0};
    struct own_file f;
    int fd, flags = FS_IMMUTABLE_FL, none = 0;

    assert_int_equal(symlinkat("other", dir, "other"), 0);
    assert_int_equal(own_file_open(dir, "other/file", &f, &why), -ELOOP);
    assert_non_null(strstr(why.data, "Too many levels"));
    put("file", "", 0600);
    text_clear(&why);
    assert_int_equal(own_file_open(dir, "file/", &f, &why), -EINVAL);
    fd = openat(dir, "file", O_RDONLY | O_CLOEXEC);
    if (ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0)
        refused(-EPERM, "not permitted");
    ioctl(fd, FS_IOC_SETFLAGS, &none);
    close(fd);
}

static void a_locked_one_is_refused(void **state)
{
    struct own_file f;
    text_auto why = {0};

    assert_int_equal(own_file_open(dir, "file", &f, &why), 0);
    refused(-EBUSY, "another process");
    own_file_remove(&f);
    assert_int_equal(faccessat(dir, "file", F_OK, 0), -1);
}

static void another_in_its_place_stays(void **state)
{
    struct own_file f;
    text_auto why = {0};

    assert_int_equal(own_file_open(dir, "file", &f, &why), 0);
    unlinkat(dir, "file", 0);
    put("file", "somebody's", 0600);
    own_file_discard(&f);
    assert_string_equal(get("file"), "somebody's");
}

static void what_does_not_fit_changes_nothing(void **state)
{
    struct rlimit old, small = {4, RLIM_INFINITY};
    struct own_file f;
    text_auto why = {0};
    int rc;

    put("file", "kept", 0600);
    assert_int_equal(own_file_open(dir, "file", &f, &why), 0);
    getrlimit(RLIMIT_FSIZE, &old);
    small.rlim_max = old.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    rc = own_file_replace(&f, 0, "too long", 8, &why);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(rc, -EFBIG);
    assert_string_equal(get("file"), "kept");
    own_file_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_one_is_created_and_discarded, setup, teardown),
        cmocka_unit_test_setup_teardown(an_existing_one_changes_late, setup, teardown),
        cmocka_unit_test_setup_teardown(links_are_not_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_file_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_foreign_one_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_system_refuses_has_its_words, setup, teardown),
        cmocka_unit_test_setup_teardown(a_locked_one_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(another_in_its_place_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(what_does_not_fit_changes_nothing, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
