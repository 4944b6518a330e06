/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "core/saved.h"
#include "core/state.h"

/* What outlives the daemon: setting it in a new core. */

static int refuse(struct text *why, const char *what)
{
    text_adds(why, what);
    return -EINVAL;
}

static int restore_bus(struct core *c, const struct saved *s, struct effects *fx, struct text *why)
{
    struct ap_bus_settings settings = {.masks = s->bus.masks,
                                       .domain = s->bus.domain == AP_IDS ? -1 : (int)s->bus.domain,
                                       .config_time = (int)s->bus.config_time,
                                       .poll_thread = s->bus.poll_thread,
                                       .autoprobe = s->bus.autoprobe,
                                       .poll_timeout = s->bus.poll_timeout};

    if (s->of.tree != CORE_HOST_TREE && !guest_system(c, s->of.tree - 1))
        return refuse(why, "there is no such guest");
    if (bus_of(c, s->of.tree))
        ap_bus_settings_restore(bus_of(c, s->of.tree), &settings, fx);
    return 0;
}

static int restore_override(struct core *c, const struct saved *s, struct effects *fx,
                            struct text *why)
{
    struct ap_bus *b = bus_of(c, s->of.tree);

    if (!b || !s->override.len || memchr(s->override.name, '\0', s->override.len))
        return refuse(why, "the name of a driver is wrong, or there is no such tree");
    /* The machine may have lost the queue without an event; now the bus has looked. */
    ap_bus_override_restore(b, (ap_qn)s->of.id, s->override.name, s->override.len, fx);
    return 0;
}

static int restore_card(struct core *c, const struct saved *s, struct effects *fx, struct text *why)
{
    struct ap_bus *b = bus_of(c, s->of.tree);

    if (!b)
        return refuse(why, "there is no such tree");
    if (ap_bus_bindings_restore(b, s->of.id, &s->card.bindings, fx))
        zcrypt_offline_restore(zcrypt_of(c, s->of.tree), s->of.id, s->card.offline,
                               &s->card.queues_offline);
    return 0;
}

static int restore_node(struct core *c, const struct saved *s, struct effects *fx, struct text *why)
{
    struct zcrypt *z = zcrypt_of(c, s->of.tree);
    struct zcrypt_node node = {.ioctlmask = s->node.ioctlmask,
                               .apmask = s->node.apmask,
                               .aqmask = s->node.aqmask,
                               .admask = s->node.admask};

    if (!z || !s->node.len || s->node.len >= ZCRYPT_NAME_MAX ||
        memchr(s->node.name, '/', s->node.len) || memchr(s->node.name, '\0', s->node.len))
        return refuse(why, "the name of a node is wrong, or there is no such tree");
    memcpy(node.name, s->node.name, s->node.len);
    return zcrypt_node_restore(z, s->of.id, &node) ? 0
                                                   : refuse(why, "another node has the same name");
}

/* A node that is not there any more has no owner. */
static int restore_owner(struct core *c, const struct saved *s, struct effects *fx,
                         struct text *why)
{
    struct sysfs_tree *t = tree_of(c, s->of.tree);
    sysfs_ino ino;

    if (!t || memchr(s->owner.path, '\0', s->owner.len))
        return refuse(why, "there is no such tree, or no such path");
    if (sysfs_resolve_nofollow(t, s->owner.path, &ino) < 0)
        return 0;
    return sysfs_owner_restore(t, s->of.id, ino, &s->owner.to)
               ? 0
               : refuse(why, "its node has another owner already");
}

static int restore_mdev(struct core *c, const struct saved *s, struct effects *fx, struct text *why)
{
    if (!s->mdev.has_uuid)
        return refuse(why, "a mediated device has a UUID");
    if (!s->mdev.follows &&
        (vfio_ap_misfit(c->vfio_ap, &s->mdev.assigned, &s->mdev.effective) < AP_APQNS ||
         !mask256_subset(&s->mdev.effective.adm, &s->mdev.assigned.adm)))
        return refuse(why, "its guest has what is not assigned to it, or another driver's queue");
    if (vfio_ap_restore(c->vfio_ap, s->of.id, &s->mdev.uuid, &s->mdev.assigned,
                        s->mdev.follows ? NULL : &s->mdev.effective, fx) < 0)
        return refuse(why, "another device has its UUID or one of its APQNs");
    vfio_ap_set_autostart(c->vfio_ap, s->of.id, s->mdev.autostart);
    if (s->mdev.unbound && vfio_ap_restore_unbound(c->vfio_ap, s->of.id) < 0)
        return refuse(why, "nothing can be assigned to an unbound device");
    return 0;
}

static int restore_guest(struct core *c, const struct saved *s, struct effects *fx,
                         struct text *why)
{
    struct core_guest *g = guest_restore(c, s->of.id, s->guest.name, s->guest.features);

    if (!g)
        return refuse(why, "another guest has the same name, or it cannot be a guest's: it "
                           "has UTF-8 without control characters, no slash, and no - or . first");
    g->with_connection = s->guest.with_connection;
    if (s->guest.mdev == SAVED_NO_MDEV ||
        vfio_ap_restore_guest(c->vfio_ap, s->guest.mdev, &g->v) == 0)
        return 0;
    return refuse(why, "its mediated device is not there, or another guest's");
}

/* "COUNT*N,COUNT...", for all domains; in older files with blanks. */
static int parse_counts(const char *text, uint32_t counts[AP_IDS])
{
    unsigned done = 0;

    while (*text) {
        size_t len = strcspn(text, ", "), number = strcspn(text, "*, ");
        uint64_t count, times = 1;

        if (number_parse_u64(text, number, 10, &count) < 0 || count > UINT32_MAX)
            return -EINVAL;
        if (number < len && number_parse_u64(text + number + 1, len - number - 1, 10, &times) < 0)
            return -EINVAL;
        if (times > AP_IDS - done)
            return -EINVAL;
        while (times--)
            counts[done++] = (uint32_t)count;
        text += len + (text[len] != '\0');
    }
    return done == AP_IDS ? 0 : -EINVAL;
}

static int restore_adapter(struct core *c, const struct saved *s, struct effects *fx,
                           struct text *why)
{
    struct adapter_row row = {.checkstopped = s->adapter.checkstopped,
                              .zeroize_due = s->adapter.zeroize_due};

    if (parse_counts(s->adapter.zeroized, row.zeroized) < 0)
        return refuse(why, "\"zeroized\" has to have a count for each of 256 domains");
    machine_row_restore(c->machine, s->of.id, &row);
    vfio_ap_resets_restore(c->vfio_ap, s->of.id, &s->adapter.resets);
    return 0;
}

/* left: or FAULT_ALWAYS. */
static int make_entry(uint32_t number, uint32_t left, const char *rule, size_t len,
                      struct fault_entry *out, struct text *why)
{
    *out = (struct fault_entry){.number = number, .left = left};
    if (fault_parse(rule, len, &out->rule, why) < 0)
        return -EINVAL;
    if ((out->rule.count == FAULT_ALWAYS) != (left == FAULT_ALWAYS) || left > out->rule.count)
        return refuse(why, "a rule has more hits left than it had");
    out->hits = left == FAULT_ALWAYS ? 0 : out->rule.count - left;
    return 0;
}

static int restore_fault(struct core *c, const struct saved *s, struct effects *fx,
                         struct text *why)
{
    const char *rule = s->fault.rule;
    struct fault_entry e;
    int rc = make_entry(s->of.id, s->fault.left, rule, strlen(rule), &e, why);

    if (rc == 0 && machine_fault_restore(c->machine, &e) < 0)
        rc = refuse(why, "there are too many rules, or one has this number or a higher one");
    return rc;
}

/* "NUMBER LEFT RULE" */
static int parse_rule(const char *line, size_t len, struct fault_entry *out, struct text *why)
{
    const char *left = memchr(line, ' ', len), *rule;
    uint64_t number, hits_left = FAULT_ALWAYS;

    rule = left ? memchr(left + 1, ' ', len - (size_t)(left + 1 - line)) : NULL;
    if (!rule || number_parse_u64(line, (size_t)(left - line), 10, &number) < 0 ||
        number > UINT32_MAX)
        return refuse(why, "a rule is not NUMBER LEFT RULE");
    left++;
    if (strncmp(left, "always ", 7) != 0 &&
        (number_parse_u64(left, (size_t)(rule - left), 10, &hits_left) < 0 ||
         hits_left > FAULT_COUNT_MAX))
        return refuse(why, "a rule is not NUMBER LEFT RULE");
    rule++;
    return make_entry((uint32_t)number, (uint32_t)hits_left, rule, len - (size_t)(rule - line), out,
                      why);
}

/* The rules of files of older versions; later ones have an object for each. */
static int restore_faults(struct core *c, const struct saved *s, struct effects *fx,
                          struct text *why)
{
    struct fault_entry *v = xcalloc(FAULTS_MAX, sizeof *v);
    const char *at = s->faults.rules, *end = at ? at + s->faults.len : at;
    unsigned count = 0;
    int rc = 0;

    while (at < end && rc == 0) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));

        if (count == FAULTS_MAX || !newline)
            rc = refuse(why, "too many rules, or one without its end");
        else
            rc = parse_rule(at, (size_t)(newline - at), &v[count], why);
        if (rc == 0 && v[count++].number > s->faults.last)
            rc = refuse(why, "a rule has a higher number than the last one");
        at = newline + 1;
    }
    if (rc == 0)
        machine_faults_restore(c->machine, v, count, s->faults.last);
    free(v);
    return rc;
}

int core_restore(struct core *c, const struct saved *s, struct text *why)
{
    static int (*const restore[])(struct core * c, const struct saved *s, struct effects *fx,
                                  struct text *why) = {
        [STATE_OWNER] = restore_owner,       [STATE_BUS] = restore_bus,
        [STATE_OVERRIDE] = restore_override, [STATE_CARD] = restore_card,
        [STATE_NODE] = restore_node,         [STATE_MDEV] = restore_mdev,
        [STATE_GUEST] = restore_guest,       [STATE_ADAPTER] = restore_adapter,
        [STATE_FAULTS] = restore_faults,     [STATE_FAULT] = restore_fault,
    };
    struct effects unheard = {.tree = s->of.tree};
    int rc = restore[s->of.kind](c, s, &unheard, why);

    effects_done(&unheard);
    return rc;
}

static void stop_with_connection(struct core *c, struct effects *fx)
{
    for (unsigned i = 0; i < c->guest_slots; i++) {
        struct command stop = {.kind = CMD_GUEST_STOP, .now = fx->now};
        struct reply reply = {0};

        if (!c->guests[i] || !c->guests[i]->with_connection)
            continue;
        stop.guest.name = c->guests[i]->name;
        core_execute(c, &stop, fx, &reply);
        reply_done(&reply);
    }
}

/* Rules that were one object are to be written as many, also into the file that has the one. */
static void divide_faults(struct core *c, struct effects *fx)
{
    unsigned cursor = 0;
    uint32_t number;

    while (machine_take_fault(c->machine, &cursor, &number)) {
        effects_changed(fx, STATE_FAULTS, 0);
        effects_changed(fx, STATE_FAULT, number);
    }
}

void core_restored(struct core *c, struct effects *fx)
{
    struct command look = {.kind = CMD_TIMER, .now = fx->now, .timer = {.id = TIMER_SCAN}};
    struct reply reply = {0};

    /* What restoring has touched is what was read. */
    machine_take_touched(c->machine);
    machine_take_changed(c->machine);
    c->machine_seen = machine_changes(c->machine);
    vfio_ap_take_resets(c->vfio_ap);
    news_forget(c);
    divide_faults(c, fx);
    core_execute(c, &look, fx, &reply);
    reply_done(&reply);
    stop_with_connection(c, fx);
}
