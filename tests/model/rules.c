/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "play.h"

/* Rules that hold independently of the model: exclusive ownership, cleanup, notification. */

/* No APQN is shared, and a guest has only what is its own and the host's. */
static bool check_products(struct play *p)
{
    struct mdev_info a, b;
    struct host_info host;
    uint32_t i = 0;

    core_host_info(p->core, &host);
    while (core_mdev_next(p->core, &i, &a)) {
        struct mask256 lpar_apm = mask256_andnot(a.guest_apm, host.apm);
        struct mask256 lpar_aqm = mask256_andnot(a.guest_aqm, host.aqm);
        uint32_t j = i;

        if (!mask256_empty(&lpar_apm) || !mask256_empty(&lpar_aqm))
            return play_fail(p, "a device passes on what is not the LPAR's");
        if (!mask256_subset(&a.guest_apm, &a.apm) || !mask256_subset(&a.guest_aqm, &a.aqm) ||
            !mask256_subset(&a.guest_adm, &a.adm))
            return play_fail(p, "a device passes on what is not assigned to it");
        if (mask256_intersects(&a.apm, &host.apmask) && mask256_intersects(&a.aqm, &host.aqmask))
            return play_fail(p, "an APQN is assigned although it is zcrypt's");
        while (core_mdev_next(p->core, &j, &b))
            if (mask256_intersects(&a.apm, &b.apm) && mask256_intersects(&a.aqm, &b.aqm))
                return play_fail(p, "an APQN is assigned twice");
    }
    return true;
}

/* 0 nobody, 1 the host's zcrypt, from 2 a guest; -1: two of them. */
static int holder_of(struct play *p, ap_qn qn, const struct apqn_info *q)
{
    bool host = q->driver && strcmp(q->driver, "vfio_ap") != 0;
    int holder = host ? 1 : 0;
    struct guest_info g;
    uint32_t cursor = 0;

    while (core_guest_next(p->core, &cursor, &g)) {
        int i = model_guest_by_number(&p->model, g.number);

        if (!mask256_test(&g.apm, AP_QN_APID(qn)) || !mask256_test(&g.aqm, AP_QN_APQI(qn)))
            continue;
        if (holder)
            return -1;
        holder = 2 + (int)p->model.guest[i].serial;
    }
    return holder;
}

/* A guest that is asked to release its device loses it before the queues are reset; nobody else can
 * get them before. */
static bool being_removed(const struct model *m, ap_qn qn)
{
    for (int i = 0; i < MDEVS; i++)
        if (m->mdev[i].removing && mask256_test(&m->mdev[i].shadow.apm, AP_QN_APID(qn)) &&
            mask256_test(&m->mdev[i].shadow.aqm, AP_QN_APQI(qn)))
            return true;
    return false;
}

static bool check_hand(struct play *p, unsigned ai, unsigned di)
{
    ap_qn qn = AP_QN(apids[ai], apqis[di]);
    struct hand *h = &p->hands[ai][di], was = *h;
    bool faulty = p->requests.faulty, cleaned;
    bool usable = faulty ? p->requests.queue[ai][di].rc == 0 : model_usable(&p->model, ai, di);
    struct apqn_info q;
    int holder;

    core_apqn_info(p->core, qn, &q);
    holder = holder_of(p, qn, &q);
    if (holder < 0)
        return play_fail(p, "APQN %02x.%04x has two holders", apids[ai], apqis[di]);
    if (holder > 1 && (!q.driver || strcmp(q.driver, "vfio_ap") != 0))
        return play_fail(p, "a guest has APQN %02x.%04x, which is not bound to vfio_ap", apids[ai],
                         apqis[di]);
    cleaned = q.zeroized != was.zeroized;
    h->holder = (unsigned)holder;
    h->zeroized = q.zeroized;
    if (cleaned)
        h->left_by = 0;
    if (!faulty && was.holder > 1 && h->holder != was.holder && !cleaned && usable &&
        model_usable(&p->before, ai, di) && !being_removed(&p->model, qn))
        return play_fail(p, "APQN %02x.%04x was taken from a guest and not zeroized", apids[ai],
                         apqis[di]);
    if (h->holder && usable && h->left_by && h->left_by != h->holder)
        return play_fail(p, "APQN %02x.%04x went from %u to %u and was not zeroized", apids[ai],
                         apqis[di], h->left_by, h->holder);
    if (h->holder && usable)
        h->left_by = h->holder;
    return true;
}

/* Inodes that were kept open: those of removed objects report it, the others still work. */

static unsigned life_of(const struct model *m, const struct note *n)
{
    const struct m_card *card = &m->bus.card[n->ai % APIDS];

    if (n->kind == SYSFS_MDEV)
        return m->mdev[n->ai].exists && !m->mdev[n->ai].removing ? m->mdev[n->ai].life : 0;
    if (!card->present)
        return 0;
    if (n->kind == SYSFS_CARD)
        return card->life;
    return card->queue[n->di].present ? card->queue[n->di].life : 0;
}

static bool check_note(struct play *p, const struct note *n)
{
    const struct sysfs_tree *t = core_tree(p->core, CORE_HOST_TREE);
    struct command cmd = {
        .kind = CMD_STORE, .now = p->now, .store = {.ino = n->ino, .data = "1", .len = 1}};
    bool alive = life_of(&p->model, n) == n->life;
    struct effects fx = {0};
    struct reply reply;
    struct sysfs_entry e;
    text_auto text = {0};
    int rc;

    if (alive)
        return sysfs_stat(t, n->ino, &e) == 0 || play_fail(p, "a living inode has vanished");
    core_execute(p->core, &cmd, &fx, &reply);
    rc = reply.result;
    text_done(&reply.why);
    effects_done(&fx);
    if (rc != -ENODEV || sysfs_stat(t, n->ino, &e) != -ENODEV ||
        sysfs_show(t, n->ino, &text) != -ENODEV)
        return play_fail(p, "an inode of a vanished object still answers");
    return true;
}

static void note_one(struct play *p)
{
    const struct sysfs_tree *t = core_tree(p->core, CORE_HOST_TREE);
    struct note n = {.ai = (unsigned)(p->steps / 3 % APIDS), .di = (unsigned)(p->steps % APQIS)};
    const char *attr = "config";
    struct sysfs_dir dir;

    n.kind = p->steps % 3 == 0 ? SYSFS_MDEV : p->steps % 3 == 1 ? SYSFS_CARD : SYSFS_QUEUE;
    if (n.kind == SYSFS_MDEV) {
        char path[80] = "devices/vfio_ap/matrix/";

        n.ai %= MDEVS;
        world_uuid(n.ai, path + strlen(path));
        strcat(path, "/matrix");
        if (sysfs_resolve(t, path, &n.ino) < 0)
            return;
    } else {
        dir = (struct sysfs_dir){n.kind, n.kind == SYSFS_CARD ? apids[n.ai]
                                                              : AP_QN(apids[n.ai], apqis[n.di])};
        n.ino = sysfs_attr_ino(t, dir, attr);
    }
    n.life = life_of(&p->model, &n);
    if (n.life)
        p->notes[p->note_count++ % NOTED] = n;
}

bool rules_check(struct play *p)
{
    unsigned notes = p->note_count < NOTED ? p->note_count : NOTED;

    if (!check_products(p))
        return false;
    for (unsigned ai = 0; ai < APIDS; ai++)
        for (unsigned di = 0; di < APQIS; di++)
            if (!check_hand(p, ai, di))
                return false;
    for (unsigned i = 0; i < notes && !p->requests.faulty; i++)
        if (!check_note(p, &p->notes[i]))
            return false;
    note_one(p);
    return true;
}

/* Effects. */

static unsigned count(const struct play *p, enum effect_kind kind, unsigned id, int64_t value)
{
    unsigned n = 0;

    for (size_t i = 0; i < p->fx.count; i++)
        n += p->fx.v[i].kind == kind && p->fx.v[i].id == id && p->fx.v[i].value == value;
    return n;
}

static bool set_equal(const struct m_set *a, const struct m_set *b)
{
    return mask256_equal(&a->apm, &b->apm) && mask256_equal(&a->aqm, &b->aqm) &&
           mask256_equal(&a->adm, &b->adm);
}

/* 7.2 tells of each withdrawal by itself; system/test_oracle.py knows how often. Here it is at
 * least what the change asks for, and at most adapters and domains that go, each adapter that goes
 * and comes, and the rest. */
static bool told_in_steps(const struct play *p, unsigned told, unsigned wanted)
{
    return !p->model.proposal && told >= wanted && told <= 2 + 2 * APIDS + 1;
}

/* One change, one notification; none without a change, unless a device under the guest was
 * replaced.
 */
static bool check_told(struct play *p, int i)
{
    const struct m_guest *was = &p->before.guest[i], *is = &p->model.guest[i];
    struct m_set old = model_apcb(&p->before, was), new = model_apcb(&p->model, is);
    bool changed = !set_equal(&old, &new), asked = is->asks != was->asks;
    bool attached = was->mdev < 0 && is->mdev >= 0;
    unsigned told = count(p, EFFECT_GUEST_NOTIFY, is->number, NEWS_CONFIG);
    unsigned wanted = (changed && is->mdev >= 0) || asked || attached;

    if (count(p, EFFECT_GUEST_NOTIFY, is->number, NEWS_RELEASE) != asked)
        return play_fail(p, "%s was asked to release the wrong number of times", world_guest(i));
    if (changed && !count(p, EFFECT_APCB, is->number, 0))
        return play_fail(p, "the APCB of %s changed without an effect", world_guest(i));
    if (told_in_steps(p, told, wanted))
        return true;
    if (told == wanted || (told == 1 && is->mdev >= 0 && p->model.mdev[is->mdev].device_change))
        return true;
    return play_fail(p, "%s was told %u times of a change, %u is right", world_guest(i), told,
                     wanted);
}

static bool said_gone(const struct play *p, const char *name)
{
    for (size_t i = 0; i < p->fx.count; i++)
        if (p->fx.v[i].kind == EFFECT_GONE && p->fx.v[i].tree == CORE_HOST_TREE &&
            strcmp(effect_text(&p->fx, &p->fx.v[i]), name) == 0)
            return true;
    return false;
}

static bool check_gone(struct play *p)
{
    char name[48];

    for (unsigned ai = 0; ai < APIDS; ai++) {
        const struct m_card *was = &p->before.bus.card[ai], *is = &p->model.bus.card[ai];
        bool card_gone = was->present && (!is->present || was->life != is->life);

        snprintf(name, sizeof name, "card%02x", apids[ai]);
        if (card_gone && !said_gone(p, name))
            return play_fail(p, "%s vanished without an effect", name);
        for (unsigned di = 0; di < APQIS && !card_gone; di++) {
            if (!was->queue[di].present ||
                (is->queue[di].present && was->queue[di].life == is->queue[di].life))
                continue;
            ap_qn_format(AP_QN(apids[ai], apqis[di]), name);
            if (!said_gone(p, name))
                return play_fail(p, "%s vanished without an effect", name);
        }
    }
    for (unsigned i = 0; i < MDEVS; i++) {
        world_uuid(i, name);
        if (p->before.mdev[i].exists && !p->model.mdev[i].exists && !said_gone(p, name))
            return play_fail(p, "%s vanished without an effect", name);
    }
    return true;
}

bool rules_effects(struct play *p)
{
    unsigned replies = 0;

    for (size_t i = 0; i < p->fx.count; i++)
        replies += p->fx.v[i].kind == EFFECT_REPLY && p->fx.v[i].node < TOKEN_FIRST;
    for (unsigned k = 0; k < p->wanted.reply_count; k++) {
        bool found = false;

        for (size_t i = 0; i < p->fx.count; i++)
            found |= p->fx.v[i].kind == EFFECT_REPLY && p->fx.v[i].value == 0 &&
                     p->fx.v[i].node == p->wanted.replies[k];
        if (!found)
            return play_fail(p, "whoever waited did not get a reply");
    }
    if (replies != p->wanted.reply_count)
        return play_fail(p, "%u late replies, %u are right", replies, p->wanted.reply_count);
    for (int i = 0; i < GUESTS; i++)
        if (p->before.guest[i].exists && p->model.guest[i].exists &&
            p->before.guest[i].serial == p->model.guest[i].serial && !check_told(p, i))
            return false;
    return check_gone(p);
}
