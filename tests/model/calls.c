/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message/cprbx.h"
#include "message/ep11.h"
#include "play.h"

/* Requests through device nodes: each accepted one gets exactly one reply, which is its own. */

struct call *call_by_number(struct requests *r, uint32_t number)
{
    for (unsigned i = 0; i < r->call_count; i++)
        if (r->calls[i].number == number)
            return &r->calls[i];
    return NULL;
}

static bool is_inside(const struct requests *r, const struct call *c)
{
    for (unsigned i = 0; i < APIDS * APQIS; i++)
        for (unsigned k = 0; k < r->queue[i / APQIS][i % APQIS].count; k++)
            if (r->queue[i / APQIS][i % APQIS].v[k].number == c->number &&
                !r->queue[i / APQIS][i % APQIS].v[k].orphan)
                return true;
    return false;
}

static void call_end(struct requests *r, struct call *c)
{
    *c = r->calls[--r->call_count];
}

bool call_replied(struct play *p, uint64_t token, int64_t value, const char *text, size_t len)
{
    struct requests *r = &p->requests;
    struct call *c = NULL;
    struct zcrypt_reply reply;
    unsigned owner;
    uint32_t number;

    for (unsigned i = 0; i < r->call_count; i++)
        if (r->calls[i].token == token)
            c = &r->calls[i];
    if (!c)
        return play_fail(p, "a reply for a request that is over, or was given up");
    if (value != 0 && value != -EINVAL && value != -EIO && value != -ENODEV && value != -EMSGSIZE)
        return play_fail(p, "a request ends with %d", (int)value);
    if (tag_find((const uint8_t *)text, len, &owner, &number) &&
        (owner != c->owner || number != c->number))
        return play_fail(p, "owner %u is handed the reply to %u", c->owner, owner);
    if (value == 0 &&
        (zcrypt_reply_parse(text, len, &reply) < 0 ||
         (!r->replies_damaged && !tag_find((const uint8_t *)text, len, &owner, &number))))
        return play_fail(p, "a request's reply is not what the adapter answered");
    if (!r->faulty && value == -EINVAL && !p->expect_token)
        return play_fail(p, "a request is refused that nobody found fault with");
    if (is_inside(r, c))
        return play_fail(p, "a request has ended and is inside a queue");
    r->replied = token;
    r->reply_value = value;
    r->ended_by_reply++;
    call_end(r, c);
    return true;
}

static const struct sysfs_tree *tree_of(struct play *p, unsigned tree)
{
    unsigned number = tree ? p->requests.guest[tree - 1].number + 1 : CORE_HOST_TREE;

    if (tree && !p->requests.guest[tree - 1].exists)
        return NULL;
    return core_tree(p->core, number);
}

/* A counter of a card or queue; -1: it does not exist. */
static int64_t counter(const struct sysfs_tree *t, struct sysfs_dir dir, const char *name)
{
    text_auto text = {0};

    if (sysfs_show(t, sysfs_attr_ino(t, dir, name), &text) < 0 || !text.len)
        return -1;
    return *text.data == '-' ? -1 : strtoll(text.data, NULL, 10);
}

static unsigned weight_of(const struct play *p, const struct call *c, unsigned ai)
{
    const struct seen_adapter *a = &p->requests.adapter[ai];

    return model_rating(&(struct m_want){.kind = c->want}, a->type, a->mode);
}

/* The driver flushes the queue, after 900 seconds or on a write, even if the queue is too busy to
 * be reset. */
static void calls_given_up(struct play *p, unsigned tree)
{
    const struct sysfs_tree *t = tree_of(p, tree);

    for (unsigned i = 0; t && i < APIDS * APQIS; i++) {
        struct inside_queue *q = &p->requests.queue[i / APQIS][i % APQIS];
        struct sysfs_dir dir = {SYSFS_QUEUE, AP_QN(apids[i / APQIS], apqis[i % APQIS])};
        bool none = counter(t, dir, "pendingq_count") == 0;
        const struct call *c;

        for (unsigned k = 0; k < q->count; k++) {
            c = q->v[k].zcrypt ? call_by_number(&p->requests, q->v[k].number) : NULL;
            q->v[k].orphan |= none && c && c->tree == tree;
        }
    }
}

void calls_orphan(struct play *p, const struct step *s, int result)
{
    struct requests *r = &p->requests;
    bool card = s->target == AT_CARD;
    unsigned owner = s->tree ? r->guest[s->tree - 1].serial + OWNER_GUEST : OWNER_LPAR;

    bool given_up = (s->kind == STEP_TIMER && s->value == 4) ||
                    (s->kind == STEP_STORE && strcmp(s->attr, "reset") == 0);

    for (unsigned tree = 0; r->faulty && given_up && tree <= GUESTS; tree++)
        calls_given_up(p, tree);
    if (s->kind != STEP_STORE || (!card && s->target != AT_QUEUE) ||
        strcmp(s->attr, "online") != 0 || result != 0 || atoi(s->data) != 0)
        return;
    for (unsigned di = 0; di < APQIS; di++) {
        unsigned ai = card ? s->object : s->object / 16;
        struct inside_queue *q = &r->queue[ai][di];
        struct sysfs_dir dir = {SYSFS_QUEUE, AP_QN(apids[ai], apqis[di])};

        /* A card takes its online queues offline; bad replies decided which those were. */
        if (r->faulty && card && counter(tree_of(p, s->tree), dir, "pendingq_count") > 0)
            continue;

        for (unsigned i = 0; i < q->count && (card || s->object % 16 == di); i++)
            q->v[i].orphan |= q->v[i].zcrypt && q->v[i].owner == owner;
    }
}

/* Compares the counters of a queue in sysfs with its contents. */
static bool count_queue(struct play *p, unsigned tree, unsigned ai, unsigned di, unsigned sums[3])
{
    const struct sysfs_tree *t = tree_of(p, tree);
    struct sysfs_dir dir = {SYSFS_QUEUE, AP_QN(apids[ai], apqis[di])};
    struct inside_queue *q = &p->requests.queue[ai][di];
    int64_t pending = counter(t, dir, "pendingq_count"), load = counter(t, dir, "load");
    int64_t waiting = counter(t, dir, "requestq_count");
    unsigned inside = 0, weight = 0;

    for (unsigned i = 0; i < q->count; i++) {
        struct call *c =
            q->v[i].zcrypt && !q->v[i].orphan ? call_by_number(&p->requests, q->v[i].number) : NULL;

        if (!c || c->tree != tree)
            continue;
        inside++;
        weight += weight_of(p, c, ai);
    }
    if (inside != (pending < 0 ? 0 : pending))
        return play_fail(p, "%02x.%04x holds %u requests, pendingq_count is %d", apids[ai],
                         apqis[di], inside, (int)pending);
    if (waiting >= 0 && load >= 0 && (waiting ? load < weight : load != weight))
        return play_fail(p, "%02x.%04x has load %d, %u is right", apids[ai], apqis[di], (int)load,
                         weight);
    sums[0] += pending > 0 ? (unsigned)pending : 0;
    sums[1] += waiting > 0 ? (unsigned)waiting : 0;
    sums[2] += load > 0 ? (unsigned)load : 0;
    return true;
}

static bool count_calls(struct play *p, unsigned tree, unsigned waiting)
{
    struct requests *r = &p->requests;
    unsigned open = 0;

    for (unsigned i = 0; i < r->call_count; i++)
        open += r->calls[i].tree == tree && !is_inside(r, &r->calls[i]);
    return waiting == open || play_fail(p, "%u requests wait, %u are right", waiting, open);
}

static bool count_tree(struct play *p, unsigned tree)
{
    unsigned number = tree ? p->requests.guest[tree - 1].number + 1 : CORE_HOST_TREE;
    const struct zcrypt *z = core_zcrypt(p->core, number);
    unsigned all[2] = {0, 0}, shown[2] = {0, 0}; /* Z90STAT shows the default domain */

    if (!z || !tree_of(p, tree))
        return true;
    for (unsigned ai = 0; ai < APIDS; ai++) {
        struct sysfs_dir card = {SYSFS_CARD, apids[ai]};
        unsigned sums[3] = {0, 0, 0};
        int64_t load = counter(tree_of(p, tree), card, "load");

        for (unsigned di = 0; di < APQIS; di++) {
            unsigned before[2] = {sums[0], sums[1]};

            if (!count_queue(p, tree, ai, di, sums))
                return false;
            if (zcrypt_default_domain(z) != apqis[di])
                continue;
            shown[0] += sums[0] - before[0];
            shown[1] += sums[1] - before[1];
        }
        if (load >= 0 && load < sums[2])
            return play_fail(p, "card%02x has load %d, its queues %u", apids[ai], (int)load,
                             sums[2]);
        if (!sums[0] && !sums[1] && load > 0)
            return play_fail(p, "card%02x has load %d and nothing to do", apids[ai], (int)load);
        all[0] += sums[0];
        all[1] += sums[1];
    }
    if (zcrypt_sent_count(z) != shown[0] || zcrypt_waiting_count(z) != shown[1])
        return play_fail(p, "Z90STAT counts %u sent and %u waiting, the queues %u and %u",
                         zcrypt_sent_count(z), zcrypt_waiting_count(z), shown[0], shown[1]);
    return count_calls(p, tree, all[1]);
}

bool calls_count(struct play *p)
{
    for (unsigned tree = 0; tree <= GUESTS; tree++)
        if (!count_tree(p, tree))
            return false;
    if (!p->requests.faulty && p->expect_token &&
        (p->requests.replied != p->expect_token || p->requests.reply_value != p->expect_value))
        return play_fail(p, "the answer of an adapter became %s %d, %d is right",
                         p->requests.replied == p->expect_token ? "the reply" : "no reply",
                         (int)p->requests.reply_value, (int)p->expect_value);
    p->expect_token = 0;
    return true;
}

bool calls_idle(struct play *p)
{
    return !p->requests.call_count ||
           play_fail(p, "a request of tree %u never ends", p->requests.calls[0].tree);
}

/* Requests by programs. */

#define BYTES 512u

struct made {
    struct zcrypt_request request;
    struct zcrypt_target target;
    uint8_t input[128], ones[128], keys[5][72], control[BYTES];
};

static void make_rsa(struct made *m, bool crt, unsigned owner, uint32_t number)
{
    memset(m->ones, 0xff, sizeof m->ones);
    memset(m->keys, 0x55, sizeof m->keys);
    tag_put(m->input + 100, owner, number);
    m->request.kind = ZCRYPT_RSA;
    if (crt)
        m->request.rsa = rsa_request_crt(128, m->input, m->keys[0], m->keys[1], m->keys[2],
                                         m->keys[3], m->keys[4]);
    else
        m->request.rsa = rsa_request_me(128, m->input, m->ones, m->ones);
}

static void make_cca(struct made *m, const struct m_want *w, unsigned owner, uint32_t number)
{
    uint8_t params[64] = {'K', 'G', 0, 2};
    struct cprbx c = {.func_id = {'T', '2'},
                      .reply_bytes = 300,
                      .domain = w->apqi < 0 ? 0xffff : apqis[w->apqi],
                      .params = {params, sizeof params}};
    struct buffer out = buffer_of(m->control, sizeof m->control);

    tag_put(params + 40, owner, number);
    cprbx_format(&c, &out);
    m->request.kind = ZCRYPT_CCA;
    m->request.agent[0] = 'C';
    m->request.agent[1] = 'A';
    m->request.card = w->apid < 0 ? ZCRYPT_ANY_CARD : apids[w->apid];
    m->request.control = buffer_span(&out);
}

static void make_ep11(struct made *m, const struct m_want *w, unsigned owner, uint32_t number)
{
    uint8_t room[100], tag[TAG_BYTES];
    struct buffer payload = buffer_of(room, sizeof room);
    struct buffer out = buffer_of(m->control, sizeof m->control);
    size_t at = ep11_payload_start(1, EP11_GENERATE_RANDOM, 0, &payload);

    tag_put(tag, owner, number);
    ep11_octets_add(span_of(tag, sizeof tag), &payload);
    ep11_payload_finish(at, &payload);
    ep11_format(&(struct ep11_cprb){.func_id = {'T', '4'}, .payload = buffer_span(&payload)}, &out);
    m->request.kind = ZCRYPT_EP11;
    m->request.control = buffer_span(&out);
    m->target = (struct zcrypt_target){w->apid < 0 ? 0xffff : apids[w->apid],
                                       w->apqi < 0 ? 0xffff : apqis[w->apqi]};
    m->request.targets = &m->target;
    m->request.target_count = w->apid >= 0 || w->apqi >= 0;
}

struct candidate {
    unsigned ai;
    ap_qn qn;
    int64_t card[2], queue[2]; /* load with the request, requests so far */
};

static bool before(const int64_t a[2], const int64_t b[2])
{
    return a[0] < b[0] || (a[0] == b[0] && a[1] < b[1]);
}

/* Whatever the order in which they were bound, a is preferred. */
static bool wins(const struct candidate *a, const struct candidate *b)
{
    return before(a->queue, b->queue) && (a->ai == b->ai || before(a->card, b->card));
}

static struct candidate candidate_of(const struct sysfs_tree *t, unsigned ai, unsigned di,
                                     unsigned rating)
{
    ap_qn qn = AP_QN(apids[ai], apqis[di]);
    struct sysfs_dir card = {SYSFS_CARD, apids[ai]}, queue = {SYSFS_QUEUE, qn};

    return (struct candidate){
        .ai = ai,
        .qn = qn,
        .card = {counter(t, card, "load") + rating, counter(t, card, "request_count")},
        .queue = {counter(t, queue, "load") + rating, counter(t, queue, "request_count")}};
}

/* The candidate queue with the least load [zcrypt-selection]; false: undetermined. */
static bool foretell(struct play *p, const struct step *s, const struct m_want *w)
{
    const struct m_guest *g = s->tree ? &p->before.guest[s->tree - 1] : NULL;
    const struct m_bus *b = g ? &g->bus : &p->before.bus;
    const struct sysfs_tree *t = tree_of(p, s->tree);
    struct candidate all[APIDS * APQIS];
    unsigned count = 0;

    p->expect_qn = -1;
    for (unsigned i = 0; t && i < APIDS * APQIS; i++) {
        unsigned ai = i / APQIS, di = i % APQIS;

        if (!model_takes(&p->before, b, g, w, ai, di))
            continue;
        if (p->requests.queue[ai][di].rc)
            return false;
        all[count++] = candidate_of(t, ai, di, model_rating(w, b->card[ai].type, b->card[ai].mode));
    }
    for (unsigned i = 0; i < count && p->expect_qn < 0; i++) {
        p->expect_qn = all[i].qn;
        for (unsigned k = 0; k < count; k++)
            if (k != i && !wins(&all[i], &all[k]))
                p->expect_qn = -1;
    }
    return p->expect_qn >= 0;
}

static bool went_right(struct play *p, const struct step *s, int64_t requests)
{
    struct sysfs_dir dir = {SYSFS_QUEUE, (uint32_t)p->expect_qn};

    if (counter(tree_of(p, s->tree), dir, "request_count") != requests + 1)
        return play_fail(p, "a request did not go to %04x, which has the least to do",
                         p->expect_qn);
    return true;
}

static uint32_t open_node(struct play *p, int node)
{
    uint32_t handle = ZCRYPT_Z90CRYPT;
    char path[64];
    sysfs_ino ino;

    snprintf(path, sizeof path, "dev/%s", node < 0 ? "z90crypt" : p->model.node[node].name);
    if (sysfs_resolve(tree_of(p, 0), path, &ino) < 0 || core_open(p->core, 0, ino, &handle) < 0)
        play_fail(p, "/%s cannot be opened", path);
    return handle;
}

int execute_zcrypt(struct play *p, const struct step *s)
{
    struct requests *r = &p->requests;
    struct m_want w = model_want(s);
    unsigned owner = s->tree ? r->guest[s->tree - 1].serial + OWNER_GUEST : OWNER_LPAR;
    struct command cmd = {.kind = CMD_ZCRYPT, .now = p->now};
    int node = s->tree ? -1 : model_node(&p->model, &w);
    uint32_t number = ++r->numbers;
    bool foretold = !r->faulty && foretell(p, s, &w);
    struct sysfs_dir dir = {SYSFS_QUEUE, (uint32_t)p->expect_qn};
    int64_t requests = foretold ? counter(tree_of(p, s->tree), dir, "request_count") : 0;
    struct made m = {0};
    int rc;

    if (w.kind < WANT_CCA)
        make_rsa(&m, w.kind == WANT_CRT, owner, number);
    else if (w.kind == WANT_CCA)
        make_cca(&m, &w, owner, number);
    else
        make_ep11(&m, &w, owner, number);
    m.request.node = open_node(p, node);
    m.request.reply_control = m.request.reply_data = 400;
    cmd.token = TOKEN_FIRST + number;
    cmd.zcrypt.tree = !s->tree                       ? CORE_HOST_TREE
                      : r->guest[s->tree - 1].exists ? r->guest[s->tree - 1].number + 1
                                                     : 1000;
    cmd.zcrypt.request = m.request;
    if (r->call_count == CALLS_MAX) {
        p->wanted.result = 0;
        return 0;
    }
    rc = play_execute(p, &cmd);
    if (rc == -EINPROGRESS) {
        r->calls_made++;
        r->calls[r->call_count++] = (struct call){
            .token = cmd.token, .tree = s->tree, .owner = owner, .number = number, .want = w.kind};
    }
    if (r->faulty || (rc == -EIO && !foretold))
        p->wanted.result = rc;
    if (rc == -EINPROGRESS && foretold)
        went_right(p, s, requests);
    return rc;
}

void calls_cancel(struct play *p, uint64_t pick, uint64_t *token)
{
    struct requests *r = &p->requests;
    struct call *c = r->call_count ? &r->calls[pick % r->call_count] : NULL;

    *token = c ? c->token : TOKEN_FIRST - 1;
    for (unsigned i = 0; c && i < APIDS * APQIS; i++) {
        struct inside_queue *q = &r->queue[i / APQIS][i % APQIS];

        for (unsigned k = 0; k < q->count; k++)
            q->v[k].orphan |= q->v[k].zcrypt && q->v[k].number == c->number;
    }
    if (c)
        call_end(r, c);
}
