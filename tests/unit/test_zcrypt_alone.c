/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bus/bus.h"
#include "message/type50.h"
#include "unit.h"
#include "zcrypt/internal.h"
#include "zcrypt/zcrypt.h"

/*
 * zcrypt without a bus: this file stands in for the bus, with a queue each on two accelerators, and
 * decides the result of each message.
 */

struct ap_bus {
    const struct ap_driver *card_driver, *queue_driver;
    void *ctx;
    struct ap_card cards[2];
    struct ap_queue queues[2];
    struct ap_masks masks;
    struct ap_qci qci;
    int answers[16]; /* return values of ap_queue_message, in order */
    unsigned sent, scans;
    struct ap_message *last;
};

void ap_driver_register(struct ap_bus *b, const struct ap_driver *driver, void *ctx)
{
    b->ctx = ctx;
    *(driver->card ? &b->card_driver : &b->queue_driver) = driver;
}

const struct ap_card *ap_bus_card(const struct ap_bus *b, unsigned apid)
{
    return apid < 2 ? &b->cards[apid] : NULL;
}

const struct ap_queue *ap_bus_queue(const struct ap_bus *b, ap_qn qn)
{
    return &b->queues[AP_QN_APID(qn)];
}

const struct ap_masks *ap_bus_masks(const struct ap_bus *b)
{
    return &b->masks;
}

const struct ap_qci *ap_bus_qci(const struct ap_bus *b)
{
    return &b->qci;
}

int ap_bus_domain(const struct ap_bus *b)
{
    return 0;
}

void ap_bus_scan(struct ap_bus *b, struct effects *fx)
{
    b->scans++;
}

void ap_queue_init_state(struct ap_bus *b, ap_qn qn)
{
}

int ap_queue_message(struct ap_bus *b, struct ap_message *msg, uint64_t now)
{
    int rc = b->answers[b->sent++];

    if (rc == 0) {
        msg->state = AP_MESSAGE_PENDING;
        b->last = msg;
    }
    return rc;
}

void ap_cancel_message(struct ap_bus *b, struct ap_message *msg)
{
    msg->state = AP_MESSAGE_NEW;
}

void ap_message_done(struct ap_message *msg)
{
    free(msg->data.data);
    msg->data = (struct buffer){0};
}

void ap_flush_queue(struct ap_bus *b, ap_qn qn, struct effects *fx)
{
}

void ap_card_send_online(struct ap_bus *b, unsigned apid, bool online, struct effects *fx)
{
}

void ap_queue_send_online(struct ap_bus *b, ap_qn qn, bool online, struct effects *fx)
{
}

int ap_card_refuse(struct effects *fx, unsigned apid, const char *file, int err, const char *why)
{
    return err;
}

int ap_queue_refuse(struct effects *fx, ap_qn qn, const char *file, int err, const char *why)
{
    return err;
}

bool ap_queue_ask(const struct ap_bus *b, ap_qn qn, struct span request, struct text *reply)
{
    return false;
}

const char *ap_card_serial(const struct ap_bus *b, unsigned apid)
{
    return "";
}

struct world {
    struct ap_bus bus;
    struct sysfs_tree tree;
    struct zcrypt_tokens *tokens;
    struct zcrypt *zcrypt;
    struct effects fx;
    uint8_t number[128];
};

static int set_up(void **state)
{
    struct world *w = xcalloc(1, sizeof *w);

    w->bus.masks = (struct ap_masks){mask256_ones(), mask256_ones()};
    for (unsigned i = 0; i < 2; i++) {
        w->bus.cards[i] = (struct ap_card){
            .generation = 1, .present = true, .config = true, .type = 11, .mode = AP_MODE_ACCEL};
        w->bus.queues[i] = (struct ap_queue){.generation = 1, .present = true, .config = true};
    }
    sysfs_tree_init(&w->tree);
    w->tokens = zcrypt_tokens_new();
    w->zcrypt = zcrypt_new(abi_get(ABI_UPSTREAM), &w->tree, &w->bus, w->tokens);
    for (unsigned i = 0; i < 2; i++) {
        w->bus.card_driver->ops->probe(w->bus.ctx, i, &w->fx);
        w->bus.queue_driver->ops->probe(w->bus.ctx, AP_QN(i, 0), &w->fx);
    }
    memset(w->number, 0x77, sizeof w->number);
    w->fx.token = 7;
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    zcrypt_free(w->zcrypt);
    zcrypt_tokens_free(w->tokens);
    effects_done(&w->fx);
    free(w);
    return 0;
}

static int send(struct world *w)
{
    struct span n = {w->number, sizeof w->number};
    struct zcrypt_request request = {
        .kind = ZCRYPT_RSA,
        .node = ZCRYPT_Z90CRYPT,
        .rsa = {.input = n, .me = {.exponent = n, .modulus = n}},
    };

    return zcrypt_send(w->zcrypt, &request, &w->fx);
}

static void lose(struct world *w, int err)
{
    w->bus.last->state = AP_MESSAGE_NEW;
    w->bus.queue_driver->ops->lost(w->bus.ctx, w->bus.last, err, &w->fx);
}

/* The value of the only reply; 1: none. */
static int64_t replied(const struct world *w)
{
    int64_t value = 1;

    for (size_t i = 0; i < w->fx.count; i++) {
        if (w->fx.v[i].kind != EFFECT_REPLY)
            continue;
        assert_int_equal(value, 1);
        assert_int_equal(w->fx.v[i].node, 7);
        value = w->fx.v[i].value;
    }
    return value;
}

/* After a queue that refuses, the other one is tried; a request never goes back directly to the one
 * that failed. */
static void test_the_other_queue_is_tried(void **state)
{
    struct world *w = *state;

    w->bus.answers[0] = -EAGAIN;
    assert_int_equal(send(w), -EINPROGRESS);
    assert_int_equal(w->bus.sent, 2);
    assert_int_equal(w->bus.last->qn, AP_QN(1, 0));
    lose(w, -EIO);
    assert_int_equal(w->bus.last->qn, AP_QN(0, 0));
    assert_int_equal(replied(w), 1);
}

static void test_ten_tries(void **state)
{
    struct world *w = *state;

    for (unsigned i = 0; i < 16; i++)
        w->bus.answers[i] = -EAGAIN;
    assert_int_equal(send(w), -EIO);
    assert_int_equal(w->bus.sent, 10);
}

static void test_ten_losses(void **state)
{
    struct world *w = *state;

    assert_int_equal(send(w), -EINPROGRESS);
    for (unsigned i = 0; i < 9; i++) {
        lose(w, -EIO);
        assert_int_equal(replied(w), 1);
    }
    lose(w, -EIO);
    assert_int_equal(replied(w), -EIO);
}

static void test_a_refused_message(void **state)
{
    struct world *w = *state;

    assert_int_equal(send(w), -EINPROGRESS);
    lose(w, -EINVAL);
    assert_int_equal(replied(w), -EINVAL);
    w->bus.answers[1] = -EINVAL;
    assert_int_equal(send(w), -EINVAL);
}

/* Before a request fails with ENODEV, the bus scans once for new queues. */
static void test_no_device(void **state)
{
    struct world *w = *state;

    w->bus.cards[0].config = w->bus.cards[1].config = false;
    assert_int_equal(send(w), -ENODEV);
    assert_int_equal(w->bus.scans, 1);
    assert_int_equal(w->bus.sent, 0);
}

static void test_cancel(void **state)
{
    struct world *w = *state;

    assert_int_equal(send(w), -EINPROGRESS);
    zcrypt_cancel(w->tokens, 8);
    zcrypt_cancel(w->tokens, 7);
    zcrypt_abandon(w->zcrypt, &w->fx);
    assert_int_equal(replied(w), 1);
}

static void test_abandon(void **state)
{
    struct world *w = *state;

    assert_int_equal(send(w), -EINPROGRESS);
    zcrypt_abandon(w->zcrypt, &w->fx);
    assert_int_equal(replied(w), -ENODEV);
}

/* Load is what is pending; it is removed however a request ends. */
static void test_load(void **state)
{
    struct world *w = *state;
    const struct sysfs_attr *load = w->bus.card_driver->attrs;
    text_auto out = {0};

    while (strcmp(load->name, "load") != 0)
        load++;
    assert_int_equal(send(w), -EINPROGRESS);
    load->show(w->bus.ctx, 0, &out);
    assert_string_equal(out.data, "8\n"); /* ME of 1024 bits on a CEX5A */
    lose(w, -EINVAL);
    text_clear(&out);
    load->show(w->bus.ctx, 0, &out);
    assert_string_equal(out.data, "0\n");
}

static struct rsa_request operands(bool crt, size_t n)
{
    static uint8_t number[RSA_BYTES_MAX];

    memset(number, 0x5a, sizeof number);
    return crt ? rsa_request_crt(n, number, number, number, number, number, number)
               : rsa_request_me(n, number, number, number);
}

/* The room for a message depends on the operands: it is enough at each length. */
static void test_each_length(void **state)
{
    static const enum ap_mode modes[] = {AP_MODE_ACCEL, AP_MODE_CCA};

    for (size_t n = 1; n <= RSA_BYTES_MAX; n++)
        for (unsigned i = 0; i < 4; i++) {
            struct zcrypt_request r = {.kind = ZCRYPT_RSA, .rsa = operands(i & 1, n)};
            const struct ap_card card = {.mode = (uint8_t)modes[i / 2]};
            struct ap_message out = {0};
            struct zcrypt_block block;

            assert_int_equal(zcrypt_message_parse(&r, &block), 0);
            assert_int_equal(zcrypt_message_format(&r, &block, &card, 4, &out), 0);
            assert_true(out.data.len > n);
            ap_message_done(&out);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_other_queue_is_tried, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ten_tries, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ten_losses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_refused_message, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_device, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cancel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_abandon, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_load, set_up, tear_down),
        cmocka_unit_test(test_each_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
