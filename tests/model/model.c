/* SPDX-License-Identifier: MIT */
#include "model.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "machine/guest.h"

/* The machine, and the order of events in a step. */

static struct m_adapter adapter_of(const struct adapter_config *c, bool checkstopped)
{
    return (struct m_adapter){c->type, c->mode, c->configured, c->in_lpar, checkstopped};
}

void model_init(struct model *m, const struct machine_config *config)
{
    *m = (struct model){.proposal = config->abi == ABI_PROPOSAL,
                        .apxa = config->features & AP_QCI_APXA,
                        .interrupts = config->interrupts,
                        .bus = {.apmask = config->apmask,
                                .aqmask = config->aqmask,
                                .autoprobe = true,
                                .config_time = 30}};
    for (int i = 0; i < MDEVS; i++)
        m->mdev[i].guest = -1;
    for (int i = 0; i < GUESTS; i++)
        m->guest[i].mdev = -1;
    model_machine_set(m, config, &(struct mask256){0});
    model_bus_follow(m, &m->bus, NULL);
}

void model_machine_set(struct model *m, const struct machine_config *config,
                       const struct mask256 *checkstopped)
{
    m->usage = config->usage;
    m->control = config->control;
    m->max_adapter = config->max_adapter;
    m->max_domain = config->max_domain;
    for (int i = 0; i < APIDS; i++)
        m->adapter[i] =
            adapter_of(&config->adapters[apids[i]], mask256_test(checkstopped, apids[i]));
}

bool model_configured(const struct model *m, unsigned ai)
{
    return m->adapter[ai].configured;
}

bool model_checkstopped(const struct model *m, unsigned ai)
{
    return m->adapter[ai].configured && m->adapter[ai].checkstopped;
}

bool model_usable(const struct model *m, unsigned ai, unsigned di)
{
    const struct m_adapter *a = &m->adapter[ai];

    return a->type && a->in_lpar && a->configured && !a->checkstopped &&
           mask256_test(&m->usage, apqis[di]);
}

struct m_set model_apcb(const struct model *m, const struct m_guest *g)
{
    if (g->mdev < 0 || m->mdev[g->mdev].asked)
        return (struct m_set){0};
    return m->mdev[g->mdev].shadow;
}

int model_guest_by_number(const struct model *m, unsigned number)
{
    for (int i = 0; i < GUESTS; i++)
        if (m->guest[i].exists && m->guest[i].number == number)
            return i;
    return -1;
}

/* [se-sclp], with the response codes that machine.h names. */
static int64_t sclp(struct model *m, uint32_t word)
{
    int i = world_apid(word >> 8 & 0xff);
    bool on = word >> 16 == 0x1f;

    if ((word & 0xff) != 1 || (word >> 16 != 0x1e && word >> 16 != 0x1f))
        return 0x01f0;
    if (i < 0 || !m->adapter[i].type || !m->adapter[i].in_lpar)
        return 0x09f0;
    if (m->adapter[i].configured == on)
        return 0x0120;
    m->adapter[i].configured = on;
    m->changed = true;
    return 0x0020;
}

static int adapter_step(struct model *m, const struct step *s)
{
    int i = world_apid(s->value);

    if (i < 0 || !m->adapter[i].type)
        return -ENODEV;
    m->changed = s->on != (s->kind == STEP_CHECKSTOP ? m->adapter[i].checkstopped
                                                     : m->adapter[i].configured);
    if (s->kind == STEP_CHECKSTOP)
        m->adapter[i].checkstopped = s->on;
    else
        m->adapter[i].configured = s->on;
    return 0;
}

static bool any_online(const struct model *m)
{
    for (int i = 0; i < APIDS; i++)
        if (m->adapter[i].type && m->adapter[i].in_lpar && m->adapter[i].configured)
            return true;
    return false;
}

/* object: 0 adapter, 1 domain, 2 control domain. */
static int lpar_step(struct model *m, const struct step *s)
{
    int i = world_apid(s->value);
    struct mask256 *mask = s->object == 1 ? &m->usage : &m->control;

    if (s->value > (s->object ? m->max_domain : m->max_adapter))
        return -ENODEV;
    if (s->object == 0 && (i < 0 || !m->adapter[i].type))
        return -ENODEV;
    if (s->object == 2 && !s->on && !s->force && mask256_test(&m->usage, (unsigned)s->value))
        return -EINVAL;
    if ((s->object ? mask256_test(mask, (unsigned)s->value) : m->adapter[i].in_lpar) == s->on)
        return 0;
    if (!s->force && any_online(m))
        return -EBUSY;
    m->changed = true;
    if (s->object)
        mask256_assign(mask, (unsigned)s->value, s->on);
    else
        m->adapter[i].in_lpar = s->on;
    if (s->object == 0 && s->on && !s->force)
        m->adapter[i].configured = false;
    if (s->object == 1 && s->on)
        mask256_set(&m->control, (unsigned)s->value);
    return 0;
}

static int timer_step(struct model *m, const struct step *s)
{
    for (int i = 0; i < MDEVS && s->value == 1; i++)
        if (m->mdev[i].removing) {
            m->mdev[i].asked = true;
            m->guest[m->mdev[i].guest].asks++;
        }
    if (s->value == 2)
        model_bus_follow(m, &m->bus, NULL);
    return s->value <= 4
               ? 0
               : -EINVAL; /* timers 3 and 4, of alarms and of silent queues, need faults */
}

static int cancel_step(struct model *m, const struct step *s)
{
    for (int i = 0; i < MDEVS; i++)
        if (m->mdev[i].token == s->token)
            m->mdev[i].token = 0;
    return 0;
}

static int look_step(struct model *m, const struct step *s)
{
    struct m_guest *g;

    if (s->object >= GUESTS || !m->guest[s->object].exists)
        return -ENOENT;
    g = &m->guest[s->object];
    if (!g->looked) {
        g->looked = true;
        g->bus = (struct m_bus){.guest = true,
                                .apmask = mask256_ones(),
                                .aqmask = mask256_ones(),
                                .autoprobe = true,
                                .config_time = 30};
        if (!g->connected)
            model_bus_follow(m, &g->bus, g);
    }
    return 0;
}

/* [zcrypt-class]. Leading blanks of a name are skipped; of the rest, 31 characters count, up to the
 * first blank. */
static int find_node(const struct model *m, const char *name)
{
    for (int i = 0; i < NODES; i++)
        if (m->node[i].exists && strcmp(m->node[i].name, name) == 0)
            return i;
    return -1;
}

static int class_store(struct model *m, const struct step *s)
{
    char name[STEP_DATA];
    const char *at = s->data;
    int i = 0;

    while (isspace((unsigned char)*at))
        at++;
    snprintf(name, sizeof name, "%.31s", at);
    while (*name && isspace((unsigned char)name[strlen(name) - 1]))
        name[strlen(name) - 1] = '\0';
    if (strcmp(s->attr, "destroy") == 0) {
        i = find_node(m, name);
        if (i >= 0)
            m->node[i].exists = false;
        return i < 0 ? -ENOENT : 0;
    }
    for (char *c = name; *c; c++)
        *c = *c == '/' ? '!' : *c;
    while (i < NODES && m->node[i].exists)
        i++;
    if (i == NODES)
        return -ENOSPC;
    if (!*name)
        snprintf(name, sizeof name, "zcrypt_%d", i);
    if (find_node(m, name) >= 0 || strcmp(name, "z90crypt") == 0)
        return -EEXIST;
    m->node[i] = (struct m_node){.exists = true};
    memcpy(m->node[i].name, name, sizeof m->node[i].name);
    return 0;
}

static int node_store(struct model *m, const struct step *s)
{
    int i = find_node(m, node_name(s->object));

    if (i < 0)
        return -ENOENT;
    for (int k = 0; k < NODE_MASKS; k++)
        if (strcmp(s->attr, node_masks[k]) == 0)
            return mask256_parse(s->data, strlen(s->data), &m->node[i].mask[k]);
    return -ENOENT;
}

static int store(struct model *m, const struct step *s, struct m_outcome *out)
{
    if (s->tree) {
        struct m_guest *g = &m->guest[s->tree - 1];

        if (!g->exists)
            return -ENODEV;
        look_step(m, &(struct step){.object = s->tree - 1});
        if (g->connected &&
            g->features & GUEST_AP) { /* without the feature ap there is nothing to scan */
            static struct model scratch;

            scratch = *m;
            return model_bus_store(&scratch, &scratch.guest[s->tree - 1].bus, s) == -ENOENT
                       ? -ENOENT
                       : -EBUSY;
        }
        return g->features & GUEST_AP ? model_bus_store(m, &g->bus, s) : -ENOENT;
    }
    switch (s->target) {
    case AT_MDEV:
    case AT_TYPE:
        return model_vfio_store(m, s, out);
    case AT_CLASS:
        return class_store(m, s);
    case AT_NODE:
        return node_store(m, s);
    default:
        return model_bus_store(m, &m->bus, s);
    }
}

/* One client at a time. While a client is the LPAR's CPUs there are no guests. */
static int connect_step(struct model *m, const struct step *s)
{
    bool *connected = s->object == LPAR ? &m->lpar_connected : NULL;

    if (s->object < GUESTS && m->guest[s->object].exists)
        connected = &m->guest[s->object].connected;
    if (!connected)
        return -ENOENT;
    for (int i = 0; i < GUESTS && s->object == LPAR && s->on; i++)
        if (m->guest[i].exists)
            return -EBUSY;
    if (s->on && *connected)
        return -EBUSY;
    *connected = s->on;
    if (!s->on && s->object < GUESTS)
        model_guest_scans(m, (int)s->object, 1);
    return 0;
}

static int dispatch(struct model *m, const struct step *s, struct m_outcome *out)
{
    struct machine_config config;
    struct mask256 checkstopped;

    switch (s->kind) {
    case STEP_STORE:
        return store(m, s, out);
    case STEP_SE_ADAPTER:
    case STEP_CHECKSTOP:
        return adapter_step(m, s);
    case STEP_SE_LPAR:
        return lpar_step(m, s);
    case STEP_SCLP:
        out->value = sclp(m, (uint32_t)s->value);
        return 0;
    case STEP_MACHINE:
        world_machine(s->value, m->apxa, &config, &checkstopped);
        model_machine_set(m, &config, &checkstopped);
        m->changed = true;
        return 0;
    case STEP_TIMER:
        return timer_step(m, s);
    case STEP_CANCEL:
        return cancel_step(m, s);
    case STEP_LOOK:
        return look_step(m, s);
    case STEP_CONNECT:
        return connect_step(m, s);
    case STEP_ZCRYPT:
        return model_zcrypt(m, s);
    case STEP_CPU_RESET:
    case STEP_INSN:
    case STEP_GIVEUP:
    case STEP_JOB:
    case STEP_FAULT:
    case STEP_UNFAULT:
    case STEP_TIME:
        return 0; /* judged by requests.c */
    default:
        return model_guest_step(m, s, out);
    }
}

/* [guests-refilter] */
static void settle(const struct model *m, struct m_mdev *d)
{
    struct m_set filtered = model_filter(m, d), shadow = d->shadow;

    if (m->proposal || d->refilter) {
        shadow.apm = filtered.apm;
        shadow.aqm = filtered.aqm;
    }
    if (m->proposal || d->recontrol)
        shadow.adm = filtered.adm;
    model_pass(d, shadow);
}

/* After the step the host's bus scans if the machine changed, then the guests' APCBs are settled.
 */
struct m_outcome model_step(struct model *m, const struct step *s)
{
    struct m_outcome out = {0};

    for (int i = 0; i < MDEVS; i++)
        m->mdev[i].refilter = m->mdev[i].recontrol = m->mdev[i].device_change = false;
    m->changed = false;
    out.result = dispatch(m, s, &out);
    if (m->changed)
        model_bus_follow(m, &m->bus, NULL);
    for (int i = 0; i < MDEVS; i++)
        if (m->mdev[i].exists)
            settle(m, &m->mdev[i]);
    return out;
}

void model_guest_scans(struct model *m, int guest, unsigned times)
{
    while (m->guest[guest].looked && !m->guest[guest].connected && times--)
        model_bus_follow(m, &m->guest[guest].bus, &m->guest[guest]);
}

/* [matrix-number]: C notation, with an optional leading plus and trailing newline. */
int model_number(const char *text, uint64_t *out)
{
    char digits[STEP_DATA];
    unsigned base = 10;
    unsigned __int128 value = 0;
    const char *at = digits;
    bool over = false;

    strcpy(digits, text[0] == '+' ? text + 1 : text);
    if (*digits && digits[strlen(digits) - 1] == '\n')
        digits[strlen(digits) - 1] = '\0';
    if (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X') && digits[2]) {
        base = 16;
        at += 2;
    } else if (digits[0] == '0') {
        base = 8;
    }
    if (!*at)
        return -EINVAL;
    for (; *at; at++) {
        const char *all = "0123456789abcdef";
        const char *found = strchr(all, tolower((unsigned char)*at));

        if (!found || (unsigned)(found - all) >= base)
            return -EINVAL;
        value = over ? 0 : value * base + (unsigned)(found - all);
        over |= value > UINT64_MAX;
    }
    if (over)
        return -ERANGE;
    *out = (uint64_t)value;
    return 0;
}
