/* SPDX-License-Identifier: MIT */
#include "import/hardware.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/list.h"

struct making {
    struct known *k;
    struct machine_config *m;
};

static bool has(const struct known *k, unsigned apid, enum known_adapter which)
{
    return k->adapters[apid][which].from != 0;
}

static uint64_t value(const struct known *k, unsigned apid, enum known_adapter which)
{
    return k->adapters[apid][which].value;
}

static bool in_lpar(const struct known *k, unsigned apid)
{
    const struct known_mask_fact *mask = &k->masks[MASK_ADAPTERS];

    return mask->from ? mask256_test(&mask->value, apid) : has(k, apid, ADAPTER_TYPE);
}

/* Of the lowest adapter that is described. */
static bool usual_type(const struct known *k, uint64_t *out)
{
    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        if (has(k, apid, ADAPTER_TYPE)) {
            *out = value(k, apid, ADAPTER_TYPE);
            return true;
        }
    }
    return false;
}

static void set_type(uint64_t type, struct adapter_config *a)
{
    struct adapter_config named = {.type = (uint8_t)(type >> 8), .mode = (uint8_t)type};
    char name[8];

    machine_adapter_type_format(&named, name);
    machine_adapter_type_parse(name, a);
}

static void set_functions(struct making *b, unsigned apid, struct adapter_config *a)
{
    const uint32_t modes = AP_FN_CCA | AP_FN_ACCEL | AP_FN_EP11;
    uint32_t functions = (uint32_t)value(b->k, apid, ADAPTER_FUNCTIONS) & 0xffff0000u;

    if (!has(b->k, apid, ADAPTER_FUNCTIONS))
        return;
    if ((functions & modes) == (a->functions & modes)) {
        a->functions = functions;
        return;
    }
    known_note(
        b->k, NOTE_CONTRADICTION, b->k->adapters[apid][ADAPTER_FUNCTIONS].from,
        "adapter 0x%02x: the functions 0x%08x do not go with its type; those of the type are "
        "taken",
        apid, (unsigned)functions);
}

/* The attribute shows one more than the hardware reports, or, up to some kernel, the same. All
 * adapters have queues of eight. */
static void set_depth(struct making *b, unsigned apid, struct adapter_config *a)
{
    int raw = (int)value(b->k, apid, ADAPTER_DEPTH) - abi_get(b->m->abi)->depth_bias;

    if (!has(b->k, apid, ADAPTER_DEPTH) || raw == a->depth || raw == a->depth - 1 ||
        raw == a->depth + 1)
        return;
    if (raw >= 0 && raw < 16)
        a->depth = (uint8_t)raw;
    else
        known_note(b->k, NOTE_ASSUMED, b->k->adapters[apid][ADAPTER_DEPTH].from,
                   "adapter 0x%02x: the queues hold %u requests, since the depth is out of range",
                   apid, a->depth + 1u);
}

static void set_message(struct making *b, unsigned apid, struct adapter_config *a)
{
    uint64_t size = value(b->k, apid, ADAPTER_MESSAGE);

    if (!has(b->k, apid, ADAPTER_MESSAGE))
        return;
    if (size % 4096 == 0 && size && size / 4096 < 16)
        a->max_message = size == 12288 ? 0 : (uint8_t)(size / 4096);
    else
        known_note(b->k, NOTE_ASSUMED, b->k->adapters[apid][ADAPTER_MESSAGE].from,
                   "adapter 0x%02x: the usual message size, since %" PRIu64
                   " is no multiple of 4096 up to 61440",
                   apid, size);
}

static bool serial_fits(const char *serial, uint8_t mode)
{
    size_t len = strlen(serial);

    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)serial[i]))
            return false;
    return len == (mode == AP_MODE_CCA ? 8 : 16);
}

static void set_serial(struct making *b, unsigned apid, struct adapter_config *a)
{
    const char *serial = b->k->serials[apid];

    machine_serial_default(apid, a->mode, a->serial);
    if (a->mode == AP_MODE_ACCEL)
        return;
    if (serial && *serial && serial_fits(serial, a->mode))
        strcpy(a->serial, serial);
    else
        known_note(b->k, NOTE_ASSUMED, 0,
                   "adapter 0x%02x: the serial number %s, since that of the "
                   "source is %s",
                   apid, a->serial, serial && *serial ? "malformed" : "unknown");
}

/* Something is known of it, but not what it is. */
static void tell_left_out(struct making *b, unsigned apid)
{
    for (unsigned which = 0; which < ADAPTER_FACTS; which++) {
        if (!has(b->k, apid, which))
            continue;
        known_note(b->k, NOTE_MISSING, b->k->adapters[apid][which].from,
                   "adapter 0x%02x is left out, since no source tells its type", apid);
        return;
    }
}

static void adapter_make(struct making *b, unsigned apid)
{
    struct adapter_config *a = &b->m->adapters[apid];
    bool described = has(b->k, apid, ADAPTER_TYPE);
    uint64_t type = value(b->k, apid, ADAPTER_TYPE);

    if (!described && (!in_lpar(b->k, apid) || !usual_type(b->k, &type))) {
        tell_left_out(b, apid);
        return;
    }
    set_type(type, a);
    a->in_lpar = in_lpar(b->k, apid);
    a->configured = !has(b->k, apid, ADAPTER_CONFIGURED) || value(b->k, apid, ADAPTER_CONFIGURED);
    if (!described) {
        char name[8];

        machine_adapter_type_format(a, name);
        a->configured = has(b->k, apid, ADAPTER_CONFIGURED) && a->configured;
        known_note(b->k, NOTE_ASSUMED, b->k->masks[MASK_ADAPTERS].from,
                   "adapter 0x%02x, which the LPAR has and nothing describes, is a %s in standby",
                   apid, name);
    }
    set_functions(b, apid, a);
    set_depth(b, apid, a);
    set_message(b, apid, a);
    set_serial(b, apid, a);
}

/* An adapter that Linux shows is the LPAR's. */
static void check_lpar(struct making *b, unsigned apid)
{
    known_from from = b->k->adapters[apid][ADAPTER_TYPE].from;

    if (from && b->k->sources[from - 1].rank > RANK_CPC && !b->m->adapters[apid].in_lpar)
        known_note(b->k, NOTE_CONTRADICTION, from,
                   "Linux shows adapter 0x%02x, but the LPAR does not have it in %s; the latter is "
                   "taken",
                   apid, known_name(b->k, b->k->masks[MASK_ADAPTERS].from));
}

struct mask256 hardware_domains(const struct known *k)
{
    struct mask256 domains = {0};

    if (k->masks[MASK_USAGE].from)
        return k->masks[MASK_USAGE].value;
    for (unsigned qn = 0; qn < AP_APQNS; qn++)
        if (k->queues[qn][QUEUE_EXISTS].from)
            mask256_set(&domains, AP_QN_APQI(qn));
    return domains;
}

static void set_domains(struct making *b)
{
    text_auto list = {0};

    b->m->usage = hardware_domains(b->k);
    ap_list_format(&b->m->usage, &list);
    if (!b->k->masks[MASK_USAGE].from)
        known_note(b->k, NOTE_ASSUMED, 0,
                   "the LPAR's usage domains are those in which queues are listed: %s",
                   list.data ? list.data : "none");
    b->m->control = b->k->masks[MASK_CONTROL].value;
    if (b->k->masks[MASK_CONTROL].from)
        return;
    b->m->control = b->m->usage;
    known_note(b->k, NOTE_ASSUMED, 0, "the LPAR's control domains are its usage domains");
}

/* A limit below what is there is none. */
static uint8_t limit(struct known *k, enum known_host which, unsigned least, uint8_t usual)
{
    const struct fact *f = &k->host[which];
    const char *what = which == HOST_MAX_ADAPTER ? "adapter" : "domain";

    if (f->from && (f->value >= AP_IDS || f->value < least))
        known_note(k, NOTE_CONTRADICTION, f->from,
                   "the highest %s is %" PRIu64 ", which does not go with what is there", what,
                   f->value);
    if (!f->from || f->value >= AP_IDS)
        return usual > least ? usual : (uint8_t)least;
    return f->value < least ? (uint8_t)least : (uint8_t)f->value;
}

static unsigned highest(const struct mask256 *m)
{
    unsigned last = 0;

    mask256_for_each (bit, m)
        last = bit;
    return last;
}

static void set_limits(struct making *b)
{
    struct mask256 adapters = {0}, domains = mask256_or(b->m->usage, b->m->control);
    bool apxa = b->m->features & AP_QCI_APXA;

    for (unsigned apid = 0; apid < AP_IDS; apid++)
        mask256_assign(&adapters, apid, b->m->adapters[apid].type != 0);
    b->m->max_adapter = limit(b->k, HOST_MAX_ADAPTER, highest(&adapters), apxa ? 255 : 63);
    b->m->max_domain = limit(b->k, HOST_MAX_DOMAIN, highest(&domains), apxa ? 255 : 15);
    if (apxa || (b->m->max_adapter <= 63 && b->m->max_domain <= 15))
        return;
    b->m->features |= AP_QCI_APXA;
    known_note(
        b->k, NOTE_CONTRADICTION, b->k->host[HOST_FEATURES].from,
        "the features are without APXA, but there are numbers above 63 and 15; APXA is taken");
}

static void set_start(struct making *b)
{
    const struct known *k = b->k;

    if (k->host[HOST_INTERRUPTS].from)
        b->m->interrupts = k->host[HOST_INTERRUPTS].value != 0;
    if (k->masks[MASK_BOOT_AP].from) {
        b->m->apmask = k->masks[MASK_BOOT_AP].value;
        b->m->aqmask = k->masks[MASK_BOOT_AQ].value;
    } else {
        known_note(b->k, NOTE_ASSUMED, 0,
                   "the kernel was started without ap.apmask and ap.aqmask; its command line says");
    }
    if (k->host[HOST_BOOT_DOMAIN].from && k->host[HOST_BOOT_DOMAIN].value <= b->m->max_domain &&
        mask256_test(&b->m->aqmask, (unsigned)k->host[HOST_BOOT_DOMAIN].value))
        b->m->default_domain = (int)k->host[HOST_BOOT_DOMAIN].value;
}

static bool any_adapter(const struct machine_config *m)
{
    for (unsigned apid = 0; apid < AP_IDS; apid++)
        if (m->adapters[apid].type)
            return true;
    return false;
}

static void set_features(struct making *b)
{
    const struct fact *f = &b->k->host[HOST_FEATURES];

    if (f->from && f->value)
        b->m->features = (uint32_t)f->value;
    else if (f->from)
        known_note(b->k, NOTE_ASSUMED, f->from,
                   "the machine has APSC and APXA, since the features "
                   "of the source are empty");
}

static void tell_adapters(struct making *b, const char *what, const struct mask256 *adapters)
{
    text_auto list = {0};

    if (mask256_empty(adapters))
        return;
    ap_list_format(adapters, &list);
    known_note(b->k, NOTE_ASSUMED, 0, "%s, of adapter%s %s", what,
               mask256_count(adapters) > 1 ? "s" : "", list.data);
}

/* Adapters of which something is as usual. */
static void tell_usual_adapters(struct making *b)
{
    struct mask256 usual = {0}, configured = {0};

    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        const struct adapter_config *a = &b->m->adapters[apid];

        mask256_assign(&usual, apid,
                       a->type &&
                           !(has(b->k, apid, ADAPTER_FUNCTIONS) && has(b->k, apid, ADAPTER_DEPTH) &&
                             has(b->k, apid, ADAPTER_MESSAGE)));
        mask256_assign(&configured, apid,
                       a->type && a->configured && !has(b->k, apid, ADAPTER_CONFIGURED));
    }
    tell_adapters(b,
                  "what no source tells of functions, depth and message size is as usual for the "
                  "type",
                  &usual);
    tell_adapters(b, "no source gives the state; configured on is assumed", &configured);
}

/* The kernel chooses a default domain by itself. */
static void tell_usual_host(struct making *b)
{
    text_auto list = {0};

    for (enum known_host which = 0; which < HOST_FACTS; which++)
        if (which != HOST_DOMAIN && which != HOST_BOOT_DOMAIN && !b->k->host[which].from)
            text_addf(&list, "%s%s", list.len ? ", " : "", known_host_name(which));
    if (list.len)
        known_note(b->k, NOTE_ASSUMED, 0, "no source gives this; the usual value is assumed: %s",
                   list.data);
}

int hardware_make(struct known *k, enum abi_profile abi, struct machine_config *out,
                  struct text *why)
{
    struct making b = {k, out};

    machine_config_empty(out);
    out->abi = abi;
    set_features(&b);
    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        adapter_make(&b, apid);
        check_lpar(&b, apid);
    }
    if (!any_adapter(out) && !k->copy) {
        text_adds(why,
                  "no source describes the adapters; add a copy of /sys, the output of lszcrypt, "
                  "or the export of the CPC");
        return -EINVAL;
    }
    set_domains(&b);
    set_limits(&b);
    set_start(&b);
    tell_usual_adapters(&b);
    tell_usual_host(&b);
    return 0;
}
