/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bus/bus.h"
#include "machine/machine.h"
#include "unit.h"

/* The contract of the bus with a driver, tested with a driver of the test's own. */

#define QN    AP_QN(5, 4)
#define DEPTH 8u /* of a queue of the default machine */

struct fake {
    unsigned bound, answered, lost;
    int last_error;
    bool veto;
    char last_reply[16];
};

static void fake_probe(void *ctx, ap_device_id id, struct effects *fx)
{
    ((struct fake *)ctx)->bound++;
}

static void fake_remove(void *ctx, ap_device_id id, struct effects *fx)
{
    ((struct fake *)ctx)->bound--;
}

static void fake_received(void *ctx, struct ap_message *msg, struct span reply, struct effects *fx)
{
    struct fake *f = ctx;

    assert_int_equal(msg->state, AP_MESSAGE_NEW);
    f->answered++;
    memcpy(f->last_reply, reply.data, reply.len);
}

static void fake_lost(void *ctx, struct ap_message *msg, int err, struct effects *fx)
{
    struct fake *f = ctx;

    assert_int_equal(msg->state, AP_MESSAGE_NEW);
    f->lost++;
    f->last_error = err;
    ap_message_done(msg);
}

static bool fake_in_use(void *ctx, const struct ap_masks *old, const struct ap_masks *wanted,
                        struct text *why)
{
    text_adds(why, "it is the fake's");
    return ((struct fake *)ctx)->veto;
}

static int fake_show(void *ctx, uint32_t qn, struct text *out)
{
    text_addf(out, "%u\n", ((struct fake *)ctx)->bound);
    return 0;
}

static const struct sysfs_attr fake_attrs[] = {{"fake", 0444, .show = fake_show}, {0}};
static const struct ap_driver_ops fake_ops = {
    fake_probe, fake_remove, fake_received, fake_lost, fake_in_use, NULL, NULL, NULL, NULL};
static const struct ap_driver fake_driver = {
    .name = "fake", .types = 0xffff, .is_default = true, .attrs = fake_attrs, .ops = &fake_ops};

struct world {
    struct machine *machine;
    struct sysfs_tree tree;
    struct ap_bus *bus;
    struct effects fx;
    struct fake fake;
    struct ap_message messages[2 * DEPTH];
};

static int set_up(void **state)
{
    struct world *w = xcalloc(1, sizeof *w);
    struct ap_bus_params params = {.abi = abi_get(ABI_UPSTREAM),
                                   .apmask = mask256_ones(),
                                   .aqmask = mask256_ones(),
                                   .domain = -1};
    struct machine_config config;

    machine_config_default(&config);
    w->machine = machine_new(&config);
    sysfs_tree_init(&w->tree);
    w->bus = ap_bus_new(&params, machine_hw(w->machine), &w->tree);
    ap_driver_register(w->bus, &fake_driver, &w->fake);
    ap_bus_scan(w->bus, &w->fx);
    ap_queue_init_state(w->bus, QN);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    for (unsigned i = 0; i < ARRAY_LEN(w->messages); i++) {
        ap_cancel_message(w->bus, &w->messages[i]);
        ap_message_done(&w->messages[i]);
    }
    ap_bus_free(w->bus);
    machine_free(w->machine);
    effects_done(&w->fx);
    free(w);
    return 0;
}

static int put(struct world *w, const char *path, const char *value)
{
    sysfs_ino ino;

    assert_int_equal(sysfs_resolve(&w->tree, path, &ino), 0);
    return sysfs_store(&w->tree, ino, value, strlen(value), &w->fx);
}

static int send(struct world *w, unsigned i)
{
    struct ap_message *msg = &w->messages[i];

    msg->qn = QN;
    msg->data = buffer_of(xcalloc(1, 8), 8);
    buffer_add(&msg->data, "question", 8);
    return ap_queue_message(w->bus, msg, 0);
}

static void answer(struct world *w, const char *reply)
{
    uint64_t id;
    ap_qn qn;

    assert_true(machine_job_next(w->machine, &id));
    assert_int_equal(machine_job_done(w->machine, id, (const uint8_t *)reply, strlen(reply), &qn),
                     0);
    ap_queue_poll(w->bus, qn, &w->fx);
}

/* A default driver has exactly the queues that the masks reserve for the host. */
static void test_masks_bind(void **state)
{
    struct world *w = *state;

    assert_int_equal(w->fake.bound, 3 * 4);
    assert_int_equal(put(w, "bus/ap/apmask", "-5"), 0);
    assert_int_equal(w->fake.bound, 2 * 4);
    assert_null(ap_bus_queue_driver(w->bus, QN));
    assert_false(ap_bus_owned_by_default(w->bus, QN));
    assert_int_equal(put(w, "bus/ap/aqmask", "-4"), 0);
    assert_int_equal(w->fake.bound, 2 * 3);
    assert_int_equal(put(w, "bus/ap/apmask", "+5"), 0);
    assert_null(ap_bus_queue_driver(w->bus, AP_QN(5, 0x47)));
    assert_int_equal(put(w, "bus/ap/drivers_probe", "05.0047"), 0);
    assert_ptr_equal(ap_bus_queue_driver(w->bus, AP_QN(5, 0x47)), &fake_driver);
}

static void test_veto(void **state)
{
    struct world *w = *state;

    w->fake.veto = true;
    assert_int_equal(put(w, "bus/ap/apmask", "-5"), -EBUSY);
    assert_int_equal(w->fake.bound, 3 * 4);
    assert_true(mask256_test(&ap_bus_masks(w->bus)->apmask, 5));
}

/* The driver's attributes exist while the queue is bound to it. */
static void test_attributes(void **state)
{
    static const char path[] = "devices/ap/card05/05.0004/fake";
    struct world *w = *state;
    text_auto out = {0};
    sysfs_ino ino;

    assert_int_equal(sysfs_resolve(&w->tree, path, &ino), 0);
    assert_int_equal(sysfs_show(&w->tree, ino, &out), 0);
    assert_string_equal(out.data, "12\n");
    assert_int_equal(put(w, "bus/ap/drivers/fake/unbind", "05.0004"), 0);
    assert_int_equal(sysfs_resolve(&w->tree, path, &(sysfs_ino){0}), -ENOENT);
    assert_int_equal(sysfs_show(&w->tree, ino, &out), -ENODEV);
    assert_int_equal(put(w, "bus/ap/drivers/fake/bind", "05.0004"), 0);
    assert_int_equal(sysfs_resolve(&w->tree, path, &ino), 0);
}

static void test_a_message_and_its_reply(void **state)
{
    struct world *w = *state;

    assert_int_equal(send(w, 0), 0);
    assert_int_equal(w->messages[0].state, AP_MESSAGE_PENDING);
    assert_null(w->messages[0].data.data); /* cleansed: it may have been a key */
    assert_int_equal(ap_bus_queue(w->bus, QN)->pendingq_count, 1);
    answer(w, "answer");
    assert_int_equal(w->fake.answered, 1);
    assert_string_equal(w->fake.last_reply, "answer");
    assert_int_equal(ap_bus_queue(w->bus, QN)->pendingq_count, 0);
    assert_int_equal(ap_bus_queue(w->bus, QN)->total_requests, 1);
    assert_int_equal(ap_bus_card(w->bus, 5)->total_requests, 1);
}

/* A full queue takes waiting messages in order, one for each reply. */
static void test_waiting(void **state)
{
    struct world *w = *state;

    for (unsigned i = 0; i < DEPTH + 2; i++)
        assert_int_equal(send(w, i), 0);
    assert_int_equal(ap_bus_queue(w->bus, QN)->pendingq_count, DEPTH);
    assert_int_equal(ap_bus_queue(w->bus, QN)->requestq_count, 2);
    answer(w, "answer");
    assert_int_equal(w->messages[DEPTH].state, AP_MESSAGE_PENDING);
    assert_int_equal(w->messages[DEPTH + 1].state, AP_MESSAGE_WAITING);
}

/* A waiting message was never sent; a pending one may have been processed. */
static void test_flush(void **state)
{
    struct world *w = *state;

    for (unsigned i = 0; i < DEPTH + 1; i++)
        assert_int_equal(send(w, i), 0);
    ap_cancel_message(w->bus, &w->messages[0]);
    ap_flush_queue(w->bus, QN, &w->fx);
    assert_int_equal(w->fake.lost, DEPTH);
    assert_int_equal(w->fake.last_error, -EAGAIN); /* the pending ones came first */
    assert_int_equal(w->messages[0].state, AP_MESSAGE_NEW);
    assert_int_equal(ap_bus_queue(w->bus, QN)->pendingq_count, 0);
    assert_int_equal(ap_bus_queue(w->bus, QN)->requestq_count, 0);
    ap_flush_queue(w->bus, QN, &w->fx);
    assert_int_equal(w->fake.lost, DEPTH);
}

static void test_unbind_loses(void **state)
{
    struct world *w = *state;

    assert_int_equal(send(w, 0), 0);
    assert_int_equal(put(w, "bus/ap/drivers/fake/unbind", "05.0004"), 0);
    assert_int_equal(w->fake.lost, 1);
    assert_int_equal(w->fake.last_error, -EIO);
}

/* The counters of a queue are kept. */
static void test_count_survives_a_driver(void **state)
{
    struct world *w = *state;

    assert_int_equal(send(w, 0), 0);
    answer(w, "answer");
    assert_int_equal(put(w, "bus/ap/drivers/fake/unbind", "05.0004"), 0);
    assert_int_equal(put(w, "bus/ap/drivers/fake/bind", "05.0004"), 0);
    assert_int_equal(ap_bus_queue(w->bus, QN)->total_requests, 1);
    assert_int_equal(put(w, "devices/ap/card05/05.0004/request_count", "7"), 0);
    assert_int_equal(ap_bus_queue(w->bus, QN)->total_requests, 0);
}

/* With an override the driver of a queue decides its owner while it has one, otherwise the masks.
 */
static void test_override_decides(void **state)
{
    static const struct ap_driver_ops no_ops = {NULL};
    static const struct ap_driver other = {.name = "other", .types = 0xffff, .ops = &no_ops};
    struct world *w = *state;
    struct mask256 row;

    ap_driver_register(w->bus, &other, NULL);
    assert_int_equal(put(w, "devices/ap/card05/05.0004/driver_override", "other"), 0);
    assert_true(ap_bus_owned_by_default(w->bus, QN));
    assert_int_equal(put(w, "bus/ap/drivers/fake/unbind", "05.0004"), 0);
    assert_true(ap_bus_owned_by_default(w->bus, QN));
    assert_int_equal(put(w, "bus/ap/drivers/other/bind", "05.0004"), 0);
    assert_false(ap_bus_owned_by_default(w->bus, QN));
    assert_true(ap_bus_owned_by_default(w->bus, AP_QN(5, 0x47)));
    assert_true(ap_bus_owned_by_default(w->bus, AP_QN(5, 9))); /* no such queue */
    row = ap_bus_default_row(w->bus, ap_bus_masks(w->bus), 5);
    assert_int_equal(mask256_count(&row), 255);
    assert_int_equal(put(w, "devices/ap/card05/05.0004/driver_override", "\n"), 0);
    assert_true(ap_bus_owned_by_default(w->bus, QN));
}

/* As it is read with a newline behind it, in a page. */
static void test_length_of_an_override(void **state)
{
    static char name[4096];
    struct world *w = *state;

    memset(name, 'x', sizeof name - 1);
    assert_int_equal(put(w, "devices/ap/card05/05.0004/driver_override", name), -EINVAL);
    assert_int_equal(put(w, "devices/ap/card05/05.0004/driver_override", name + 1), 0);
}

/* The reply of a cancelled message is dropped. */
static void test_cancel(void **state)
{
    struct world *w = *state;

    assert_int_equal(send(w, 0), 0);
    ap_cancel_message(w->bus, &w->messages[0]);
    answer(w, "answer");
    assert_int_equal(w->fake.answered, 0);
    assert_int_equal(w->fake.lost, 0);
}

/* After 900 seconds without a reply the queue is reset, and its messages are lost. */
static void test_timeout(void **state)
{
    struct world *w = *state;

    assert_int_equal(ap_bus_check_timeouts(w->bus, &w->fx), 0);
    assert_int_equal(send(w, 0), 0);
    w->fx.now = AP_QUEUE_TIMEOUT_NS - 1;
    assert_int_equal(ap_bus_check_timeouts(w->bus, &w->fx), AP_QUEUE_TIMEOUT_NS);
    assert_int_equal(w->fake.lost, 0);
    w->fx.now = AP_QUEUE_TIMEOUT_NS;
    assert_int_equal(ap_bus_check_timeouts(w->bus, &w->fx), 0);
    assert_int_equal(w->fake.lost, 1);
    assert_int_equal(w->fake.last_error, -EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_masks_bind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_veto, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_attributes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_message_and_its_reply, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_waiting, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_flush, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unbind_loses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_count_survives_a_driver, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_override_decides, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_length_of_an_override, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cancel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_timeout, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
