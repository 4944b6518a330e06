/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core_made.h"
#include "nomount/walk.h"

/* A computer with a few directories and links of its own. */
static const struct real {
    const char *path, *target; /* target NULL: a directory; "": a file */
    dev_t device;
} reals[] = {{"/sys/bus", NULL},
             {"/sys/bus/pci", NULL},
             {"/sys/bus/pci/to-ap", "../ap/devices"},
             {"/sys/bus/mdev", NULL},
             {"/sys/class", NULL},
             {"/sys/class/misc", NULL},
             {"/sys/loop", "loop"},
             {"/sys/away", "/etc/passwd"},
             {"/sys", NULL},
             {"/dev", NULL},
             {"/dev/null", ""},
             {"/dev/web", ""},
             {"/dev/fd", "/proc/self/fd"},
             {"/dev/shm", NULL, 1},
             {"/dev/to-shm", "shm/x/y"},
             {"/dev/console", "nowhere", 2},
             {NULL, NULL}};

static const struct real *find(const char *path)
{
    for (const struct real *r = reals; r->path; r++)
        if (strcmp(r->path, path) == 0)
            return r;
    return NULL;
}

static int look(void *data, const char *path, struct walk_look *out)
{
    const struct real *r = find(path);

    assert_true(strncmp(path, "/dev/shm/", 9) != 0);
    if (!r)
        return -ENOENT;
    out->device = r->device;
    out->mode = !r->target ? S_IFDIR : *r->target ? S_IFLNK : S_IFREG;
    return 0;
}

static ssize_t read_link(void *data, const char *path, char *out, size_t size)
{
    const struct real *r = find(path);

    return r ? snprintf(out, size, "%s", r->target) : -ENOENT;
}

static struct core *core;
static struct walk_result at;

static int go(const char *path, bool follow)
{
    const struct walk_world world = {core_tree(core, CORE_HOST_TREE), look, read_link, NULL};

    return walk(&world, path, follow, &at);
}

static void leads(const char *path, enum walk_kind kind, const char *to)
{
    assert_int_equal(go(path, true), 0);
    assert_int_equal(at.kind, kind);
    assert_true(at.exists);
    assert_string_equal(at.path, to);
}

static void walks_in_the_tree(void **state)
{
    leads("/sys/bus/ap/apmask", WALK_OURS, "/sys/bus/ap/apmask");
    leads("/sys//bus/./ap/devices/card04/", WALK_OURS, "/sys/devices/ap/card04");
    assert_true(at.slash);
    leads("/sys/bus/ap/devices/card04/../card05/type", WALK_OURS, "/sys/devices/ap/card05/type");
    leads("/sys/class/misc/z90crypt/dev", WALK_OURS, "/sys/devices/virtual/misc/z90crypt/dev");
    leads("/sys/dev/char/10:196/dev", WALK_OURS, "/sys/devices/virtual/misc/vfio/dev");
    assert_int_equal(go("/sys/bus/ap/devices/card04", false), 0);
    assert_true(at.link);
    assert_int_equal(go("/sys/bus/ap/apmask/x", true), -ENOTDIR);
    assert_int_equal(go("/sys/bus/ap/nothing/x", true), -ENOENT);
    assert_int_equal(go("/sys/bus/ap/nothing", true), 0);
    assert_false(at.exists);
}

static void walks_over_the_border(void **state)
{
    leads("/sys/bus/ap/../pci", WALK_REAL, "/sys/bus/pci");
    assert_true(at.crossed);
    leads("/sys/bus/pci", WALK_REAL, "/sys/bus/pci");
    assert_false(at.crossed);
    leads("/sys/bus/pci/to-ap/card04/type", WALK_OURS, "/sys/devices/ap/card04/type");
    leads("/sys/bus", WALK_UNION, "/sys/bus");
    assert_true(at.real);
    leads("/sys/devices/virtual/misc", WALK_UNION, "/sys/devices/virtual/misc");
    assert_false(at.real);
    leads("/sys/bus/ap/../../..", WALK_REAL, "/");
    leads("/sys/away", WALK_REAL, "/etc/passwd");
    assert_int_equal(go("/sys/loop", true), -ELOOP);
}

/* What is mounted there may be a file system that does not answer: it is not asked. */
static void walks_in_mounts(void **state)
{
    leads("/dev/shm", WALK_REAL, "/dev/shm");
    leads("/dev/shm/x/bus/nosuch", WALK_REAL, "/dev/shm/x/bus/nosuch");
    assert_false(at.crossed);
    leads("/dev/shm/x/..", WALK_REAL, "/dev/shm");
    leads("/dev/shm/x/../../null", WALK_REAL, "/dev/null");
    leads("/dev/shm/x/../../../sys/bus/ap/apmask", WALK_OURS, "/sys/bus/ap/apmask");
    leads("/dev/to-shm/z", WALK_REAL, "/dev/shm/x/y/z");
    leads("/dev/console", WALK_REAL, "/dev/console");
    leads("/sys/bus/ap/../../../dev/shm/x", WALK_REAL, "/dev/shm/x");
    assert_true(at.crossed);
}

/* The tree comes first where a place is, the computer for other device nodes. */
static void names_of_both(void **state)
{
    leads("/sys/bus/mdev", WALK_OURS, "/sys/bus/mdev");
    leads("/dev/z90crypt", WALK_OURS, "/dev/z90crypt");
    leads("/dev/null", WALK_REAL, "/dev/null");
    leads("/dev/web", WALK_REAL, "/dev/web");
    leads("/dev/fd/3", WALK_REAL, "/proc/self/fd/3");
    assert_int_equal(go("/dev/nothing", true), 0);
    assert_int_equal(at.kind, WALK_REAL);
    assert_false(at.exists);
    leads("/proc/sysinfo", WALK_OURS, "/proc/sysinfo");
    assert_int_equal(go("/proc/sysinfo/x", true), -ENOTDIR);
    leads("/proc/cpuinfo", WALK_REAL, "/proc/cpuinfo");
}

/* The nodes of VFIO are the machine's, whatever the computer has of that name. */
static void nodes_of_vfio(void **state)
{
    assert_int_equal(go("/dev/vfio", true), 0);
    assert_int_equal(at.kind, WALK_OURS);
    assert_false(at.exists);
    core_show_vfio_nodes(core);
    leads("/dev/vfio/vfio", WALK_OURS, "/dev/vfio/vfio");
    leads("/dev/vfio/../null", WALK_REAL, "/dev/null");
    assert_int_equal(go("/dev/vfio/7", true), 0);
    assert_false(at.exists);
    assert_int_equal(go("/dev/vfio/vfio/x", true), -ENOTDIR);
}

static void paths_that_concern(void **state)
{
    static const char *const yes[] = {
        "/sys",      "/sys/bus",    "//sys",         "/usr/../sys/bus",      "/./dev/null",
        "/../sys/x", "/dev/../etc", "/proc/sysinfo", "/proc/self/../sysinfo"};
    static const char *const no[] = {"/",          "/system",      "/usr/sys",
                                     "/s/ys",      "/devel",       "/usr/../etc",
                                     "/proc/self", "/proc/sysinf", "/proc/sysinfo.old"};

    for (size_t i = 0; i < ARRAY_LEN(yes); i++)
        assert_true(walk_may_concern(yes[i]));
    for (size_t i = 0; i < ARRAY_LEN(no); i++)
        assert_false(walk_may_concern(no[i]));
}

static void long_paths(void **state)
{
    char path[3 * PATH_MAX] = "/sys";

    for (size_t i = 4; i < sizeof path - 3; i += 2)
        strcpy(path + i, "/x");
    assert_int_equal(go(path, true), -ENAMETOOLONG);
    path[PATH_MAX - 1] = '\0';
    assert_int_equal(go(path, true), -ENOENT);
    strcpy(path, "/sys/bus/ap/");
    memset(path + 12, 'y', NAME_MAX + 1);
    path[12 + NAME_MAX + 1] = '\0';
    assert_int_equal(go(path, true), 0); /* sysfs knows no longest name */
    assert_false(at.exists);
}

static void paths_of_nodes(void **state)
{
    static const char *const paths[] = {"/sys/bus/ap/apmask", "/dev/z90crypt",
                                        "/sys/bus/ap/devices/card04", "/dev/vfio",
                                        "/dev/vfio/vfio"};

    core_show_vfio_nodes(core);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        text_auto path = {0};

        assert_int_equal(go(paths[i], false), 0);
        walk_path_of(core_tree(core, CORE_HOST_TREE), at.ino, &path);
        assert_string_equal(path.data, paths[i]);
    }
}

/* What was the machine's is not asked for, and all else is as before. */
static void a_tree_that_has_gone(void **state)
{
    const struct walk_world world = {.look = look, .readlink = read_link};

    assert_int_equal(walk(&world, "/sys/bus/ap/apmask", true, &at), -ENOTCONN);
    assert_true(at.crossed);
    assert_int_equal(walk(&world, "/sys/bus/pci/to-ap", true, &at), -ENOTCONN);
    assert_int_equal(walk(&world, "/dev/z90crypt", true, &at), -ENOTCONN);
    assert_int_equal(walk(&world, "/dev/null", true, &at), 0);
    assert_int_equal(walk(&world, "/dev/nothing", true, &at), 0);
    assert_false(at.exists || at.crossed);
    assert_int_equal(walk(&world, "/sys/bus/pci", true, &at), 0);
    assert_int_equal(at.kind, WALK_REAL);
}

static int set_up(void **state)
{
    core = make("[machine]\ndomains = 4\n"
                "[adapter 4]\ntype = CEX8A\n[adapter 5]\ntype = CEX8C\n");
    return 0;
}

static int tear_down(void **state)
{
    core_free(core);
    return 0;
}

static int go_within(const char *base, const char *path, uint64_t resolve)
{
    struct walk_world world = {core_tree(core, CORE_HOST_TREE), look, read_link, NULL};
    char joined[PATH_MAX];

    world.resolve = resolve;
    world.base = base;
    snprintf(joined, sizeof joined, "%s/%s", base, path);
    return walk(&world, joined, true, &at);
}

static void stays_within(void **state)
{
    static const char ap[] = "/sys/bus/ap";

    assert_int_equal(go_within(ap, "devices/../apmask", RESOLVE_BENEATH), 0);
    assert_string_equal(at.path, "/sys/bus/ap/apmask");
    assert_int_equal(go_within(ap, "devices/../../ap", RESOLVE_BENEATH), -EXDEV);
    assert_int_equal(go_within(ap, "devices/card04", RESOLVE_BENEATH), -EXDEV);
    assert_int_equal(go_within("/sys", "bus/ap/devices/card04", RESOLVE_BENEATH), 0);
    assert_int_equal(go_within("/sys", "away", RESOLVE_BENEATH), -EXDEV);
    assert_int_equal(go_within("", "sys/bus/ap", RESOLVE_BENEATH), 0);
    assert_int_equal(go_within("", "../sys/bus/ap", RESOLVE_BENEATH), -EXDEV);
}

static void has_another_root(void **state)
{
    assert_int_equal(go_within("/sys/bus", "../../ap/apmask", RESOLVE_IN_ROOT), 0);
    assert_string_equal(at.path, "/sys/bus/ap/apmask");
    assert_int_equal(go_within("/sys", "away", RESOLVE_IN_ROOT), -ENOENT);
    assert_string_equal(at.path, "/sys/etc");
    assert_int_equal(go_within("", "../sys/bus/ap/devices/card04", RESOLVE_IN_ROOT), 0);
    assert_string_equal(at.path, "/sys/devices/ap/card04");
}

static void stays_in_its_file_system(void **state)
{
    assert_int_equal(go_within("/sys/bus/ap", "devices/card04/type", RESOLVE_NO_XDEV), 0);
    assert_int_equal(go_within("/sys/bus", "../../sys/bus", RESOLVE_NO_XDEV), -EXDEV);
    assert_int_equal(go_within("", "sys/bus/ap", RESOLVE_NO_XDEV), -EXDEV);
    assert_int_equal(go_within("/dev", "z90crypt", RESOLVE_NO_XDEV), 0);
    assert_int_equal(go_within("/sys", "away", RESOLVE_NO_XDEV), -EXDEV);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_in_the_tree),    cmocka_unit_test(walks_over_the_border),
        cmocka_unit_test(walks_in_mounts),      cmocka_unit_test(names_of_both),
        cmocka_unit_test(nodes_of_vfio),        cmocka_unit_test(paths_that_concern),
        cmocka_unit_test(long_paths),           cmocka_unit_test(paths_of_nodes),
        cmocka_unit_test(a_tree_that_has_gone), cmocka_unit_test(stays_within),
        cmocka_unit_test(has_another_root),     cmocka_unit_test(stays_in_its_file_system),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
