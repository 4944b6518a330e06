/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "machine/fault.h"
#include "machine/guest.h"
#include "play.h"

/* AP instructions of guests and of the LPAR, and their expected results [ap-function-codes]
 * [guests-interception]. */

/* An instruction with everything that its result depends on. */
struct insn {
    struct command cmd;
    uint8_t data[13000];
    bool lpar;
    unsigned features, owner, apid, apqi;
    const struct seen_guest *guest;
    struct inside_queue *queue; /* NULL: a queue that is not in the world */
    unsigned ai, di;
    bool admin_refused; /* the message administers a domain that the sender must not change */
    bool special;
};

static struct ap_insn_result run(struct play *p, struct insn *i, int *result)
{
    struct ap_insn_result out;

    i->cmd.kind = CMD_INSN;
    i->cmd.now = p->now;
    *result = play_execute(p, &i->cmd);
    out = p->reply.insn;
    return out;
}

struct ap_insn_result insn_tapq(struct play *p, unsigned apid, unsigned apqi)
{
    struct command cmd = {
        .kind = CMD_INSN,
        .now = p->now,
        .insn = {.guest = CORE_LPAR,
                 .insn = {.opcode = AP_OPCODE_PQAP, .gr = {apid << 8 | apqi | 0x00800000u}}}};
    struct effects fx = {0};
    struct reply reply = {0};

    core_execute(p->core, &cmd, &fx, &reply);
    for (size_t i = 0; i < fx.count; i++)
        if (fx.v[i].kind != EFFECT_LOG && fx.v[i].kind != EFFECT_TIMER &&
            fx.v[i].kind < EFFECTS_NEWS)
            play_fail(p, "TAPQ of the LPAR has effect %d", fx.v[i].kind);
    effects_done(&fx);
    reply_done(&reply);
    return reply.insn;
}

enum op { TAPQ, RAPQ, ZAPQ, AQIC, QCI, NQAP, DQAP, ODD, OPS };

/* value: operation, special case, queue, length of the message */
#define OP(value)      ((value)&0xff)
#define VARIANT(value) ((value) >> 8 & 0xff)
#define PICK(value)    ((value) >> 16 & 0xff)
#define LENGTH(value)  ((value) >> 24 & 0xffff)

static struct m_set world_of(const struct play *p, const struct insn *i)
{
    struct m_set s = {.aqm = p->requests.usage};

    if (!i->lpar)
        return i->guest->apcb;
    for (unsigned ai = 0; ai < APIDS; ai++)
        if (p->requests.adapter[ai].in_lpar)
            mask256_set(&s.apm, apids[ai]);
    return s;
}

/* Usually one of the issuer's own queues. */
static void choose_queue(struct play *p, struct insn *i, unsigned pick)
{
    struct m_set own = world_of(p, i);
    unsigned count = 0, want;

    i->ai = pick % APIDS;
    i->di = pick / APIDS % APQIS;
    for (unsigned k = 0; k < APIDS * APQIS; k++)
        count +=
            mask256_test(&own.apm, apids[k / APQIS]) && mask256_test(&own.aqm, apqis[k % APQIS]);
    want = count ? pick % (count < 5 ? count : 5) : 0;
    for (unsigned k = 0; pick < 230 && count && k < APIDS * APQIS; k++) {
        if (!mask256_test(&own.apm, apids[k / APQIS]) || !mask256_test(&own.aqm, apqis[k % APQIS]))
            continue;
        i->ai = k / APQIS;
        i->di = k % APQIS;
        if (!want--)
            break;
    }
    i->apid = apids[i->ai];
    i->apqi = apqis[i->di];
    i->queue = &p->requests.queue[i->ai][i->di];
}

/* [messages-type6], [messages-cprbx]: an envelope with a CPRBX of the given kind for a domain. */
static void put_cprbx(uint8_t *at, size_t len, char kind, unsigned domain)
{
    memset(at, 0, 88 + 220);
    at[1] = 0x06;
    at[19] = 0x58;
    at[32] = 'C';
    at[33] = 'A';
    at[58] = (uint8_t)((len - 88) >> 8);
    at[59] = (uint8_t)(len - 88);
    at[88 + 1] = 220;
    at[88 + 2] = 2;
    at[88 + 6] = 'T';
    at[88 + 7] = (uint8_t)kind;
    at[88 + 170] = (uint8_t)(domain >> 8);
    at[88 + 171] = (uint8_t)domain;
}

static uint32_t psmid_of(const struct play *p)
{
    return p->requests.numbers * 2654435761u;
}

static void make_message(struct play *p, struct insn *i, unsigned variant, unsigned length)
{
    struct ap_insn *n = &i->cmd.insn.insn;
    size_t len = TAG_BYTES + length % 200;
    unsigned domain = apqis[length % APQIS];
    const struct mask256 *adm = i->lpar ? &p->requests.control : &i->guest->apcb.adm;
    bool cprbx = variant >= 200 && variant < 230;

    if (variant == 255)
        len = 0;
    else if (variant == 254)
        len = 12289 - length % 2;
    else if (cprbx)
        len += 88 + 220;
    memset(i->data, 0x5a, len);
    if (cprbx)
        put_cprbx(i->data, len, variant < 215 ? '2' : '5', domain);
    if (len)
        tag_put(i->data + len - TAG_BYTES, i->owner, ++p->requests.numbers);
    i->admin_refused = cprbx && variant >= 215 &&
                       (!mask256_test(adm, domain) || !mask256_test(&p->requests.control, domain));
    n->p1[0] = i->owner;
    n->p1[1] = psmid_of(p);
    n->p2[0] = 0x10000;
    n->p2[1] = n->data_len = len;
    n->data = i->data;
    n->gr[0] |= variant == 253 ? 0 : 0x40000000;
    i->special = variant >= 190 && variant < 195;
    n->gr[0] |= i->special ? 0x00400000 : 0;
}

static void make(struct play *p, struct insn *i, const struct step *s)
{
    static const unsigned codes[] = {0, 1, 2, 3, 4};
    struct ap_insn *n = &i->cmd.insn.insn;
    unsigned op = OP(s->value), variant = VARIANT(s->value);

    choose_queue(p, i, PICK(s->value));
    n->gr[0] = i->apid << 8 | i->apqi;
    n->r1 = 2;
    n->r2 = 4;
    n->opcode = op == NQAP ? AP_OPCODE_NQAP : op == DQAP ? AP_OPCODE_DQAP : AP_OPCODE_PQAP;
    if (op < NQAP)
        n->gr[0] |= (uint64_t)codes[op] << 24;
    if (op == TAPQ && variant & 1)
        n->gr[0] |= 0x00800000;
    if (op == AQIC) {
        n->gr[1] = variant & 1 ? UINT64_C(1) << 47 : 0;
        n->gr[2] = variant & 0x38 ? 0x2000 : 0;
    }
    if (op == QCI)
        n->gr[2] = variant == 1 ? 0x1004 : 0x1000;
    if (op == NQAP)
        make_message(p, i, variant, LENGTH(s->value));
    if (op == DQAP) {
        n->gr[0] |= 0x80000000;
        n->p2[0] = 0x20000;
        n->p2[1] = variant < 100 ? LENGTH(s->value) % 64 : 4096;
    }
    if ((op == NQAP || op == DQAP) && variant == 252)
        n->r1 = 3;
    if (op == ODD)
        n->gr[0] |= variant & 1 ? 9u << 24 : 0x00010000u;
}

static unsigned check_wanted(const struct play *p, const struct insn *i, unsigned op)
{
    const struct ap_insn *n = &i->cmd.insn.insn;
    bool apxa = p->model.apxa || !(i->features & GUEST_APQCI);

    if (!(i->features & GUEST_AP))
        return 1;
    if (n->opcode != AP_OPCODE_PQAP && n->r1 & 1)
        return 6;
    if (!apxa && n->gr[0] & 0xc0f0)
        return 6;
    if (op == ODD || (op == TAPQ && n->gr[0] & 0x00800000 && !(i->features & GUEST_APFT)))
        return 6;
    if (op == AQIC && !(i->features & GUEST_APQI && p->model.interrupts))
        return 6;
    return op == QCI && (!(i->features & GUEST_APQCI) || n->gr[2] % 8) ? 6 : 0;
}

static unsigned fault_rc(struct play *p, const struct insn *i, unsigned kinds)
{
    static const unsigned rcs[] = {
        [FAULT_DECONFIGURED] = 3, [FAULT_CHECKSTOP] = 4, [FAULT_BUSY] = 5, [FAULT_FULL] = 0x10};
    const struct fault_entry *f = fault_first(p, kinds, i->ai, i->di, false);

    return f ? rcs[f->rule.kind] : 0;
}

static unsigned nqap_wanted(struct play *p, const struct insn *i)
{
    const struct ap_insn *n = &i->cmd.insn.insn;
    struct adapter_info a;
    unsigned rc;

    core_adapter_info(p->core, i->apid, &a);
    if (i->special && !(a.config->functions & 0x80000000))
        return i->admin_refused ? 0x42 : 0x16;
    if (n->data_len == 0)
        return 0x13;
    if (n->data_len > (a.config->max_message ? a.config->max_message * 4096u : 12288u))
        return 0x15;
    if (i->admin_refused)
        return 0x42;
    rc = fault_rc(p, i,
                  FAULT_BIT(FAULT_DECONFIGURED) | FAULT_BIT(FAULT_CHECKSTOP) |
                      FAULT_BIT(FAULT_BUSY) | FAULT_BIT(FAULT_FULL));
    return rc ? rc : i->queue->count > a.config->depth ? 0x10 : 0;
}

/* What DQAP returns: the rest of a partly fetched reply comes first. */
static struct inside *first_ready(struct inside_queue *q)
{
    for (unsigned i = 0; i < q->count; i++)
        if (q->v[i].state == READY && q->v[i].delivered)
            return &q->v[i];
    for (unsigned i = 0; i < q->count; i++)
        if (q->v[i].state == READY)
            return &q->v[i];
    return NULL;
}

/* The response code. Faults of the queue come first. */
static unsigned rc_of(struct play *p, const struct insn *i, unsigned op)
{
    struct m_set own = world_of(p, i);
    const struct ap_insn *n = &i->cmd.insn.insn;
    unsigned state = i->queue->rc == AP_RC_BUSY ? 0 : i->queue->rc;

    if (!mask256_test(&own.apm, i->apid) || !mask256_test(&own.aqm, i->apqi) || state == 1)
        return 1;
    if (op == AQIC && n->gr[1] && !n->gr[2])
        return 6;
    if (op == NQAP && !(n->gr[0] & 0x40000000))
        return 0x13;
    if (op == NQAP && i->admin_refused && !i->lpar)
        return 0x42;
    if (state)
        return state;
    switch (op) {
    case TAPQ:
        return i->queue->rc;
    case RAPQ:
    case ZAPQ:
        return fault_rc(p, i, FAULT_BIT(FAULT_BUSY));
    case AQIC:
        return i->queue->notify == (n->gr[1] ? NOTIFY_ON : NOTIFY_OFF) ? 7 : 0;
    case NQAP:
        return nqap_wanted(p, i);
    default:
        return first_ready(i->queue) ? 0 : 0x10;
    }
}

static bool delivered(struct play *p, struct insn *i, const struct ap_insn_result *out)
{
    struct inside *m = first_ready(i->queue);
    size_t rest = m->len - m->delivered, room = i->cmd.insn.insn.p2[1],
           n = rest < room ? rest : room;
    uint8_t whole[1024] = {0};
    unsigned owner;
    uint32_t number;

    reply_fill(whole, m->owner, m->number, sizeof whole);
    if (m->owner != i->owner)
        return play_fail(p, "owner %u is handed a message of owner %u", i->owner, m->owner);
    if (tag_find((const uint8_t *)out->data.data, out->data.len, &owner, &number) &&
        (owner != i->owner || number != m->number))
        return play_fail(p, "owner %u is handed a reply for owner %u", i->owner, owner);
    if (out->data.len != n || out->gr[2] != rest - n || out->cc != (rest > n ? 2 : 0))
        return play_fail(p, "DQAP delivers %zu bytes, %zu are right", out->data.len, n);
    if (!p->requests.replies_damaged && memcmp(out->data.data, whole + m->delivered, n) != 0)
        return play_fail(p, "DQAP delivers other bytes than the adapter answered");
    if ((out->p1[0] << 32 | out->p1[1]) != m->psmid)
        return play_fail(p, "DQAP delivers the wrong PSMID");
    m->delivered += (uint32_t)n;
    if (m->delivered == m->len) {
        p->requests.ended_by_reply++;
        inside_remove(i->queue, m);
    }
    return true;
}

static void accepted(struct play *p, struct insn *i)
{
    struct inside *m = inside_add(i->queue);

    p->requests.accepted++;
    m->owner = i->owner;
    m->number = p->requests.sent = p->requests.numbers;
    m->psmid = (uint64_t)i->owner << 32 | psmid_of(p);
}

static bool qci_right(struct play *p, const struct insn *i, const struct ap_insn_result *out)
{
    const uint8_t *block = (const uint8_t *)out->data.data;
    struct m_set own = world_of(p, i);
    struct mask256 apm, aqm;

    if (out->data.len != 128)
        return play_fail(p, "a QCI block of %zu bytes", out->data.len);
    apm = mask256_from_bytes(block + 16);
    aqm = mask256_from_bytes(block + 48);
    if (!mask256_subset(&apm, &own.apm) || !mask256_subset(&aqm, &own.aqm) ||
        (i->lpar && (!mask256_equal(&apm, &own.apm) || !mask256_equal(&aqm, &own.aqm))))
        return play_fail(p, "QCI tells of what is not there");
    return true;
}

/* The effects of a response code 00. */
static bool happened(struct play *p, struct insn *i, unsigned op, const struct ap_insn_result *out)
{
    switch (op) {
    case TAPQ:
        if (!out->gr[2] || !(out->gr[2] >> 32) != !(i->cmd.insn.insn.gr[0] & 0x00800000))
            return play_fail(p, "TAPQ tells %016" PRIx64, out->gr[2]);
        return true;
    case RAPQ:
    case ZAPQ:
        queue_flushed(&p->requests, i->ai, i->di);
        return true;
    case AQIC:
        i->queue->notify = i->cmd.insn.insn.gr[1] ? NOTIFY_ON : NOTIFY_OFF;
        return true;
    case NQAP:
        accepted(p, i);
        return true;
    case DQAP:
        return delivered(p, i, out);
    default:
        return true;
    }
}

static bool judge(struct play *p, struct insn *i, unsigned op, unsigned pgm, unsigned rc,
                  const struct ap_insn_result *out)
{
    unsigned got = out->gr[1] >> 16 & 0xff;

    if (out->program_check != pgm)
        return play_fail(p, "operation %u gives program check %u, %u is right", op,
                         out->program_check, pgm);
    if (pgm)
        return true;
    if (op == QCI)
        return qci_right(p, i, out);
    if (op == AQIC && i->queue->notify == NOTIFY_UNKNOWN && got == AP_RC_OTHERWISE_CHANGED)
        return true;
    if (got != rc)
        return play_fail(p, "operation %u on %02x.%04x gives %02x, %02x is right", op, i->apid,
                         i->apqi, got, rc);
    if (out->cc != (rc ? 3 : 0) && !(op == DQAP && out->cc == 2))
        return play_fail(p, "operation %u gives condition code %u", op, out->cc);
    return rc || happened(p, i, op, out);
}

int execute_insn(struct play *p, const struct step *s)
{
    static struct insn i;
    struct ap_insn_result out;
    unsigned op = OP(s->value), pgm, rc;
    int result;

    p->wanted.result = 0;
    i = (struct insn){.lpar = s->object >= GUESTS, .features = 0xf, .owner = OWNER_LPAR};
    if (i.lpar && !p->lpar_connected)
        op = TAPQ;
    i.cmd.insn.guest = CORE_LPAR;
    if (!i.lpar) {
        i.guest = &p->requests.guest[s->object];
        i.owner = i.guest->serial + OWNER_GUEST;
        i.features = i.guest->features;
        i.cmd.insn.guest = i.guest->number;
    }
    make(p, &i, &(struct step){.value = (s->value & ~UINT64_C(0xff)) | op});
    pgm = check_wanted(p, &i, op);
    rc = rc_of(p, &i, op);
    out = run(p, &i, &result);
    if (result == 0)
        judge(p, &i, op, pgm, rc, &out);
    return result;
}
