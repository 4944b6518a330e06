/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cuse/internal.h"

/* Calls between two rounds: who has left many of them is not at the cost of others. */

#define OPERANDS (1u << 20)
#define MANY     1000
#define FEW      2000

static void release(struct ioctl_call *call)
{
    struct cuse_call *c = (struct cuse_call *)call;

    *(unsigned *)c->call.address += 1; /* dropped */
    free(c);
}

static const struct ioctl_way way = {.release = release};

/* Its name. dropped counts when it goes. */
static size_t add(struct cuse *c, struct cuse_file *file, uid_t uid, unsigned *dropped)
{
    struct cuse_call *call = calloc(1, sizeof *call);

    call->file = file;
    call->call.way = &way;
    call->call.uid = uid;
    call->call.address = (uintptr_t)dropped;
    ioctl_call_room(&call->call, OPERANDS);
    LIST_INSERT_HEAD(&file->calls, call, link);
    assert_true(between_add(c, call));
    return call->round.out_len;
}

static void comes_again(struct cuse *c, struct cuse_file *file, size_t name)
{
    struct cuse_call *call = between_take(c, file, name);

    assert_non_null(call);
    LIST_REMOVE(call, link);
    ioctl_call_drop(&call->call);
}

static void test_users(void **state)
{
    static struct cuse c;
    struct cuse_file many = {0}, few = {0};
    unsigned of_many = 0, of_few = 0, left = BETWEEN_BYTES / OPERANDS + 10;
    size_t first, second;

    TAILQ_INIT(&c.between);
    for (unsigned i = 0; i < left; i++)
        add(&c, &many, MANY, &of_many);
    assert_true(of_many >= 10);
    assert_true(c.between_cost <= BETWEEN_BYTES);
    first = add(&c, &few, FEW, &of_few);
    second = add(&c, &few, FEW, &of_few);
    add(&c, &many, MANY, &of_many);
    assert_int_equal(of_few, 0);
    comes_again(&c, &few, first);
    comes_again(&c, &few, second);
    while (!TAILQ_EMPTY(&c.between))
        between_drop(&c, TAILQ_FIRST(&c.between));
    assert_int_equal(of_many, left + 1);
    assert_int_equal(c.between_cost, 0);
    for (unsigned i = 0; i < BETWEEN_USERS; i++)
        assert_int_equal(c.cost_of[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_users)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
