/* SPDX-License-Identifier: MIT */
#include "store/machine_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/list.h"
#include "base/number.h"
#include "store/ini_values.h"
#include "store/machine_keys.h"

/* A file being read: for error messages, and the machine so far. */
struct reading {
    struct ini_reading in;
    struct machine_config c;
    struct mask256 *checkstopped;  /* NULL: the file cannot say that */
    unsigned adapter_line[AP_IDS]; /* line of the adapter's section; 0: none yet */
};

typedef const struct ini_entry *found_keys[MACHINE_KEYS_MAX];

static int value_abi(struct reading *r, const struct ini_entry *e)
{
    if (e && abi_parse(e->value, &r->c.abi) < 0)
        return ini_refuse_value(&r->in, e, "expected proposal or upstream");
    return 0;
}

static int feature_parse(const char *name, size_t len, uint32_t *bits)
{
    for (size_t i = 0; machine_features[i].name; i++) {
        if (strlen(machine_features[i].name) == len &&
            memcmp(machine_features[i].name, name, len) == 0) {
            *bits |= machine_features[i].bit;
            return 0;
        }
    }
    return -EINVAL;
}

static int value_features(struct reading *r, const struct ini_entry *e)
{
    uint32_t bits = 0;

    if (!e)
        return 0;
    for (const char *at = e->value;; at++) {
        size_t len;

        at += strspn(at, " \t");
        len = strcspn(at, ", \t");
        if (feature_parse(at, len, &bits) < 0)
            return ini_refuse_value(&r->in, e,
                                    "expected one or more of APSC, APXA, QACT, RC8A, APSB, "
                                    "separated by commas");
        at += len;
        at += strspn(at, " \t");
        if (!*at)
            break;
        if (*at != ',')
            return ini_refuse_value(&r->in, e, "separate the features by commas");
    }
    r->c.features = bits;
    return 0;
}

/* The highest APID or APQI. Without APXA the limit is basic: APIDs have six bits, APQIs four. */
static int value_maximum(struct reading *r, const struct ini_entry *e, unsigned basic, uint8_t *out)
{
    bool apxa = r->c.features & AP_QCI_APXA;
    uint64_t value = apxa ? 255 : basic;
    int rc = e ? ini_number(&r->in, e, 0, 255, &value) : 0;

    if (rc < 0)
        return rc;
    if (e && !apxa && value > basic)
        return ini_refuse(&r->in, e->line,
                          "%s = %u: without APXA the highest number is %u; lower it or add APXA to "
                          "features",
                          e->key, (unsigned)value, basic);
    *out = (uint8_t)value;
    return 0;
}

static int value_default_domain(struct reading *r, const struct ini_entry *e)
{
    uint64_t value = 0;
    int rc;

    if (!e)
        return 0;
    rc = ini_number(&r->in, e, 0, r->c.max_domain, &value);
    if (rc < 0)
        return rc;
    if (!mask256_test(&r->c.aqmask, (unsigned)value))
        return ini_refuse_value(&r->in, e,
                                "aqmask does not give this domain to the host; choose one "
                                "whose bit is set");
    r->c.default_domain = (int)value;
    return 0;
}

static int machine_section(struct reading *r, const struct ini_section *s)
{
    struct machine_config *c = &r->c;
    found_keys found = {NULL};
    int rc = ini_keys_collect(&r->in, s, machine_key_names, found);

    if (rc == 0)
        rc = value_abi(r, found[MACHINE_KEY_ABI]);
    if (rc == 0)
        rc = value_features(r, found[MACHINE_KEY_FEATURES]);
    if (rc == 0)
        rc = value_maximum(r, found[MACHINE_KEY_MAX_ADAPTER], 63, &c->max_adapter);
    if (rc == 0)
        rc = value_maximum(r, found[MACHINE_KEY_MAX_DOMAIN], 15, &c->max_domain);
    if (rc == 0)
        rc = ini_list(&r->in, found[MACHINE_KEY_DOMAINS], c->max_domain, "max-domain", &c->usage);
    c->control = c->usage;
    if (rc == 0)
        rc = ini_list(&r->in, found[MACHINE_KEY_CONTROL_DOMAINS], c->max_domain, "max-domain",
                      &c->control);
    if (rc == 0)
        rc = ini_switch(&r->in, found[MACHINE_KEY_INTERRUPTS], &c->interrupts);
    if (rc == 0)
        rc = ini_mask(&r->in, found[MACHINE_KEY_APMASK], &c->apmask);
    if (rc == 0)
        rc = ini_mask(&r->in, found[MACHINE_KEY_AQMASK], &c->aqmask);
    if (rc == 0)
        rc = value_default_domain(r, found[MACHINE_KEY_DOMAIN]);
    if (rc == 0)
        rc = machine_identity_read(&r->in, found, &c->identity);
    return rc;
}

static int value_type(struct reading *r, const struct ini_section *s, const struct ini_entry *e,
                      struct adapter_config *a)
{
    const char *name;

    if (e && machine_adapter_type_parse(e->value, a) == 0) {
        /* That bit describes the machine, not the adapter [ap-tapq]. */
        if (!(r->c.features & AP_QCI_APXA))
            a->functions &= ~AP_FN_APXA;
        return 0;
    }
    if (e) {
        text_addf(r->in.error, "%s:%u: unknown adapter type ", r->in.name, e->line);
        text_add_quoted(r->in.error, e->value, strlen(e->value));
        text_adds(r->in.error, "; known types are");
    } else {
        text_addf(r->in.error, "%s:%u: ", r->in.name, s->line);
        text_add_quoted(r->in.error, s->name, strlen(s->name));
        text_adds(r->in.error, " has no type; add a line type = with one of");
    }
    for (unsigned i = 0; (name = machine_adapter_type_name(i)); i++)
        text_addf(r->in.error, "%s %s", i ? "," : "", name);
    return -EINVAL;
}

static int value_functions(struct reading *r, const struct ini_entry *e, struct adapter_config *a)
{
    static const struct {
        const char *name;
        uint32_t bit;
    } modes[] = {[AP_MODE_ACCEL] = {"an accelerator", AP_FN_ACCEL},
                 [AP_MODE_CCA] = {"a CCA coprocessor", AP_FN_CCA},
                 [AP_MODE_EP11] = {"an EP11 coprocessor", AP_FN_EP11}};
    uint64_t value = 0;
    int rc;

    if (!e)
        return 0;
    rc = ini_number(&r->in, e, 0, UINT32_MAX, &value);
    if (rc < 0)
        return rc;
    if (value & 0xffff)
        return ini_refuse_value(&r->in, e,
                                "the lower 16 bits belong to the queue's state; leave them 0");
    if ((value & (AP_FN_CCA | AP_FN_ACCEL | AP_FN_EP11)) != modes[a->mode].bit)
        return ini_refuse(&r->in, e->line,
                          "functions = 0x%08x contradicts the type, which is %s: of the bits "
                          "0x1c000000 (CCA, accelerator, EP11) exactly 0x%08x must be set",
                          (unsigned)value, modes[a->mode].name, (unsigned)modes[a->mode].bit);
    a->functions = (uint32_t)value;
    return 0;
}

static int value_depth(struct reading *r, const struct ini_entry *e, struct adapter_config *a)
{
    uint64_t value = 0;
    int rc;

    if (!e)
        return 0;
    rc = ini_number(&r->in, e, 1, 16, &value);
    if (rc == 0)
        a->depth = (uint8_t)(value - 1);
    return rc;
}

static int value_message_size(struct reading *r, const struct ini_entry *e,
                              struct adapter_config *a)
{
    uint64_t value;

    if (!e)
        return 0;
    if (number_parse_u64(e->value, strlen(e->value), 0, &value) < 0 || value % 4096 ||
        value < 4096 || value > 15 * 4096)
        return ini_refuse_value(&r->in, e,
                                "expected a multiple of 4096 from 4096 to 61440; the usual value "
                                "is 12288");
    a->max_message = (uint8_t)(value == 12288 ? 0 : value / 4096);
    return 0;
}

static int value_serial(struct reading *r, const struct ini_entry *e, unsigned adapters,
                        struct adapter_config *a)
{
    static const size_t lengths[] = {[AP_MODE_ACCEL] = 0, [AP_MODE_CCA] = 8, [AP_MODE_EP11] = 16};
    static const char usable[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t len = e ? strlen(e->value) : 0;

    if (!len)
        return 0;
    if (!lengths[a->mode])
        return ini_refuse_value(&r->in, e, "an accelerator has no serial number; remove the line");
    if (adapters > 1)
        return ini_refuse_value(&r->in, e,
                                "several adapters cannot share a serial number; give each its own "
                                "section, or remove the line to get default numbers");
    if (len != lengths[a->mode])
        return ini_refuse_value(&r->in, e,
                                a->mode == AP_MODE_CCA
                                    ? "the serial number of a CCA coprocessor has 8 characters"
                                    : "the serial number of an EP11 coprocessor has 16 "
                                      "characters");
    if (strspn(e->value, usable) != len)
        return ini_refuse_value(&r->in, e, "a serial number consists of letters and digits");
    memcpy(a->serial, e->value, len + 1);
    return 0;
}

static int adapter_keys(struct reading *r, const struct ini_section *s, unsigned adapters,
                        struct adapter_config *a, bool *own_serial, bool *checkstopped)
{
    found_keys found = {NULL};
    int rc = ini_keys_collect(&r->in, s, adapter_key_names, found);

    *a = (struct adapter_config){.configured = true, .in_lpar = true};
    if (rc == 0)
        rc = value_type(r, s, found[ADAPTER_KEY_TYPE], a);
    if (rc == 0)
        rc = value_serial(r, found[ADAPTER_KEY_SERIAL], adapters, a);
    if (rc == 0)
        rc = ini_switch(&r->in, found[ADAPTER_KEY_CONFIGURED], &a->configured);
    if (rc == 0)
        rc = ini_switch(&r->in, found[ADAPTER_KEY_LPAR], &a->in_lpar);
    if (rc == 0)
        rc = value_functions(r, found[ADAPTER_KEY_FUNCTIONS], a);
    if (rc == 0)
        rc = value_depth(r, found[ADAPTER_KEY_DEPTH], a);
    if (rc == 0)
        rc = value_message_size(r, found[ADAPTER_KEY_MAX_MSG_SIZE], a);
    if (rc == 0 && found[ADAPTER_KEY_CHECKSTOPPED] && !r->checkstopped)
        rc = ini_refuse(&r->in, found[ADAPTER_KEY_CHECKSTOPPED]->line,
                        "checkstopped is a state, and here is the hardware alone described");
    if (rc == 0)
        rc = ini_switch(&r->in, found[ADAPTER_KEY_CHECKSTOPPED], checkstopped);
    *own_serial = found[ADAPTER_KEY_SERIAL];
    return rc;
}

/* list: the section's name after "adapter". */
static int adapter_ids(const struct reading *r, const struct ini_section *s, const char *list,
                       struct mask256 *out)
{
    text_auto why = {0};
    struct mask256 m;
    unsigned above;

    if (ap_list_parse(list, strlen(list), &m, &why) < 0)
        return ini_refuse(&r->in, s->line, "[adapter ...]: %s", why.data);
    above = mask256_next(&m, r->c.max_adapter + 1u);
    if (above < MASK256_BITS)
        return ini_refuse(&r->in, s->line,
                          "adapter %u (0x%02x) is above max-adapter, which is %u; leave it out or "
                          "raise max-adapter",
                          above, above, r->c.max_adapter);
    mask256_for_each (apid, &m) {
        if (r->adapter_line[apid])
            return ini_refuse(&r->in, s->line,
                              "adapter %u (0x%02x) is described twice, first in line %u; keep one",
                              apid, apid, r->adapter_line[apid]);
    }
    *out = m;
    return 0;
}

static int adapter_section(struct reading *r, const struct ini_section *s, const char *list)
{
    struct adapter_config a;
    struct mask256 ids;
    bool own_serial = false, checkstopped = false;
    int rc = adapter_ids(r, s, list, &ids);

    if (rc == 0)
        rc = adapter_keys(r, s, mask256_count(&ids), &a, &own_serial, &checkstopped);
    if (rc < 0)
        return rc;
    mask256_for_each (apid, &ids) {
        r->c.adapters[apid] = a;
        r->adapter_line[apid] = s->line;
        if (checkstopped)
            mask256_set(r->checkstopped, apid);
        if (!own_serial)
            machine_serial_default(apid, a.mode, r->c.adapters[apid].serial);
    }
    return 0;
}

/* The section's name after "adapter"; NULL if it has another name. */
static const char *adapter_list(const struct ini_section *s)
{
    size_t len = strlen("adapter");

    if (strncmp(s->name, "adapter", len) != 0 || !strchr(" \t", s->name[len]))
        return NULL;
    return s->name + len;
}

/* Reads [machine] first, wherever it is: the adapters are checked against its limits. */
static int sections_read(struct reading *r, const struct ini_file *f)
{
    const struct ini_section *machine_at = NULL;
    int rc = 0;

    for (size_t i = 0; i < f->count; i++) {
        const struct ini_section *s = &f->sections[i];

        if (strcmp(s->name, "machine") == 0) {
            if (machine_at)
                return ini_refuse(&r->in, s->line,
                                  "[machine] is given twice, first in line %u; merge them",
                                  machine_at->line);
            machine_at = s;
        } else if (!adapter_list(s) && !r->checkstopped) {
            text_addf(r->in.error, "%s:%u: unknown section ", r->in.name, s->line);
            text_add_quoted(r->in.error, s->name, strlen(s->name));
            text_adds(r->in.error,
                      "; expected [machine], [adapter 5], or several as in [adapter 4-6,0x47]");
            return -EINVAL;
        }
    }
    if (machine_at)
        rc = machine_section(r, machine_at);
    for (size_t i = 0; rc == 0 && i < f->count; i++)
        if (adapter_list(&f->sections[i]))
            rc = adapter_section(r, &f->sections[i], adapter_list(&f->sections[i]));
    return rc;
}

int machine_sections_read(const struct ini_reading *in, const struct ini_file *f,
                          struct machine_config *out, struct mask256 *checkstopped)
{
    struct reading r = {.in = *in, .checkstopped = checkstopped};
    int rc;

    if (!f->count)
        return ini_refuse(in, 1,
                          "there is no section; a machine file has [machine] and [adapter 5]");
    machine_config_empty(&r.c);
    rc = sections_read(&r, f);
    if (rc == 0)
        *out = r.c;
    return rc;
}

int machine_file_parse(const char *name, const char *data, size_t len, struct machine_config *out,
                       struct text *error)
{
    ini_file_auto f = {0};
    int rc = ini_file_parse(name, data, len, &f, error);

    return rc < 0 ? rc : machine_sections_read(&(struct ini_reading){name, error}, &f, out, NULL);
}

const char *machine_file_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

static int read_all(int fd, struct text *out)
{
    char buffer[4096];
    ssize_t n;

    while (out->len <= MACHINE_FILE_MAX) {
        n = read(fd, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        text_add(out, buffer, (size_t)n);
    }
    return -EFBIG;
}

int machine_file_read(const char *path, struct text *out, struct text *error)
{
    int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    int rc = fd < 0 ? -errno : read_all(fd, out);

    if (fd >= 0)
        close(fd);
    if (rc == -EFBIG)
        text_addf(error, "%s: too large; the limit is %d bytes", machine_file_name(path),
                  MACHINE_FILE_MAX);
    else if (rc < 0)
        text_addf(error, "%s: cannot be read: %s", machine_file_name(path), strerror(-rc));
    return rc;
}

void machine_file_doubts(const char *name, const struct machine_config *c, struct text *out)
{
    unsigned installed = 0, in_lpar = 0;

    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        installed += c->adapters[apid].type != 0;
        in_lpar += c->adapters[apid].type && c->adapters[apid].in_lpar;
    }
    if (!installed)
        text_addf(out, "%s: the machine has no adapter; a section [adapter 5] adds one\n", name);
    else if (!in_lpar)
        text_addf(out, "%s: no adapter is in the LPAR, since all have lpar = no\n", name);
    if (mask256_count(&c->usage) == 0)
        text_addf(out,
                  "%s: the LPAR has no usage domain, so no adapter has a queue; domains = 4 in "
                  "[machine] adds one\n",
                  name);
}
