/* SPDX-License-Identifier: MIT */
#include "message/cca.h"
#include "message/ep11.h"
#include "zcrypt_world.h"

/* Which adapters a request may use and which one it gets: nodes, CPRBs, weights [zcrypt-candidates]
 * [zcrypt-weights]. */

#define CONTROL 40000

struct cprb {
    uint8_t bytes[CONTROL];
    struct command cmd;
};

static int set_up_cards(void **state)
{
    static const char *const more[] = {"CEX8C", "CEX5C", "CEX5P"};
    struct machine_config config;

    machine_config_default(&config);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(machine_adapter_type_parse(more[i], &config.adapters[8 + i]), 0);
        config.adapters[8 + i].configured = config.adapters[8 + i].in_lpar = true;
    }
    return start(state, &config);
}

#define TEST_CARDS(name) cmocka_unit_test_setup_teardown(name, set_up_cards, tear_down)

static uint32_t make_node(struct world *w, const char *apmask, const char *aqmask)
{
    assert_int_equal(put(w, "class/zcrypt/create", "mine"), 0);
    assert_int_equal(put(w, "class/zcrypt/mine/ioctlmask", "+0-255"), 0);
    assert_int_equal(put(w, "class/zcrypt/mine/apmask", apmask), 0);
    assert_int_equal(put(w, "class/zcrypt/mine/aqmask", aqmask), 0);
    return open_node(w, "mine");
}

/* A CPRB with a parameter block of that many bytes that begins with the two letters of a service.
 */
static void make_cca(struct cprb *c, const char *func_id, unsigned domain, const char *service,
                     size_t params, uint64_t token)
{
    static uint8_t block[CONTROL - CPRBX_BYTES];
    struct cprbx x = {.domain = (uint16_t)domain, .params = {block, params}};
    struct buffer out = buffer_of(c->bytes, sizeof c->bytes);

    memcpy(block, service, 2);
    memcpy(x.func_id, func_id, 2);
    assert_int_equal(cprbx_format(&x, &out), 0);
    c->cmd = (struct command){.kind = CMD_ZCRYPT,
                              .token = token,
                              .zcrypt = {.request = {.kind = ZCRYPT_CCA,
                                                     .node = ZCRYPT_Z90CRYPT,
                                                     .agent = {'C', 'A'},
                                                     .card = ZCRYPT_ANY_CARD,
                                                     .control = buffer_span(&out),
                                                     .reply_control = 4096,
                                                     .reply_data = 4096}}};
}

static void make_ep11(struct cprb *c, uint8_t flags, uint32_t target, uint16_t function,
                      uint64_t token)
{
    uint8_t room[64];
    struct buffer payload = buffer_of(room, sizeof room);
    struct buffer out = buffer_of(c->bytes, sizeof c->bytes);
    size_t at = ep11_payload_start(1, function, target, &payload);

    ep11_payload_finish(at, &payload);
    assert_int_equal(ep11_format(&(struct ep11_cprb){.flags = flags,
                                                     .func_id = {'T', '4'},
                                                     .target = target,
                                                     .payload = buffer_span(&payload)},
                                 &out),
                     0);
    c->cmd = (struct command){.kind = CMD_ZCRYPT,
                              .token = token,
                              .zcrypt = {.request = {.kind = ZCRYPT_EP11,
                                                     .node = ZCRYPT_Z90CRYPT,
                                                     .control = buffer_span(&out),
                                                     .reply_control = 4096}}};
}

static unsigned load_of(struct world *w, unsigned apid)
{
    char path[64];

    snprintf(path, sizeof path, "devices/ap/card%02x/load", apid);
    return (unsigned)strtoul(get(w, path), NULL, 10);
}

/* A request through a node must not gain rights when the node is destroyed. */
static void test_destroyed_node(void **state)
{
    struct world *w = *state;
    uint32_t node = make_node(w, "+6", "+0x47"), next;
    uint64_t id;

    assert_int_equal(send_to(w, node, 1), -EINPROGRESS);
    id = next_job(w);
    assert_int_equal(job_queue(w, id), AP_QN(6, 0x47));
    assert_int_equal(put(w, "class/zcrypt/destroy", "mine"), 0);
    error_reply(w, id, ERROR_MACHINE_FAILURE);
    assert_int_equal(w->job_count, 0);
    assert_int_equal(w->result[1], -ENODEV);
    assert_int_equal(send_to(w, node, 2), -ENODEV);
    assert_int_equal(zcrypt_ioctl_allowed(core_zcrypt(w->core, 0), node, 5), -ENODEV);

    next = make_node(w, "+0-255", "+0-255");
    assert_int_not_equal(node, next);
    assert_int_equal(zcrypt_ioctl_allowed(core_zcrypt(w->core, 0), node, 5), -ENODEV);
    assert_int_equal(zcrypt_ioctl_allowed(core_zcrypt(w->core, 0), next, 5), 0);
    assert_int_equal(send_to(w, node, 3), -ENODEV);
    assert_int_equal(send_to(w, next, 4), -EINPROGRESS);
}

static void test_successor_of_destroyed_node(void **state)
{
    struct world *w = *state;
    uint32_t node = make_node(w, "+6", "+0x47");
    uint64_t id;

    assert_int_equal(send_to(w, node, 1), -EINPROGRESS);
    id = next_job(w);
    assert_int_equal(put(w, "class/zcrypt/destroy", "mine"), 0);
    make_node(w, "+0-255", "+0-255");
    error_reply(w, id, ERROR_MACHINE_FAILURE);
    assert_int_equal(w->job_count, 0);
    assert_int_equal(w->result[1], -ENODEV);
}

/* A mask that changes while a request is pending applies to its next attempt. */
static void test_mask_of_node_changes(void **state)
{
    struct world *w = *state;
    uint32_t node = make_node(w, "+6-7", "+4");
    uint64_t id;
    ap_qn first;

    assert_int_equal(send_to(w, node, 1), -EINPROGRESS);
    id = next_job(w);
    first = job_queue(w, id);
    assert_int_equal(put(w, "class/zcrypt/mine/aqmask", "+0x47,-4"), 0);
    error_reply(w, id, ERROR_MACHINE_FAILURE);
    id = next_job(w);
    assert_int_equal(AP_QN_APQI(job_queue(w, id)), 0x47);
    assert_int_not_equal(AP_QN_APID(job_queue(w, id)), AP_QN_APID(first));
    assert_int_equal(put(w, "class/zcrypt/mine/apmask", "0x0"), 0);
    error_reply(w, id, ERROR_MACHINE_FAILURE);
    assert_int_equal(w->result[1], -ENODEV);
}

static void test_admask_cca(void **state)
{
    struct world *w = *state;
    uint32_t node = make_node(w, "+0-255", "+0-255");
    struct cprb *c = calloc(1, sizeof *c);

    make_cca(c, "T3", 4, "XY", 64, 1);
    c->cmd.zcrypt.request.node = node;
    assert_int_equal(run(w, &c->cmd), -ENODEV);
    assert_int_equal(put(w, "class/zcrypt/mine/admask", "+4"), 0);
    assert_int_equal(run(w, &c->cmd), -EINPROGRESS);
    make_cca(c, "T9", 4, "XY", 64, 2);
    c->cmd.zcrypt.request.node = node;
    assert_int_equal(run(w, &c->cmd), -EOPNOTSUPP);
    free(c);
}

/* A request that is neither usage nor administration is refused by a node with masks only. */
static void test_unknown_kind_of_cprb(void **state)
{
    struct world *w = *state;
    struct cprb *c = calloc(1, sizeof *c);

    make_cca(c, "T9", 4, "XY", 64, 1);
    assert_int_equal(run(w, &c->cmd), -EINPROGRESS);
    free(c);
}

static void test_admask_ep11(void **state)
{
    struct world *w = *state;
    uint32_t node = make_node(w, "+0-255", "+0-255");
    struct cprb *c = calloc(1, sizeof *c);

    make_ep11(c, EP11_FLAG_ADMIN, 4, EP11_GET_INFO, 1);
    c->cmd.zcrypt.request.node = node;
    assert_int_equal(run(w, &c->cmd), -ENODEV);
    assert_int_equal(put(w, "class/zcrypt/mine/admask", "+0x47"), 0);
    assert_int_equal(run(w, &c->cmd), -ENODEV);
    assert_int_equal(put(w, "class/zcrypt/mine/admask", "+4"), 0);
    assert_int_equal(run(w, &c->cmd), -EINPROGRESS);
    assert_int_equal(put(w, "class/zcrypt/mine/admask", "0x0"), 0);
    make_ep11(c, 0, 4, EP11_GET_INFO, 2);
    c->cmd.zcrypt.request.node = node;
    assert_int_equal(run(w, &c->cmd), -EINPROGRESS);
    make_ep11(c, EP11_FLAG_ADMIN, 4, EP11_GET_INFO, 3);
    assert_int_equal(run(w, &c->cmd), -EINPROGRESS);
    free(c);
}

/* An adapter may already have executed it. */
static void test_administration_is_not_repeated(void **state)
{
    struct world *w = *state;
    struct command off = {.kind = CMD_SE_ADAPTER, .adapter = {.apid = 4}};
    struct cprb *c = calloc(1, sizeof *c);

    make_cca(c, "T3", 4, "XY", 64, 1);
    assert_int_equal(run(w, &c->cmd), -EINPROGRESS);
    error_reply(w, next_job(w), ERROR_MACHINE_FAILURE);
    assert_int_equal(w->job_count, 0);
    assert_int_equal(w->result[1], -EIO);

    assert_int_equal(put(w, "bus/ap/apmask", "-10"), 0);
    make_ep11(c, EP11_FLAG_ADMIN, 4, EP11_GET_INFO, 2);
    assert_int_equal(run(w, &c->cmd), -EINPROGRESS);
    assert_int_equal(put(w, "bus/ap/apmask", "+10"), 0);
    assert_int_equal(AP_QN_APID(job_queue(w, next_job(w))), 4);
    assert_int_equal(run(w, &off), 0);
    assert_int_equal(w->job_count, 0);
    assert_int_equal(w->result[2], -EIO);
    free(c);
}

/* CEX5C take 12 KiB; adapter 8 is a CEX8C. */
static void test_long_message_finds_its_card(void **state)
{
    struct world *w = *state;
    struct cprb *c = calloc(1, sizeof *c);

    assert_int_equal(put(w, "bus/ap/apmask", "-8"), 0);
    make_cca(c, "T2", 4, "FQ", 12288 - 88 - CPRBX_BYTES, 1);
    assert_int_equal(run(w, &c->cmd), -EINPROGRESS);
    make_cca(c, "T2", 4, "FQ", 12289 - 88 - CPRBX_BYTES, 2);
    assert_int_equal(run(w, &c->cmd), -ENODEV);
    assert_int_equal(put(w, "bus/ap/apmask", "+8"), 0);
    w->job_count = 0;
    for (uint64_t token = 3; token <= 9; token++) {
        make_cca(c, "T2", 4, "FQ", 12289 - 88 - CPRBX_BYTES, token);
        assert_int_equal(run(w, &c->cmd), -EINPROGRESS);
        assert_int_equal(AP_QN_APID(job_queue(w, next_job(w))), 8);
    }
    make_cca(c, "T2", 4, "FQ", CONTROL - CPRBX_BYTES, 10);
    assert_int_equal(run(w, &c->cmd), -EINVAL);
    free(c);
}

/* The secure key rating of the card times 10, 100 or 500, depending on the request. */
static void test_weight_of_cprb(void **state)
{
    static const struct {
        const char *service;
        unsigned weight;
    } cases[] = {{"FQ", 100}, {"KG", 5000}, {"PK", 5000}, {"RL", 1000}, {"SY", 1000}, {"EX", 100}};
    struct world *w = *state;
    struct cprb *c = calloc(1, sizeof *c);

    assert_int_equal(put(w, "bus/ap/apmask", "-8"), 0);
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        make_cca(c, "T2", 4, cases[i].service, 64, 1 + i);
        c->cmd.zcrypt.request.card = 5;
        assert_int_equal(run(w, &c->cmd), -EINPROGRESS);
        assert_int_equal(load_of(w, 5), cases[i].weight);
        error_reply(w, next_job(w), ERROR_LENGTH);
        assert_int_equal(load_of(w, 5), 0);
    }
    free(c);
}

static void test_weight_of_ep11(void **state)
{
    static const struct {
        uint16_t function;
        unsigned weight;
    } cases[] = {{38, 100}, {4, 1000}, {17, 5000}, {1, 100}, {35, 5000}, {41, 1000}};
    struct world *w = *state;
    struct cprb *c = calloc(1, sizeof *c);

    assert_int_equal(put(w, "bus/ap/apmask", "-10"), 0);
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        make_ep11(c, 0, 0, cases[i].function, 1 + i);
        assert_int_equal(run(w, &c->cmd), -EINPROGRESS);
        assert_int_equal(load_of(w, 4), cases[i].weight);
        error_reply(w, next_job(w), ERROR_LENGTH);
        assert_int_equal(load_of(w, 4), 0);
    }
    free(c);
}

/* A queue that just failed is worse than a busy one, also one of another card. */
static void test_failed_queue_is_avoided(void **state)
{
    struct world *w = *state;
    struct cprb *c = calloc(1, sizeof *c);
    uint64_t id;

    assert_int_equal(put(w, "bus/ap/apmask", "0x0"), 0);
    assert_int_equal(put(w, "bus/ap/apmask", "+5+9"), 0);
    assert_int_equal(put(w, "bus/ap/aqmask", "0x08"), 0);
    make_cca(c, "T2", 4, "KG", 64, 1);
    c->cmd.zcrypt.request.card = 9;
    assert_int_equal(run(w, &c->cmd), -EINPROGRESS);
    next_job(w);
    make_cca(c, "T2", 4, "KG", 64, 2);
    assert_int_equal(run(w, &c->cmd), -EINPROGRESS);
    id = next_job(w);
    assert_int_equal(AP_QN_APID(job_queue(w, id)), 5);
    error_reply(w, id, ERROR_MACHINE_FAILURE);
    assert_int_equal(AP_QN_APID(job_queue(w, next_job(w))), 9);
    free(c);
}

/* A queue of another card must have had less to do than the one that was found first: so requests
 * spread over queues, however many a card has. */
static void test_queues_share(void **state)
{
    struct world *w = *state;
    uint32_t node = make_node(w, "+6+7", "+4+0x47");

    assert_int_equal(put(w, "bus/ap/drivers/cex4queue/unbind", "07.0047"), 0);
    for (uint64_t token = 1; token <= 6; token++) {
        assert_int_equal(send_to(w, node, token), -EINPROGRESS);
        compute(w, next_job(w));
    }
    assert_string_equal(get(w, "devices/ap/card06/06.0004/request_count"), "2\n");
    assert_string_equal(get(w, "devices/ap/card06/06.0047/request_count"), "2\n");
    assert_string_equal(get(w, "devices/ap/card07/07.0004/request_count"), "2\n");
}

/* Of equals the one that was bound first. */
static void test_first_bound_wins(void **state)
{
    struct world *w = *state;
    uint32_t node = make_node(w, "+6+7", "+4+0x47");

    assert_int_equal(put(w, "bus/ap/drivers/cex4queue/unbind", "06.0004"), 0);
    assert_int_equal(put(w, "bus/ap/drivers/cex4queue/bind", "06.0004"), 0);
    assert_int_equal(send_to(w, node, 1), -EINPROGRESS);
    assert_int_equal(job_queue(w, next_job(w)), AP_QN(6, 0x47));
}

/* The system-wide counters are those of the default domain, as the cards' are. */
static void test_status(void **state)
{
    struct world *w = *state;
    const struct zcrypt *z = core_zcrypt(w->core, CORE_HOST_TREE);
    uint32_t node = make_node(w, "+6", "+0x47");

    assert_int_equal(zcrypt_default_domain(z), 4);
    assert_int_equal(send_to(w, node, 1), -EINPROGRESS);
    assert_int_equal(zcrypt_sent_count(z), 0);
    assert_int_equal(put(w, "bus/ap/ap_domain", "0x47"), 0);
    assert_int_equal(zcrypt_sent_count(z), 1);
    for (uint64_t token = 2; token <= 10; token++)
        assert_int_equal(send_to(w, node, token), -EINPROGRESS);
    assert_int_equal(zcrypt_sent_count(z), 8);
    assert_int_equal(zcrypt_waiting_count(z), 2);
    assert_int_equal(zcrypt_card_in_flight(z, 6), 10);
    assert_int_equal(zcrypt_card_status(z, 6), 11);
    assert_int_equal(put(w, "devices/ap/card06/06.0047/online", "0"), 0);
    assert_int_equal(zcrypt_card_status(z, 6), 11);
    assert_int_equal(put(w, "devices/ap/card06/online", "0"), 0);
    assert_int_equal(zcrypt_card_status(z, 6), 0x0d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_destroyed_node),
        TEST(test_successor_of_destroyed_node),
        TEST(test_mask_of_node_changes),
        TEST_CARDS(test_admask_cca),
        TEST_CARDS(test_unknown_kind_of_cprb),
        TEST_CARDS(test_admask_ep11),
        TEST_CARDS(test_administration_is_not_repeated),
        TEST_CARDS(test_long_message_finds_its_card),
        TEST_CARDS(test_weight_of_cprb),
        TEST_CARDS(test_weight_of_ep11),
        TEST_CARDS(test_failed_queue_is_avoided),
        TEST(test_queues_share),
        TEST(test_first_bound_wins),
        TEST_CARDS(test_status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
