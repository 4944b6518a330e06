/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "machine/alarm.h"
#include "machine/fault.h"
#include "message/cprbx.h"
#include "message/older.h"
#include "message/type6.h"

#include "unit.h"

/* Fault rules: their text, the list in force, and their effect on a reply. */

static struct fault rule(const char *text)
{
    struct fault f = {0};
    text_auto why = {0};

    if (fault_parse(text, strlen(text), &f, &why) != 0)
        fail_msg("\"%s\" refused: %s", text, why.data);
    return f;
}

static void check(const char *text, const char *want)
{
    struct fault f = rule(text), again;
    text_auto out = {0};

    fault_format(&f, &out);
    assert_string_equal(out.data, want);
    again = rule(out.data);
    assert_true(fault_equal(&f, &again));
}

static void test_accepted(void **state)
{
    check("05.* 3 busy", "05.* 3 busy");
    check("05.0047 1 deconfigured", "05.0047 1 deconfigured");
    check("*.0004 always checkstop", "*.0004 always checkstop");
    check("* 1000000000 full", "* 1000000000 full");
    check("*.* 1 full", "* 1 full");
    check("00-ff.0000-00ff 1 full", "* 1 full");
    check("04-06.* 2 reset 2s", "04-06.* 2 reset 2s");
    check("05-05.0004-0047 01 reset 1500ms", "05.0004-0047 1 reset 1500ms");
    check("\t 05.*   3\tdelay  1000us ", "05.* 3 delay 1ms");
    check("* always delay 86400s", "* always delay 86400s");
    check("* 1 bad-reply type", "* 1 bad-reply type");
    check("* 1 bad-reply length", "* 1 bad-reply length");
    check("* 1 bad-reply short", "* 1 bad-reply short");
    check("* 1 bad-reply older", "* 1 bad-reply older");
    check("* 1 bad-reply code=133", "* 1 bad-reply code=0x85");
    check("* 1 bad-reply code=0x0A", "* 1 bad-reply code=0x0a");
    check("* 1 bad-reply service=12/0x301", "* 1 bad-reply service=12/769");
    check("05.* 3 busy for 5000ms at 10s", "05.* 3 busy at 10s for 5s");
    check("* always delay 2s every 100 at 1us", "* always delay 2s at 1us every 100");
    check("* always busy chance 2.50%", "* always busy chance 2.5%");
    check("* always busy seed 7 chance 100%", "* always busy chance 100% seed 7");
    check("* always busy chance 0.0001% seen 12", "* always busy chance 0.0001% seen 12");
    check("* always busy chance 10.05%", "* always busy chance 10.05%");
    check("* always checkstop at 1s for 86400s", "* always checkstop at 1s for 86400s");
}

static void refused(const char *text, int want, const char *reason)
{
    struct fault f = rule("07.0009 5 delay 3s"), before = f;
    text_auto why = {0};
    int rc = fault_parse(text, strlen(text), &f, &why);

    if (rc != want || !why.data || !strstr(why.data, reason))
        fail_msg("\"%s\": %d, %s", text, rc, why.data ? why.data : "");
    assert_true(fault_equal(&f, &before));
    assert_int_equal(fault_parse(text, strlen(text), &f, NULL), want);
}

static void test_refused(void **state)
{
    refused("", -EINVAL, "write one such as '05.* 3 busy'");
    refused("  \t", -EINVAL, "the fault is empty");
    refused("05 3 busy", -EINVAL, "\"05\" is not a pattern; write ADAPTER.DOMAIN");
    refused("5.* 3 busy", -EINVAL, "the adapter in \"5.*\" must be two");
    refused("0A.* 3 busy", -EINVAL, "lower-case");
    refused(".0004 3 busy", -EINVAL, "the adapter in \".0004\"");
    refused("06-04.* 3 busy", -EINVAL, "ascending range");
    refused("04-.* 3 busy", -EINVAL, "the adapter in");
    refused("*-04.* 3 busy", -EINVAL, "the adapter in");
    refused("05.47 3 busy", -EINVAL, "the domain in \"05.47\" must be four");
    refused("05.0100 3 busy", -EINVAL, "up to 00ff");
    refused("05. 3 busy", -EINVAL, "the domain in");
    refused("05.0047-0004 3 busy", -EINVAL, "the domain in");
    refused("05.*", -EINVAL, "the count is missing");
    refused("05.* busy", -EINVAL, "\"busy\" is not a count");
    refused("05.* 0 busy", -ERANGE, "\"0\" is out of range");
    refused("05.* 1000000001 busy", -ERANGE, "out of range");
    refused("05.* 99999999999999999999999 busy", -ERANGE, "out of range");
    refused("05.* -1 busy", -EINVAL, "is not a count");
    refused("05.* 0x3 busy", -EINVAL, "is not a count");
    refused("05.* 3", -EINVAL, "the kind of fault is missing");
    refused("05.* 3 Busy", -EINVAL, "unknown kind of fault \"Busy\"; write deconfigured, ");
    refused("05.* 3 drop", -EINVAL, "unknown kind of fault");
    refused("05.* 3 busy 1s", -EINVAL, "unexpected \"1s\"; behind the fault may stand");
    refused("05.* 3 reset", -EINVAL, "the time is missing");
    refused("05.* 3 reset 5", -EINVAL, "\"5\" is not a time");
    refused("05.* 3 reset s", -EINVAL, "is not a time");
    refused("05.* 3 reset 1.5s", -EINVAL, "is not a time");
    refused("05.* 3 reset 5m", -EINVAL, "is not a time");
    refused("05.* 3 reset 0s", -ERANGE, "\"0s\" is out of range");
    refused("05.* 3 delay 86401s", -ERANGE, "out of range");
    refused("05.* 3 delay 1s 2s", -EINVAL, "unexpected \"2s\"; behind the fault may stand");
    refused("05.* 3 bad-reply", -EINVAL, "the damage to the reply is missing; write type");
    refused("05.* 3 bad-reply colour", -EINVAL, "unknown damage to a reply: \"colour\"");
    refused("05.* 3 bad-reply code=", -EINVAL, "has no valid reply code");
    refused("05.* 3 bad-reply code=0x", -EINVAL, "has no valid reply code");
    refused("05.* 3 bad-reply code=256", -ERANGE, "has no valid reply code");
    refused("05.* 3 bad-reply service=8", -EINVAL, "no valid return and reason codes");
    refused("05.* 3 bad-reply service=8/", -EINVAL, "no valid return and reason codes");
    refused("05.* 3 bad-reply service=8/70000", -ERANGE, "no valid return and reason codes");
    refused("05.*\n3 busy", -EINVAL, "the domain in \"05.*\\x0a3\"");
}

static void test_refused_schedules(void **state)
{
    refused("05.* 3 busy at", -EINVAL, "the time is missing");
    refused("05.* 3 busy chance", -EINVAL, "a number is missing; write 0.0001% to 100%");
    refused("05.* 3 busy at 10", -EINVAL, "\"10\" is not a time");
    refused("05.* 3 busy at 0s", -ERANGE, "out of range");
    refused("05.* 3 busy for 86401s", -ERANGE, "out of range");
    refused("05.* 3 busy every", -EINVAL, "write 2 to 1000000000");
    refused("05.* 3 busy every 1", -ERANGE, "write 2 to 1000000000");
    refused("05.* 3 busy every 100th", -EINVAL, "\"100th\" is not what follows 'every'");
    refused("05.* 3 busy chance 5", -EINVAL, "as in chance 2.5%");
    refused("05.* 3 busy chance 0%", -ERANGE, "0.0001% to 100%");
    refused("05.* 3 busy chance 100.0001%", -ERANGE, "0.0001% to 100%");
    refused("05.* 3 busy chance 1.00001%", -EINVAL, "0.0001% to 100%");
    refused("05.* 3 busy chance .5%", -EINVAL, "0.0001% to 100%");
    refused("05.* 3 busy chance 1.%", -EINVAL, "0.0001% to 100%");
    refused("05.* 3 busy chance %", -EINVAL, "0.0001% to 100%");
    refused("05.* 3 busy chance 5% seed 4294967296", -ERANGE, "not a seed");
    refused("05.* 3 busy seed 1", -EINVAL, "'seed' goes with 'chance'");
    refused("05.* 3 busy seen 1", -EINVAL, "'seen' goes with");
    refused("05.* 3 busy every 2 chance 5%", -EINVAL, "exclude each other");
    refused("05.* 3 busy at 1s at 2s", -EINVAL, "\"at\" is there twice");
    refused("05.* 3 busy after 1s", -EINVAL, "behind the fault may stand at T");
    refused("05.* always checkstop every 2", -EINVAL, "a state of the queue");
    refused("05.* always deconfigured chance 5%", -EINVAL, "a state of the queue");
}

static void test_matches(void **state)
{
    struct fault f = rule("04-06.0004-0047 1 busy");

    assert_true(fault_matches(&f, AP_QN(4, 4)));
    assert_true(fault_matches(&f, AP_QN(6, 0x47)));
    assert_false(fault_matches(&f, AP_QN(7, 4)));
    assert_false(fault_matches(&f, AP_QN(3, 4)));
    assert_false(fault_matches(&f, AP_QN(5, 3)));
    assert_false(fault_matches(&f, AP_QN(5, 0x48)));
}

static uint32_t add(struct fault_list *l, const char *text)
{
    struct fault f = rule(text);
    uint32_t number;

    assert_int_equal(fault_list_add(l, &f, &number), 0);
    return number;
}

/* The first rule that matches is used; when its count is used up, the next one applies. */
static void test_list(void **state)
{
    struct fault_list l = {0};
    struct fault out;
    unsigned kinds = FAULT_BIT(FAULT_BUSY) | FAULT_BIT(FAULT_FULL);

    assert_null(fault_list_hit(&l, kinds, AP_QN(5, 4)));
    assert_int_equal(add(&l, "05.* 2 busy"), 1);
    assert_int_equal(add(&l, "* always full"), 2);
    assert_int_equal(fault_list_hit(&l, kinds, AP_QN(5, 4))->kind, FAULT_BUSY);
    assert_int_equal(fault_list_hit(&l, kinds, AP_QN(6, 4))->kind, FAULT_FULL);
    assert_int_equal(fault_list_hit(&l, FAULT_BIT(FAULT_FULL), AP_QN(5, 4))->kind, FAULT_FULL);
    assert_int_equal(fault_list_hit(&l, kinds, AP_QN(5, 9))->kind, FAULT_BUSY);
    assert_int_equal(fault_list_hit(&l, kinds, AP_QN(5, 4))->kind, FAULT_FULL);
    assert_int_equal(l.v[0].hits, 2);
    assert_int_equal(l.v[0].left, 0);
    assert_int_equal(l.v[1].hits, 3);
    assert_int_equal(l.v[1].left, FAULT_ALWAYS);
    assert_null(fault_list_state(&l, FAULT_BIT(FAULT_BUSY), AP_QN(5, 4)));
    assert_int_equal(fault_list_state(&l, kinds, AP_QN(5, 4))->kind, FAULT_FULL);
    assert_int_equal(l.v[1].hits, 4);
    assert_int_equal(fault_list_remove(&l, 1, &out), 0);
    assert_int_equal(out.kind, FAULT_BUSY);
    assert_int_equal(fault_list_remove(&l, 1, &out), -ENOENT);
    assert_int_equal(add(&l, "* 1 busy"), 3);
    assert_int_equal(l.v[0].number, 2);
    while (l.count < FAULTS_MAX)
        add(&l, "* 1 busy");
    out = rule("* 1 busy");
    assert_int_equal(fault_list_add(&l, &out, &(uint32_t){0}), -ENOSPC);
    fault_list_done(&l);
}

static size_t damage(const char *text, uint8_t *reply, size_t len)
{
    struct fault f = rule(text);

    fault_damage_reply(&f, reply, &len);
    return len;
}

static unsigned hits_of(struct fault_list *l, unsigned tries)
{
    unsigned hits = 0;

    while (tries--)
        hits += fault_list_hit(l, FAULT_BIT(FAULT_BUSY), AP_QN(5, 4)) != NULL;
    return hits;
}

static void test_every_and_chance(void **state)
{
    struct fault_list l = {0}, same = {0}, other = {0};
    bool differ = false;

    add(&l, "05.* 2 busy every 3");
    assert_int_equal(hits_of(&l, 2), 0);
    assert_int_equal(hits_of(&l, 1), 1);
    assert_int_equal(hits_of(&l, 2), 0);
    assert_int_equal(hits_of(&l, 1), 1);
    assert_int_equal(hits_of(&l, 30), 0); /* it is used up */
    fault_list_done(&l);
    /* What passes the first rule meets the second one. */
    add(&l, "05.* always busy every 2");
    add(&l, "05.* always busy every 2");
    assert_int_equal(hits_of(&l, 8), 6);
    assert_int_equal(l.v[0].hits, 4);
    assert_int_equal(l.v[1].hits, 2);
    fault_list_done(&l);
    add(&l, "05.* always busy chance 25% seed 7");
    add(&same, "05.* always busy chance 25% seed 7");
    add(&other, "05.* always busy chance 25%");
    assert_null(fault_list_look(&l, FAULT_BIT(FAULT_BUSY), AP_QN(5, 4)));
    assert_null(fault_list_state(&l, FAULT_BIT(FAULT_BUSY), AP_QN(5, 4)));
    for (int i = 0; i < 10000; i++) {
        unsigned hit = hits_of(&l, 1);

        assert_int_equal(hit, hits_of(&same, 1));
        differ |= hit != hits_of(&other, 1);
    }
    assert_true(differ);
    assert_true(l.v[0].hits >= 2300 && l.v[0].hits <= 2700);
    fault_list_done(&l);
    fault_list_done(&same);
    fault_list_done(&other);
}

static void rest_is(const struct fault_list *l, const char *want, uint32_t want_left)
{
    uint32_t left;
    struct fault rest = fault_rest(l, &l->v[0], &left);
    text_auto text = {0};

    fault_format(&rest, &text);
    assert_string_equal(text.data, want);
    assert_int_equal(left, want_left);
}

#define S UINT64_C(1000000000)

static void test_times(void **state)
{
    struct fault_list l = {.now = 100 * S};

    add(&l, "05.* always busy at 10s for 5s");
    assert_int_equal(fault_list_next(&l), 110 * S);
    assert_int_equal(hits_of(&l, 1), 0);
    assert_null(fault_list_pass(&l, 107 * S));
    rest_is(&l, "05.* always busy at 3s for 5s", FAULT_ALWAYS);
    assert_int_equal(fault_list_pass(&l, 110 * S)->phase, FAULT_ACTIVE);
    assert_null(fault_list_pass(&l, 110 * S));
    assert_int_equal(fault_list_next(&l), 115 * S);
    assert_int_equal(hits_of(&l, 2), 2);
    fault_list_pass(&l, 112 * S + 1);
    rest_is(&l, "05.* always busy for 3s", FAULT_ALWAYS);
    assert_int_equal(fault_list_pass(&l, 120 * S)->phase, FAULT_OVER);
    assert_int_equal(hits_of(&l, 1), 0);
    assert_int_equal(fault_list_next(&l), 0);
    rest_is(&l, "05.* 1 busy", 0);
    fault_list_done(&l);
    /* Time that jumps over both ends. */
    add(&l, "05.* 7 busy at 1s for 1s");
    assert_int_equal(fault_list_pass(&l, 9 * S)->phase, FAULT_ACTIVE);
    assert_int_equal(fault_list_pass(&l, 9 * S)->phase, FAULT_OVER);
    assert_null(fault_list_pass(&l, 9 * S));
    fault_list_done(&l);
}

static void test_damage(void **state)
{
    uint8_t r[400] = {0, 0x86, 2}, small[3] = {0, 0x80};

    assert_int_equal(damage("* 1 bad-reply service=8/66", r, 400), 400);
    assert_memory_equal(r + 48 + 144, "\0\10\0\102", 4);
    assert_int_equal(damage("* 1 bad-reply type", r, 400), 400);
    assert_int_equal(error_reply_judge(span_of(r, 400)).offline, true);
    assert_int_equal(damage("* 1 bad-reply service=1/1", r, 400), 400);
    assert_memory_equal(r + 48 + 144, "\0\10\0\102", 4);
    assert_int_equal(damage("* 1 bad-reply length", r, 400), 399);
    assert_int_equal(damage("* 1 bad-reply code=0x85", r, 400), ERROR_REPLY_BYTES);
    assert_int_equal(error_reply_judge(span_of(r, ERROR_REPLY_BYTES)).error, -EINVAL);
    assert_int_equal(damage("* 1 bad-reply short", r, 400), 16);
    assert_int_equal(damage("* 1 bad-reply code=1", small, 3), 3);
    assert_int_equal(damage("* 1 bad-reply short", small, 3), 3);
    assert_int_equal(damage("* 1 bad-reply type", small, 1), 1);
    assert_int_equal(damage("* 1 bad-reply length", small, 0), 0);
    assert_int_equal(small[1], 0x80);
}

static void test_alarms(void **state)
{
    struct alarms a = {0};
    ap_qn qn;

    assert_int_equal(alarms_next(&a), 0);
    assert_false(alarms_take(&a, UINT64_MAX, &qn));
    alarms_add(&a, 30, 3);
    alarms_add(&a, 10, 1);
    alarms_add(&a, 30, 4);
    alarms_add(&a, 20, 2);
    assert_int_equal(alarms_next(&a), 10);
    assert_false(alarms_take(&a, 9, &qn));
    for (ap_qn want = 1; want <= 4; want++) {
        assert_true(alarms_take(&a, 30, &qn));
        assert_int_equal(qn, want);
    }
    assert_false(alarms_take(&a, 30, &qn));
    /* Adding and removing a rule many times does not use more memory. */
    for (uint64_t t = 1; t <= 1000; t++) {
        alarms_add(&a, t, 1);
        if (t > 8)
            assert_true(alarms_take(&a, t, &qn));
    }
    assert_int_equal(a.capacity, 16);
    assert_int_equal(a.end - a.first, 8);
    alarms_done(&a);
}

/* The same result in the format of an adapter before CEX2. */
static void test_damage_older(void **state)
{
    const struct cprbx block = {.func_id = "T2", .params = span_of("RL\0\2", 4)};
    uint8_t plain[16 + 3] = {0, 0x80, 0, 19, [16] = 'a', 'b', 'c'}, room[400], error[8] = {0, 0x82};
    struct buffer reply = buffer_of(room, sizeof(room));
    struct type86_writer w;
    struct cprb older;
    struct span data;
    size_t at, len;

    len = damage("* 1 bad-reply older", plain, sizeof(plain));
    assert_int_equal(type84_parse(span_of(plain, len), &data), 0);
    assert_true(span_equal(data, "abc", 3));
    assert_int_equal(damage("* 1 bad-reply older", error, 8), 8);
    assert_int_equal(error[1], 0x82);
    type86_start(&w, &reply);
    at = reply.len;
    assert_int_equal(cprbx_format(&block, &reply), 0);
    cprbx_finish_reply(at, &reply);
    cprbx_set_codes(at, 8, 66, &reply);
    type86_start_data(&w, &reply);
    buffer_add(&reply, "data", 4);
    assert_int_equal(type86_finish(&w, &reply), 0);
    len = damage("* 1 bad-reply older", room, reply.len);
    assert_int_equal(len, reply.len - CPRBX_BYTES + CPRB_BYTES);
    assert_int_equal(type86_judge_cprb(span_of(room, len), CPRB_VERSION).error, 0);
    assert_true(type86_judge_cprb(span_of(room, len), CPRBX_VERSION).offline);
    data = type86_judge_cprb(span_of(room, len), CPRB_VERSION).control;
    assert_int_equal(cprb_parse(data, CPRB_REPLY, &older), 0);
    assert_int_equal(older.rtcode, 8);
    assert_int_equal(older.rscode, 66);
    assert_true(span_equal(older.params, "RL\0\2", 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_refused_schedules),
        cmocka_unit_test(test_every_and_chance),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_matches),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_damage_older),
        cmocka_unit_test(test_alarms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
