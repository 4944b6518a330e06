/* SPDX-License-Identifier: MIT */
/* For the same arguments our zcrypt enqueues what the real driver enqueued
 * (tests/data/oracle/requests.txt), byte for byte. */
#include "zcrypt_world.h"

#include "message/cprbx.h"
#include "message/type6.h"

#include "oracle.h"

/* One adapter and domain 4, as in the recording. */
static int set_up_with(void **state, unsigned apid, const char *type)
{
    struct machine_config config;

    machine_config_empty(&config);
    assert_int_equal(machine_adapter_type_parse(type, &config.adapters[apid]), 0);
    config.adapters[apid].configured = config.adapters[apid].in_lpar = true;
    mask256_set(&config.usage, 4);
    return start(state, &config);
}

static int set_up_accelerator(void **state)
{
    return set_up_with(state, 5, "CEX5A");
}

static int set_up_cca(void **state)
{
    return set_up_with(state, 6, "CEX6C");
}

static void expect_message(struct world *w, const struct zcrypt_request *request, ap_qn qn,
                           unsigned index)
{
    struct command cmd = {.kind = CMD_ZCRYPT, .token = index + 1, .zcrypt = {.request = *request}};
    struct core_job job;
    uint64_t id;

    cmd.zcrypt.request.node = ZCRYPT_Z90CRYPT;
    assert_int_equal(run(w, &cmd), -EINPROGRESS);
    id = next_job(w);
    assert_int_equal(core_job_get(w->core, id, &job), 0);
    assert_int_equal(job.qn, qn);
    assert_int_equal(job.len, messages[index].len);
    assert_memory_equal(job.request, messages[index].data, job.len);
    error_reply(w, id, ERROR_MALFORMED);
    assert_int_equal(w->result[index + 1], -EINVAL);
}

static void expect_rsa(struct world *w, size_t n, bool crt, ap_qn qn, unsigned index)
{
    struct operands operands;
    struct zcrypt_request request = {.kind = ZCRYPT_RSA, .rsa = make(&operands, n, crt)};

    expect_message(w, &request, qn, index);
}

static void test_accelerator(void **state)
{
    expect_rsa(*state, 64, false, AP_QN(5, 4), 0);
    expect_rsa(*state, 256, false, AP_QN(5, 4), 1);
    expect_rsa(*state, 512, false, AP_QN(5, 4), 2);
    expect_rsa(*state, 128, true, AP_QN(5, 4), 3);
    expect_rsa(*state, 256, true, AP_QN(5, 4), 4);
    expect_rsa(*state, 512, true, AP_QN(5, 4), 5);
}

static void test_cca_rsa(void **state)
{
    expect_rsa(*state, 128, false, AP_QN(6, 4), 7);
    expect_rsa(*state, 256, false, AP_QN(6, 4), 8);
    expect_rsa(*state, 256, true, AP_QN(6, 4), 9);
}

/* The driver's own requests for random numbers and the facility query, made by a program with xcRB.
 */
static void test_cca_control_blocks(void **state)
{
    static const unsigned indices[] = {6, 10};

    for (unsigned i = 0; i < ARRAY_LEN(indices); i++) {
        const uint8_t *message = messages[indices[i]].data;
        uint8_t control[8192];
        struct zcrypt_request request = {.kind = ZCRYPT_CCA, .agent = {'C', 'A'}, .card = 6};
        struct type6 sent;

        assert_int_equal(type6_parse(span_of(message, messages[indices[i]].len), &sent), 0);
        memcpy(control, sent.control.data, sent.control.len);
        request.control = span_of(control, sent.control.len);
        request.reply_control = sent.reply_control;
        request.reply_data = sent.reply_data;
        expect_message(*state, &request, AP_QN(6, 4), indices[i]);
        control[170] = control[171] = 0xff; /* any domain: the queue's */
        expect_message(*state, &request, AP_QN(6, 4), indices[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_accelerator, set_up_accelerator, tear_down),
        cmocka_unit_test_setup_teardown(test_cca_rsa, set_up_cca, tear_down),
        cmocka_unit_test_setup_teardown(test_cca_control_blocks, set_up_cca, tear_down),
    };

    return cmocka_run_group_tests(tests, load, NULL);
}
