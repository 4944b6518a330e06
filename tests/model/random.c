/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mask256.h"
#include "machine/guest.h"
#include "step.h"

/* Random machines and random steps. Names come from a small pool, so that steps affect each other.
 */

/* splitmix64 */
uint64_t random_next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static unsigned below(uint64_t *state, unsigned n)
{
    return (unsigned)(random_next(state) % n);
}

static bool chance(uint64_t *state, unsigned percent)
{
    return below(state, 100) < percent;
}

#define PICK(r, list) ((list)[below((r), sizeof(list) / sizeof *(list))])

/* Machines */

static struct mask256 some_of(uint64_t *r, const uint8_t *ids, unsigned count, unsigned percent)
{
    struct mask256 m = {0};

    for (unsigned i = 0; i < count; i++)
        if (chance(r, percent))
            mask256_set(&m, ids[i]);
    return m;
}

static struct mask256 up_to(struct mask256 m, unsigned max)
{
    for (unsigned bit = max + 1; bit < MASK256_BITS; bit++)
        mask256_clear(&m, bit);
    return m;
}

static void random_adapter(uint64_t *r, struct adapter_config *a)
{
    unsigned names = 0, oldest = chance(r, 8) ? 0 : 4; /* mostly CEX4 and later */

    while (machine_adapter_type_name(names))
        names++;
    machine_adapter_type_parse(machine_adapter_type_name(oldest + below(r, names - oldest)), a);
    a->configured = chance(r, 90);
    a->in_lpar = chance(r, 90);
}

void world_machine(uint64_t seed, bool apxa, struct machine_config *config,
                   struct mask256 *checkstopped)
{
    static const uint8_t tops_a[] = {255, 255, 255, 255, 255, 255, 255, 255, 0x3f, 0x0e, 6, 0};
    static const uint8_t tops_d[] = {255, 255, 255, 255, 255, 255, 255, 255, 0x47, 0x0f, 5, 0};
    uint64_t state = seed, *r = &state;

    machine_config_empty(config);
    config->features = AP_QCI_APSC | (apxa ? AP_QCI_APXA : 0);
    config->max_adapter = apxa ? PICK(r, tops_a) : 63;
    config->max_domain = apxa ? PICK(r, tops_d) : 15;
    config->interrupts = chance(r, 80);
    for (unsigned i = 0; i < APIDS; i++)
        if (apids[i] <= config->max_adapter && chance(r, 85))
            random_adapter(r, &config->adapters[apids[i]]);
    config->usage = up_to(some_of(r, apqis, APQIS, 85), config->max_domain);
    config->control = up_to(some_of(r, apqis, APQIS, 75), config->max_domain);
    *checkstopped = some_of(r, apids, APIDS, 10);
}

static struct mask256 without(uint64_t *r, const uint8_t *ids, unsigned count, unsigned percent)
{
    return mask256_andnot(mask256_ones(), some_of(r, ids, count, percent));
}

void world_start(uint64_t seed, enum abi_profile abi, struct machine_config *config)
{
    uint64_t state = ~seed, *r = &state;
    struct mask256 unused;

    world_machine(seed, chance(r, 85), config, &unused);
    config->abi = abi;
    if (chance(r, 30))
        config->apmask = without(r, apids, APIDS, 40);
    if (chance(r, 75))
        config->aqmask = without(r, apqis, APQIS, 60);
}

/* Values */

static unsigned some_id(uint64_t *r, bool adapter)
{
    static const unsigned odd[] = {1, 0x40, 16, 0xfe, 256, 300};

    if (chance(r, 4))
        return PICK(r, odd);
    return adapter ? apids[below(r, APIDS)] : apqis[below(r, APQIS)];
}

static void put_number(uint64_t *r, unsigned id, char *data)
{
    static const char *const junk[] = {
        "\n", "5 ", " 5", "-1", "08", "0x", "99999999999999999999", "5,6", "18446744073709551616"};

    if (chance(r, 3)) {
        strcpy(data, PICK(r, junk));
        return;
    }
    switch (below(r, 6)) {
    case 0:
        sprintf(data, "%u", id);
        break;
    case 1:
        sprintf(data, "0%o", id);
        break;
    case 2:
        sprintf(data, "+%u", id);
        break;
    case 3:
        sprintf(data, "0X%X", id);
        break;
    default:
        sprintf(data, "0x%x", id);
    }
    if (chance(r, 80))
        strcat(data, "\n");
}

static struct mask256 some_mask(uint64_t *r, bool adapter)
{
    return adapter ? some_of(r, apids, APIDS, 20 + below(r, 70))
                   : some_of(r, apqis, APQIS, 20 + below(r, 70));
}

static void put_relative(uint64_t *r, bool adapter, char *data)
{
    for (unsigned n = 1 + below(r, 3); n; n--) {
        unsigned first = some_id(r, adapter), last = first;

        if (chance(r, 20))
            last = some_id(r, adapter);
        data += sprintf(data, chance(r, 50) ? "%c%u" : "%c0x%x", chance(r, 45) ? '+' : '-', first);
        if (last > first)
            data += sprintf(data, "-%u", last);
        if (chance(r, 70))
            data += sprintf(data, ",");
    }
}

static void put_mask(uint64_t *r, bool adapter, char *data)
{
    static const char *const special[] = {"+0-255\n", "+0-255", "+0-255", "\n",    "0x",
                                          "0x41 ",    "+256",   "junk",   "-0-255"};
    struct mask256 mask;

    if (chance(r, 12)) {
        strcpy(data, PICK(r, special));
    } else if (chance(r, 20)) {
        mask = mask256_andnot(mask256_ones(), some_mask(r, adapter));
        mask256_format(&mask, data);
    } else {
        put_relative(r, adapter, data);
    }
}

static void put_config(uint64_t *r, char *data)
{
    static const char *const junk[] = {"\n", "0x1", "0x1,0x2", "0x1\n", "x,0,0", "0,0,0,0"};

    if (chance(r, 5)) {
        strcpy(data, PICK(r, junk));
        return;
    }
    for (int side = 0; side < 3; side++) {
        struct mask256 mask = some_mask(r, side == 0);

        if (chance(r, 10))
            mask256_set(&mask, some_id(r, side == 0) & 0xff);
        mask256_format(&mask, data + strlen(data));
        if (side == 2 || chance(r, 97))
            strcat(data, side < 2 ? "," : "\n");
    }
}

/* Often one of a few, so that an unbound queue is bound again. */
static void put_device(uint64_t *r, char *data)
{
    unsigned apid = some_id(r, true) & 0xff, apqi = some_id(r, false) & 0xff;

    if (chance(r, 60)) {
        apid = apids[1 + below(r, 2)];
        apqi = apqis[1 + below(r, 2)];
    }
    if (chance(r, 12))
        sprintf(data, "card%02x", apid);
    else if (chance(r, 3))
        sprintf(data, "%02x.%02x", apid, apqi);
    else
        sprintf(data, "%02x.%04x", apid, apqi);
    if (chance(r, 80))
        strcat(data, "\n");
}

static void put_switch(uint64_t *r, char *data)
{
    static const char *const values[] = {"0\n", "1\n", "0", "1", " 1", "1x", "2", "-1", "x"};

    strcpy(data, chance(r, 80) ? values[below(r, 4)] : PICK(r, values));
}

/* Stores */

static void at(struct step *s, enum target target, unsigned object, const char *attr)
{
    s->target = target;
    s->object = object;
    strcpy(s->attr, attr);
}

static void random_assign(uint64_t *r, struct step *s)
{
    static const char *const attrs[] = {
        "assign_adapter",   "assign_domain",   "assign_adapter",        "assign_domain",
        "unassign_adapter", "unassign_domain", "assign_control_domain", "unassign_control_domain"};

    at(s, AT_MDEV, below(r, chance(r, 3) ? NOBODY : MDEVS), PICK(r, attrs));
    put_number(r, some_id(r, strstr(s->attr, "adapter")), s->data);
}

static void random_life(uint64_t *r, struct step *s)
{
    static const char *const bad[] = {"x", "69aa1a8a", "69aa1a8a-0000-4000-8000-00000000000",
                                      "69aa1a8a00004000-8000-000000000000ab",
                                      "69aa1a8a-0000-4000-8000-0000000000000\n\n"};

    if (chance(r, 25)) {
        at(s, AT_MDEV, below(r, MDEVS), chance(r, 90) ? "remove" : "matrix");
        strcpy(s->data, chance(r, 85) ? "1\n" : chance(r, 50) ? "0" : "yes");
        s->token = below(r, 4);
        return;
    }
    at(s, AT_TYPE, 0, "create");
    world_uuid(below(r, MDEVS), s->data);
    if (chance(r, 10))
        strcpy(s->data, PICK(r, bad));
    for (char *c = s->data; *c && chance(r, 90); c++)
        if (chance(r, 20) && *c >= 'a' && *c <= 'f')
            *c = (char)(*c - 'a' + 'A');
    if (chance(r, 50))
        strcat(s->data, "\n");
}

static void random_bus(uint64_t *r, struct step *s)
{
    static const char *const others[] = {"scans", "drivers_autoprobe", "config_time"};

    if (chance(r, 35)) {
        at(s, AT_BUS, 0, chance(r, 40) ? "apmask" : "aqmask");
        put_mask(r, s->attr[1] == 'p', s->data);
    } else if (chance(r, 85)) {
        at(s, AT_DRIVER,
           chance(r, 90) ? chance(r, 55)   ? 2
                           : chance(r, 80) ? 1
                                           : 0
                         : below(r, DRIVER_NAMES),
           chance(r, 45) ? "unbind" : "bind");
        put_device(r, s->data);
    } else if (chance(r, 60)) {
        at(s, AT_BUS, 0, "drivers_probe");
        put_device(r, s->data);
    } else {
        at(s, AT_BUS, 0, PICK(r, others));
        put_switch(r, s->data);
        if (s->attr[0] == 'c')
            put_number(r, below(r, 200), s->data);
        if (s->attr[0] == 'd' && chance(r, 60))
            strcpy(s->data, "1");
    }
}

static void random_device(uint64_t *r, struct step *s)
{
    static const char *const of_queue[] = {"online", "online",          "request_count",
                                           "reset",  "driver_override", "driver_override"};
    static const char *const of_card[] = {"online", "config", "request_count"};
    static const char *const overrides[] = {"vfio_ap\n", "vfio_ap", "cex4queue\n",
                                            "junk",      "\n",      "\n"};

    if (chance(r, 50))
        at(s, AT_CARD, below(r, APIDS), PICK(r, of_card));
    else
        at(s, AT_QUEUE, 16 * below(r, APIDS) + below(r, APQIS), PICK(r, of_queue));
    put_switch(r, s->data);
    if (s->attr[0] == 'd')
        strcpy(s->data, PICK(r, overrides));
}

static void random_node(uint64_t *r, struct step *s)
{
    static const char *const names[] = {"my1\n", " my2 ", "\n",       "zcrypt_1",
                                        "a/b",   ".",     "z90crypt", "my1"};

    if (chance(r, 60)) {
        at(s, AT_NODE, below(r, 4), node_masks[below(r, NODE_MASKS)]);
        put_mask(r, chance(r, 50), s->data);
    } else {
        at(s, AT_CLASS, 0, chance(r, 60) ? "create" : "destroy");
        strcpy(s->data, PICK(r, names));
    }
}

static void random_config(uint64_t *r, struct step *s)
{
    at(s, AT_MDEV, below(r, MDEVS), "ap_config");
    put_config(r, s->data);
}

static void random_store(uint64_t *r, struct step *s)
{
    unsigned n = below(r, 100);

    s->kind = STEP_STORE;
    if (n < 8) {
        s->tree = 1 + below(r, GUESTS);
        if (chance(r, 50))
            random_bus(r, s);
        else
            random_device(r, s);
    } else if (n < 45) {
        random_assign(r, s);
    } else if (n < 52) {
        random_config(r, s);
    } else if (n < 62) {
        random_life(r, s);
    } else if (n < 84) {
        random_bus(r, s);
    } else if (n < 95) {
        random_device(r, s);
    } else {
        random_node(r, s);
    }
}

static void random_guest(uint64_t *r, struct step *s)
{
    static const enum step_kind kinds[] = {STEP_START,   STEP_START,  STEP_START,  STEP_STOP,
                                           STEP_ATTACH,  STEP_ATTACH, STEP_ATTACH, STEP_DETACH,
                                           STEP_MIGRATE, STEP_LOOK};
    unsigned all = GUEST_AP | GUEST_APFT | GUEST_APQCI | GUEST_APQI;

    s->kind = PICK(r, kinds);
    s->object = chance(r, 3) ? NOBODY : below(r, GUESTS);
    s->value = below(r, chance(r, 4) ? NOBODY : MDEVS) << 4 | (chance(r, 80) ? all : below(r, 16));
    s->on = chance(r, 50);
}

static void random_machine(uint64_t *r, struct step *s)
{
    static const uint32_t words[] = {0x1f0001, 0x1e0001, 0x1f0001, 0x1e0001, 0x1d0001, 0x1f0002};
    unsigned n = below(r, 100);

    s->on = chance(r, 70);
    s->force = chance(r, 70);
    if (n < 40) {
        s->kind = STEP_SE_ADAPTER;
        s->value = some_id(r, true);
    } else if (n < 65) {
        s->kind = STEP_SE_LPAR;
        s->object = below(r, 3);
        s->value = s->object ? apqis[below(r, APQIS)] : some_id(r, true);
        s->value = chance(r, 3) ? 300 : s->value;
    } else if (n < 80) {
        s->kind = STEP_SCLP;
        s->value = PICK(r, words) | (some_id(r, true) & 0xff) << 8;
    } else if (n < 92) {
        s->kind = STEP_CHECKSTOP;
        s->value = some_id(r, true);
    } else {
        s->kind = STEP_MACHINE;
        s->value = random_next(r);
    }
}

/* Requests */

static void random_insn(uint64_t *r, struct step *s)
{
    static const uint8_t ops[] = {0, 1, 2, 3, 4, 5, 5, 5, 5, 5, 5, 5, 5, 6, 6, 6, 6, 6, 6, 7};
    unsigned op = PICK(r, ops);

    s->kind = STEP_INSN;
    s->object = below(r, 12) ? below(r, 2) : below(r, GUESTS + 1);
    s->value = op | below(r, 256) << 8 | below(r, 256) << 16 | (uint64_t)below(r, 65536) << 24;
}

static void random_fault(uint64_t *r, struct step *s)
{
    static const char *const kinds[] = {"full",
                                        "busy",
                                        "full",
                                        "busy",
                                        "reset 500ms",
                                        "reset 3s",
                                        "full",
                                        "deconfigured",
                                        "checkstop",
                                        "delay 5ms",
                                        "delay 2s",
                                        "bad-reply type",
                                        "bad-reply length",
                                        "bad-reply short",
                                        "bad-reply older",
                                        "bad-reply code=0x10",
                                        "bad-reply code=0x85",
                                        "bad-reply service=8/66"};
    char where[20] = "*", often[12] = "always";
    unsigned apid = apids[below(r, APIDS)], apqi = apqis[below(r, APQIS)];

    if (chance(r, 40)) {
        s->kind = STEP_UNFAULT;
        s->value = below(r, 100);
        return;
    }
    s->kind = STEP_FAULT;
    if (chance(r, 40))
        sprintf(where, "%02x.*", apid);
    else if (chance(r, 50))
        sprintf(where, "%02x.%04x", apid, apqi);
    else if (chance(r, 50))
        sprintf(where, "*.%04x", apqi);
    if (chance(r, 60))
        sprintf(often, "%u", 1 + below(r, 4));
    sprintf(s->data, "%s %s %s", where, often, PICK(r, kinds));
}

static void random_zcrypt(uint64_t *r, struct step *s, unsigned index)
{
    unsigned node = chance(r, 90) ? 0 : 1 + below(r, 4), domain = 255, card = 255;

    if (chance(r, 30))
        domain = below(r, APQIS);
    if (chance(r, 30))
        card = below(r, APIDS);
    s->kind = STEP_ZCRYPT;
    s->tree = chance(r, 55) ? 0 : chance(r, 80) ? 2 : 1 + below(r, GUESTS);
    if (index / 50 % 2) { /* now and then queues fill up */
        s->tree = 0;
        s->value = (index / 100 % 2 ? 2 : 3) | 255u << 24;
        return;
    }
    s->value = below(r, 4) | node << 8 | domain << 16 | (uint64_t)card << 24;
}

static bool faulty(enum style style)
{
    return style == STYLE_FAULTS || style == STYLE_LPAR_FAULTS;
}

static void random_request(uint64_t *r, struct step *s, unsigned index, enum style style)
{
    static const uint64_t spans[] = {1000, 5000000, 45000000, 600000000, 3100000000, 910000000000};
    unsigned n = below(r, 100);

    if (n < 40) {
        random_insn(r, s);
        s->object = style >= STYLE_LPAR ? LPAR : s->object;
    } else if (n < (index / 50 % 2 ? 45 : 62)) {
        s->kind = STEP_JOB;
        s->on = chance(r, 10);
        s->value = (uint64_t)random_next(r) >> 8;
        s->value = (s->value & ~(UINT64_C(0xff) << 32)) | (uint64_t)below(r, 100) << 32;
    } else if (n < 86) {
        random_zcrypt(r, s, index);
    } else if (n < 88) {
        s->kind = STEP_STORE;
        at(s, AT_CARD, below(r, APIDS), "online");
        strcpy(s->data, chance(r, 40) ? "0" : "1");
    } else if (n < 90) {
        s->kind = STEP_GIVEUP;
        s->value = below(r, 100);
    } else if (n < 94) {
        s->kind = chance(r, 80) ? STEP_CONNECT : STEP_CPU_RESET;
        s->object = style >= STYLE_LPAR ? LPAR : below(r, GUESTS + 1);
        s->on = chance(r, 80);
    } else if (faulty(style)) {
        random_fault(r, s);
    }
    if (n >= 94 && (!faulty(style) || chance(r, 40))) {
        *s = (struct step){.kind = STEP_TIME, .value = PICK(r, spans)};
    }
}

/* Two guests with queues: one with a client, one with our own system. In plays of the LPAR a client
 * is the LPAR's CPUs. */
static bool prelude_requests(uint64_t *r, unsigned index, struct step *s, enum style style)
{
    unsigned number = index % 2;

    if (style >= STYLE_LPAR) {
        s->kind = STEP_CONNECT;
        s->object = LPAR;
        s->on = true;
        return index == 0;
    }
    if (index < 2) {
        s->kind = STEP_STORE;
        at(s, AT_BUS, 0, index ? "aqmask" : "apmask");
        strcpy(s->data, index ? "-5,-4,-0x47\n" : "+0-255\n");
    } else if (index < 4) {
        s->kind = STEP_STORE;
        at(s, AT_MDEV, number, "assign_domain");
        sprintf(s->data, "%u", apqis[1 + number]);
    } else if (index < 12) {
        s->kind = STEP_STORE;
        at(s, AT_MDEV, number, "assign_adapter");
        sprintf(s->data, "%u", apids[below(r, APIDS)]);
    } else if (index < 14) {
        s->kind = number ? STEP_LOOK : STEP_CONNECT;
        s->object = number;
        s->on = true;
    } else if (index < 16) {
        s->kind = STEP_STORE;
        at(s, AT_CLASS, 0, "create");
        strcpy(s->data, node_name(number));
    } else if (index < 18) {
        s->kind = STEP_STORE;
        at(s, AT_NODE, 1, number ? "apmask" : "aqmask");
        strcpy(s->data, "+0-255");
    }
    return index < 18;
}

/* A play begins with some devices and guests. */
static bool prelude(unsigned index, struct step *s)
{
    if (index < MDEVS) {
        s->kind = STEP_STORE;
        at(s, AT_TYPE, 0, "create");
        world_uuid(index, s->data);
    } else if (index < MDEVS + 2) {
        s->kind = STEP_START;
        s->object = index - MDEVS;
        s->value = s->object << 4 | 0xf;
        s->on = true;
    }
    return index < MDEVS + 2;
}

struct step step_random(uint64_t *state, unsigned index, enum style style)
{
    struct step s = {0};
    unsigned n = below(state, 100);

    if (style < STYLE_LPAR && prelude(index, &s))
        return s;
    index -= style >= STYLE_LPAR ? 0 : MDEVS + 2;
    if (style != STYLE_ADMIN && prelude_requests(state, index, &s, style))
        return s;
    s = (struct step){0};
    if (chance(state, style == STYLE_ADMIN ? 3 : 80)) {
        random_request(state, &s, index, style);
        return s;
    }
    if (n < 68) {
        random_store(state, &s);
    } else if (n < 82) {
        random_guest(state, &s);
    } else if (n < 96) {
        random_machine(state, &s);
    } else if (n < 98) {
        s.kind = STEP_TIMER;
        s.value = 1 + below(state, 4);
    } else {
        s.kind = STEP_CANCEL;
        s.token = 1 + below(state, 3);
    }
    return s;
}
