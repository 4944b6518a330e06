/* SPDX-License-Identifier: MIT */
/* What helps where something is forbidden, by what confines the process. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rights/rights.h"

#define ALL       UINT64_C(0x1ffffffffff)
#define DOCKER    UINT64_C(0xa80425fb) /* what Docker leaves to root: SETFCAP, but not SYS_ADMIN */
#define SYS_ADMIN (UINT64_C(1) << 21)

static const struct advice {
    struct rights rights;
    enum rights_deed deed;
    int err;
    const char *wanted, *unwanted;
} cases[] = {
    /* docker run */
    {{.root = true, .filtered = true, .bounding = DOCKER},
     RIGHTS_USER_NAMESPACE,
     EPERM,
     "seccomp=unconfined, or --cap-add SYS_ADMIN",
     "run apus as root"},
    /* docker run -u 1000: a capability would not be this user's */
    {{.filtered = true, .bounding = DOCKER},
     RIGHTS_USER_NAMESPACE,
     EPERM,
     "--security-opt seccomp=unconfined",
     "SYS_ADMIN"},
    /* docker run --cap-drop ALL --security-opt seccomp=unconfined */
    {{.root = true}, RIGHTS_MAP_ROOT, EPERM, "--cap-add SETFCAP", "sysctl"},
    /* on the computer itself */
    {{.bounding = ALL, .no_user_namespaces = true},
     RIGHTS_USER_NAMESPACE,
     EPERM,
     "kernel.unprivileged_userns_clone=1",
     "apparmor"},
    {{.bounding = ALL, .few_user_namespaces = true},
     RIGHTS_USER_NAMESPACE,
     EACCES,
     "kernel.apparmor_restrict_unprivileged_userns=0",
     "clone"},
    {{.bounding = ALL}, RIGHTS_USER_NAMESPACE, EPERM, "run apus as root", "sysctl"},
    {{.root = true, .bounding = DOCKER}, RIGHTS_USER_NAMESPACE, EPERM, "SYS_ADMIN", "run apus as"},
    /* docker run --cap-add SYS_ADMIN, under AppArmor and SELinux */
    {{.root = true,
      .filtered = true,
      .bounding = DOCKER | SYS_ADMIN,
      .module = "docker-default (enforce)"},
     RIGHTS_MOUNT,
     EACCES,
     "as docker-default (enforce); let the container do without it (docker run --security-opt "
     "apparmor=unconfined)",
     "run apus as root"},
    {{.root = true, .bounding = ALL, .module = "system_u:system_r:container_t:s0:c1,c2"},
     RIGHTS_MOUNT,
     EACCES,
     "--security-opt label=disable",
     "apparmor"},
    {{.root = true, .bounding = ALL}, RIGHTS_MOUNT, EACCES, "a security module", "as root"},
    {{.root = true, .filtered = true, .bounding = DOCKER},
     RIGHTS_MOUNT,
     EPERM,
     "--cap-add SYS_ADMIN",
     "apparmor"},
    {{.root = true, .bounding = DOCKER}, RIGHTS_MOUNT, EPERM, "--cap-add SYS_ADMIN", "seccomp"},
    {{.bounding = ALL}, RIGHTS_MOUNT, EPERM, "run apus as root", "docker"},
    /* a filter that knows mount(2), and not what came after it */
    {{.root = true, .filtered = true, .bounding = DOCKER | SYS_ADMIN},
     RIGHTS_MOUNT_TREE,
     EPERM,
     "a newer container engine",
     "SYS_ADMIN"},
    {{.root = true, .filtered = true, .bounding = ALL, .module = "docker-default (enforce)"},
     RIGHTS_MOUNT_TREE,
     EACCES,
     "apparmor=unconfined",
     "seccomp"},
};

static void advice(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        text_auto got = {0};

        rights_advise(&cases[i].rights, cases[i].deed, cases[i].err, &got);
        if (!strstr(got.data, cases[i].wanted) || strstr(got.data, cases[i].unwanted))
            fail_msg("case %zu: %s", i, got.data);
    }
}

static void status(void **state)
{
    struct rights r = {0};

    rights_parse_status("Name:\tx\nCapEff:\t0000000000000000\nCapBnd:\t00000000a80425fb\n"
                        "NoNewPrivs:\t0\nSeccomp:\t2\nSeccomp_filters:\t1\n",
                        &r);
    assert_true(r.filtered);
    assert_int_equal(r.bounding, DOCKER);
    rights_parse_status("Name:\tx\nSeccomp:\t0\n", &r);
    assert_false(r.filtered);
    assert_int_equal(r.bounding, 0);
    rights_parse_status("", &r);
    assert_false(r.filtered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(advice), cmocka_unit_test(status)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
