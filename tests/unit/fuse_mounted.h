/* SPDX-License-Identifier: MIT */
/* A fake core with one mount at A, and B where another may be. */
#ifndef APUS_TESTS_FUSE_MOUNTED_H
#define APUS_TESTS_FUSE_MOUNTED_H

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#include "fuse_fake.h"

#define TOP "/tmp"
#define A   TOP "/a"
#define B   TOP "/b"

static struct fake fake;
static struct fuse_mount *mount_a;
static unsigned ended_a;

static inline int setup(void **state)
{
    text_auto why = {0};

    ended_a = 0;
    fake_start(&fake);
    assert_return_code(mkdir(A, 0755), errno);
    assert_return_code(mkdir(B, 0755), errno);
    assert_int_equal(fake_mount(&fake, 0, A, -1, &ended_a, &why, &mount_a), 0);
    return 0;
}

static inline int teardown(void **state)
{
    if (mount_a)
        fake_unmount(&fake, mount_a);
    fake_stop(&fake);
    assert_return_code(rmdir(A), errno);
    return rmdir(B);
}

#endif
