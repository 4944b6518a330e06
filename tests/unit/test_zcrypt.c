/* SPDX-License-Identifier: MIT */
#include "zcrypt_world.h"

/* Requests through a device node: chosen queue, retries, errors [zcrypt-retries]. */

static void test_right_answer(void **state)
{
    struct world *w = *state;
    struct zcrypt_reply reply;
    uint64_t id;

    assert_int_equal(send(w, 1), -EINPROGRESS);
    assert_string_equal(get(w, "devices/ap/card06/pendingq_count"), "1\n");
    id = next_job(w);
    assert_int_equal(AP_QN_APID(job_queue(w, id)), 6);
    compute(w, id);
    assert_int_equal(w->result[1], 0);
    assert_int_equal(zcrypt_reply_parse(w->data.data, w->data.len, &reply), 0);
    assert_int_equal(reply.data.len, N);
    assert_int_equal(reply.control.len, 0);
    assert_string_equal(get(w, "devices/ap/card06/request_count"), "1\n");
    assert_string_equal(get(w, "devices/ap/card06/pendingq_count"), "0\n");
    assert_string_equal(get(w, "devices/ap/card06/load"), "0\n");
}

/* Two equal cards share the work; a coprocessor gets some when the load of both outweighs its
 * slowness. */
static void test_balance(void **state)
{
    struct world *w = *state;
    unsigned on_card[AP_IDS] = {0};

    for (uint64_t token = 1; token <= 8; token++) {
        assert_int_equal(send(w, token), -EINPROGRESS);
        on_card[AP_QN_APID(job_queue(w, w->jobs[token - 1]))]++;
    }
    assert_true(on_card[6] >= 3 && on_card[7] >= 3);
    assert_int_equal(on_card[5] + on_card[6] + on_card[7], 8);
}

static void test_error_codes(void **state)
{
    struct world *w = *state;

    assert_int_equal(send(w, 1), -EINPROGRESS);
    error_reply(w, next_job(w), ERROR_EVEN_MODULUS);
    assert_int_equal(w->result[1], -EINVAL);
    assert_int_equal(w->job_count, 0);
}

static void test_retry_goes_elsewhere_and_ends(void **state)
{
    struct world *w = *state;
    ap_qn last = 0;

    assert_int_equal(send(w, 1), -EINPROGRESS);
    for (unsigned i = 0; i < 10; i++) {
        uint64_t id = next_job(w);

        assert_int_not_equal(job_queue(w, id), last);
        last = job_queue(w, id);
        assert_int_equal(w->result[1], 1);
        error_reply(w, id, ERROR_MACHINE_FAILURE);
    }
    assert_int_equal(w->job_count, 0);
    assert_int_equal(w->result[1], -EIO);
}

static void test_queue_vanishes_under_request(void **state)
{
    struct world *w = *state;
    struct command off = {.kind = CMD_SE_ADAPTER, .adapter = {.apid = 6}};
    uint64_t id;

    assert_int_equal(send(w, 1), -EINPROGRESS);
    id = next_job(w);
    assert_int_equal(run(w, &off), 0);
    assert_int_equal(job_done(w, id, "late", 4), -ESTALE);
    assert_int_equal(w->result[1], 1);
    id = next_job(w);
    assert_int_equal(AP_QN_APID(job_queue(w, id)), 7);
    compute(w, id);
    assert_int_equal(w->result[1], 0);
}

static void test_no_queue_left(void **state)
{
    struct world *w = *state;

    assert_int_equal(send(w, 1), -EINPROGRESS);
    assert_int_equal(put(w, "bus/ap/apmask", "0x0"), 0);
    assert_int_equal(w->result[1], -ENODEV);
    assert_int_equal(send(w, 2), -ENODEV);
    assert_int_equal(put(w, "bus/ap/apmask", "+0-255"), 0);
    w->job_count = 0;
    assert_int_equal(send(w, 3), -EINPROGRESS);
}

static void test_full_queue_waits(void **state)
{
    struct world *w = *state;

    assert_int_equal(put(w, "bus/ap/apmask", "0x02"), 0); /* adapter 6 only */
    assert_int_equal(put(w, "bus/ap/aqmask", "0x08"), 0); /* domain 4 only */
    for (uint64_t token = 1; token <= 10; token++)
        assert_int_equal(send(w, token), -EINPROGRESS);
    assert_string_equal(get(w, "devices/ap/card06/06.0004/pendingq_count"), "8\n");
    assert_string_equal(get(w, "devices/ap/card06/06.0004/requestq_count"), "2\n");
    while (w->job_count)
        compute(w, next_job(w));
    for (unsigned token = 1; token <= 10; token++)
        assert_int_equal(w->result[token], 0);
    assert_string_equal(get(w, "devices/ap/card06/06.0004/requestq_count"), "0\n");
    assert_string_equal(get(w, "devices/ap/card06/06.0004/load"), "0\n");
}

static void test_unknown_reply_sets_offline(void **state)
{
    struct world *w = *state;
    uint64_t id;
    char path[64];

    assert_int_equal(send(w, 1), -EINPROGRESS);
    id = next_job(w);
    snprintf(path, sizeof path, "bus/ap/devices/%02x.%04x/online", AP_QN_APID(job_queue(w, id)),
             AP_QN_APQI(job_queue(w, id)));
    assert_int_equal(job_done(w, id, "garbage!", 8), 0);
    assert_string_equal(get(w, path), "0\n");
    assert_int_equal(w->result[1], 1);
    compute(w, next_job(w));
    assert_int_equal(w->result[1], 0);
}

static void test_node_masks(void **state)
{
    struct world *w = *state;
    uint32_t node;

    assert_int_equal(put(w, "class/zcrypt/create", "mine"), 0);
    node = open_node(w, "mine");
    assert_int_equal(zcrypt_ioctl_allowed(core_zcrypt(w->core, 0), node, 5), -EPERM);
    assert_int_equal(put(w, "class/zcrypt/mine/ioctlmask", "+5"), 0);
    assert_int_equal(zcrypt_ioctl_allowed(core_zcrypt(w->core, 0), node, 5), 0);
    assert_int_equal(send_to(w, node, 1), -ENODEV);
    assert_int_equal(put(w, "class/zcrypt/mine/apmask", "+7"), 0);
    assert_int_equal(put(w, "class/zcrypt/mine/aqmask", "+0x47"), 0);
    assert_int_equal(send_to(w, node, 2), -EINPROGRESS);
    assert_int_equal(job_queue(w, next_job(w)), AP_QN(7, 0x47));
}

static void test_cancel(void **state)
{
    struct world *w = *state;
    struct command cancel = {.kind = CMD_CANCEL, .token = 1};

    assert_int_equal(send(w, 1), -EINPROGRESS);
    assert_int_equal(run(w, &cancel), 0);
    assert_string_equal(get(w, "devices/ap/card06/load"), "0\n");
    assert_string_equal(get(w, "devices/ap/card06/pendingq_count"), "0\n");
    compute(w, next_job(w));
    assert_int_equal(w->result[1], 1);
    assert_string_equal(get(w, "devices/ap/card06/load"), "0\n");
    assert_string_equal(get(w, "devices/ap/card06/pendingq_count"), "0\n");
}

static void test_bad_requests(void **state)
{
    struct world *w = *state;
    static uint8_t big[600];
    struct command cmd = {.kind = CMD_ZCRYPT,
                          .token = 1,
                          .zcrypt = {.request = {.kind = ZCRYPT_RSA, .node = ZCRYPT_Z90CRYPT}}};

    cmd.zcrypt.request.rsa = rsa_request_me(600, big, big, big);
    assert_int_equal(run(w, &cmd), -ENODEV);
    cmd.zcrypt.request.rsa = rsa_request_me(0, big, big, big);
    assert_int_equal(run(w, &cmd), -EINVAL);
    cmd.zcrypt.request.kind = ZCRYPT_CCA;
    cmd.zcrypt.request.control = span_of(big, 100);
    assert_int_equal(run(w, &cmd), -EINVAL);
    cmd.zcrypt.request.kind = ZCRYPT_EP11;
    assert_int_equal(run(w, &cmd), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_right_answer),
        TEST(test_balance),
        TEST(test_error_codes),
        TEST(test_retry_goes_elsewhere_and_ends),
        TEST(test_queue_vanishes_under_request),
        TEST(test_no_queue_left),
        TEST(test_full_queue_waits),
        TEST(test_unknown_reply_sets_offline),
        TEST(test_node_masks),
        TEST(test_cancel),
        TEST(test_bad_requests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
