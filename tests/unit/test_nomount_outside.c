/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nomount/outside.h"
#include "unit.h"

static char base[] = "/tmp/apus-outside-XXXXXX";

static void make_link(const char *target, const char *name)
{
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/%s", base, name);
    assert_int_equal(symlink(target, path), 0);
}

static int set_up(void **state)
{
    char directory[PATH_MAX];

    assert_non_null(mkdtemp(base));
    snprintf(directory, sizeof directory, "%s/dir", base);
    assert_int_equal(mkdir(directory, 0700), 0);
    make_link("/sys/bus/ap", "absolute");
    make_link("../../../sys/bus/ap/", "dir/relative");
    make_link("dir/relative/devices", "second");
    make_link("/dev/z90crypt", "node");
    make_link("/proc/self/cwd", "cwd");
    make_link("/dev/../sys", "up");
    make_link("loop", "loop");
    make_link("/usr/bin", "elsewhere");
    make_link("dir", "inner");
    return chdir(base);
}

static int tear_down(void **state)
{
    static const char *const names[] = {"dir/relative", "dir",   "absolute", "second",
                                        "node",         "cwd",   "up",       "loop",
                                        "elsewhere",    "inner", ""};
    char path[PATH_MAX];
    int rc = 0;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", base, names[i]);
        rc |= remove(path);
    }
    return rc;
}

/* to: NULL: nowhere. */
static void leads_as(const char *name, bool follow, const char *to)
{
    char path[PATH_MAX], out[PATH_MAX];
    int rc;

    snprintf(path, sizeof path, "%s%s%s", *name == '/' ? "" : base, *name == '/' ? "" : "/", name);
    rc = outside_lead(path, follow, false, out);
    assert_int_equal(rc, to != NULL);
    if (to)
        assert_string_equal(out, to);
    /* Where nothing has to be waited for, the same; a link of another file system may be. */
    rc = outside_lead(path, follow, true, out);
    assert_true(rc == -EAGAIN || rc == (to != NULL));
}

static void leads(const char *name, const char *to)
{
    leads_as(name, true, to);
}

static void links(void **state)
{
    leads("absolute", "/sys/bus/ap");
    leads("absolute/", "/sys/bus/ap/");
    leads("absolute/apmask", "/sys/bus/ap/apmask");
    leads("absolute/../mdev/x", "/sys/bus/ap/../mdev/x");
    leads("dir/relative/apmask", "/sys/bus/ap//apmask");
    leads("./inner/../dir//relative", "/sys/bus/ap/");
    leads("second/card04/type", "/sys/bus/ap//devices/card04/type");
    leads("node", "/dev/z90crypt");
    leads("cwd/x", "/proc/self/cwd/x");
    leads("cwd/dir", "/proc/self/cwd/dir"); /* which is there, but may be another process's */
    leads("up/bus", "/sys/bus");
}

static void other_paths(void **state)
{
    static const char *const names[] = {"", "dir", "nothing", "nothing/x", "loop", "loop/x",
                                        "elsewhere", "elsewhere/sh", "inner/x", "dir/absolute",
                                        /* which show it by their text */
                                        "/sys/bus/ap", "/dev/null", "/dev/stdin", "/proc/self/fd/0",
                                        "/usr/../sys/bus", "/"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        leads(names[i], NULL);
}

static void the_last_one(void **state)
{
    leads_as("absolute", false, NULL);
    leads_as("absolute/", false, "/sys/bus/ap/");
    leads_as("absolute/apmask", false, "/sys/bus/ap/apmask");
    leads_as("second", false, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links),
        cmocka_unit_test(other_paths),
        cmocka_unit_test(the_last_one),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
