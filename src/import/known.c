/* SPDX-License-Identifier: MIT */
#include "import/known.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "machine/config.h"

/* More than any machine has. */
#define DEVICES_MAX 16384u
#define GUESTS_MAX  4096u
#define SOURCES_MAX 100000u

enum show { SHOW_NUMBER, SHOW_HEX, SHOW_SWITCH, SHOW_TYPE, SHOW_DRIVER };

struct shown {
    const char *name;
    enum show show;
};

static const struct shown host_names[HOST_FACTS] = {
    [HOST_MAX_ADAPTER] = {"the highest adapter", SHOW_NUMBER},
    [HOST_MAX_DOMAIN] = {"the highest domain", SHOW_NUMBER},
    [HOST_FEATURES] = {"the features", SHOW_HEX},
    [HOST_INTERRUPTS] = {"interrupts", SHOW_SWITCH},
    [HOST_DOMAIN] = {"the default domain", SHOW_NUMBER},
    [HOST_BOOT_DOMAIN] = {"ap.domain", SHOW_NUMBER},
    [HOST_CONFIG_TIME] = {"config_time", SHOW_NUMBER},
    [HOST_POLL_THREAD] = {"poll_thread", SHOW_SWITCH},
    [HOST_POLL_TIMEOUT] = {"poll_timeout", SHOW_NUMBER},
    [HOST_AUTOPROBE] = {"drivers_autoprobe", SHOW_SWITCH},
};

static const struct shown adapter_names[ADAPTER_FACTS] = {
    [ADAPTER_TYPE] = {"type", SHOW_TYPE},
    [ADAPTER_CONFIGURED] = {"configured", SHOW_SWITCH},
    [ADAPTER_CHECKSTOPPED] = {"check-stopped", SHOW_SWITCH},
    [ADAPTER_FUNCTIONS] = {"functions", SHOW_HEX},
    [ADAPTER_DEPTH] = {"depth", SHOW_NUMBER},
    [ADAPTER_MESSAGE] = {"message size", SHOW_NUMBER},
    [ADAPTER_ONLINE] = {"online", SHOW_SWITCH},
    [ADAPTER_BOUND] = {"has a driver", SHOW_SWITCH},
};

static const struct shown queue_names[QUEUE_FACTS] = {
    [QUEUE_EXISTS] = {"exists", SHOW_SWITCH},
    [QUEUE_DRIVER] = {"driver", SHOW_DRIVER},
    [QUEUE_ONLINE] = {"online", SHOW_SWITCH},
    [QUEUE_IN_USE] = {"in use by a guest", SHOW_SWITCH},
};

static const char *const mask_names[MASKS] = {
    [MASK_ADAPTERS] = "the LPAR's adapters",
    [MASK_USAGE] = "the LPAR's usage domains",
    [MASK_CONTROL] = "the control domains",
    [MASK_AP] = "apmask",
    [MASK_AQ] = "aqmask",
    [MASK_BOOT_AP] = "ap.apmask",
    [MASK_BOOT_AQ] = "ap.aqmask",
};

static const char *const note_names[NOTE_KINDS] = {"contradiction", "missing", "assumed"};

struct known *known_new(void)
{
    struct known *k = xcalloc(1, sizeof *k);

    k->queues = xcalloc(AP_APQNS, sizeof *k->queues);
    k->overrides = xcalloc(AP_APQNS, sizeof *k->overrides);
    return k;
}

void known_free(struct known *k)
{
    if (!k)
        return;
    for (size_t i = 0; i < k->source_count; i++)
        free(k->sources[i].name);
    for (size_t i = 0; i < k->guest_count; i++)
        free(k->guests[i].name);
    for (size_t i = 0; i < k->note_count; i++)
        free(k->notes[i].text);
    for (size_t i = 0; i < AP_IDS; i++)
        free(k->serials[i]);
    for (size_t i = 0; i < AP_APQNS; i++)
        free(k->overrides[i]);
    free(k->overrides);
    free(k->sources);
    free(k->guests);
    free(k->devices);
    free(k->notes);
    free(k->queues);
    free(k);
}

/* Room for one more in an array that doubles. */
static void *room(void *v, size_t count, size_t size)
{
    return count & (count - 1) ? v : xrealloc(v, (count ? 2 * count : 1) * size);
}

void known_source(struct known *k, const char *name, enum known_rank rank)
{
    for (size_t i = k->source_count; i-- > 0 && i + 4 > k->source_count;) {
        if (k->sources[i].rank == rank && strcmp(k->sources[i].name, name) == 0) {
            k->now = (known_from)i + 1;
            return;
        }
    }
    if (k->source_count == SOURCES_MAX)
        return;
    k->sources = room(k->sources, k->source_count, sizeof *k->sources);
    k->sources[k->source_count++] = (struct known_source){xstrdup(name), rank};
    k->now = (known_from)k->source_count;
}

const char *known_name(const struct known *k, known_from from)
{
    return from ? k->sources[from - 1].name : NULL;
}

const char *known_note_name(enum note_kind kind)
{
    return note_names[kind];
}

const char *known_host_name(enum known_host which)
{
    return host_names[which].name;
}

void known_note(struct known *k, enum note_kind kind, known_from from, const char *format, ...)
{
    struct text text = {0};
    va_list args;

    if (k->note_count == KNOWN_NOTES) {
        k->notes_dropped++;
        return;
    }
    va_start(args, format);
    text_addv(&text, format, args);
    va_end(args);
    k->notes = room(k->notes, k->note_count, sizeof *k->notes);
    k->notes[k->note_count++] = (struct known_note){kind, from, text.data};
}

static bool outranks(const struct known *k, known_from old)
{
    return !old || k->sources[k->now - 1].rank > k->sources[old - 1].rank;
}

/* Two sources differ: the note says who is believed. */
static void contradict(struct known *k, known_from old, const char *what, const char *before,
                       const char *now)
{
    bool other = outranks(k, old);

    known_note(k, NOTE_CONTRADICTION, k->now, "%s: %s in %s, but %s in %s; the %s is taken", what,
               before, known_name(k, old), now, known_name(k, k->now), other ? "latter" : "former");
}

static void show(enum show how, uint64_t value, struct text *out)
{
    static const char *const drivers[] = {"none", "zcrypt", "vfio_ap"};
    struct adapter_config type = {.type = (uint8_t)(value >> 8), .mode = (uint8_t)value};
    char name[8];

    if (how == SHOW_SWITCH) {
        text_adds(out, value ? "yes" : "no");
    } else if (how == SHOW_DRIVER) {
        text_adds(out, drivers[value]);
    } else if (how == SHOW_TYPE) {
        machine_adapter_type_format(&type, name);
        text_adds(out, name);
    } else {
        text_addf(out, how == SHOW_HEX ? "0x%" PRIx64 : "%" PRIu64, value);
    }
}

static void differ(struct known *k, const struct fact *f, uint64_t value, const struct shown *how,
                   const char *subject)
{
    text_auto what = {0}, before = {0}, now = {0};

    text_addf(&what, "%s%s%s", subject, *subject ? ": " : "", how->name);
    show(how->show, f->value, &before);
    show(how->show, value, &now);
    contradict(k, f->from, what.data, before.data, now.data);
}

static void take(struct known *k, struct fact *f, uint64_t value)
{
    if (outranks(k, f->from))
        *f = (struct fact){k->now, value};
}

void known_host(struct known *k, enum known_host which, uint64_t value)
{
    struct fact *f = &k->host[which];

    if (f->from && f->value != value)
        differ(k, f, value, &host_names[which], "");
    take(k, f, value);
}

void known_adapter(struct known *k, unsigned apid, enum known_adapter which, uint64_t value)
{
    struct fact *f = &k->adapters[apid][which];
    char subject[32];

    if (f->from && f->value != value) {
        snprintf(subject, sizeof subject, "adapter 0x%02x", apid);
        differ(k, f, value, &adapter_names[which], subject);
    }
    take(k, f, value);
}

void known_queue(struct known *k, ap_qn qn, enum known_queue which, uint64_t value)
{
    struct fact *f = &k->queues[qn][which];
    char subject[AP_QN_TEXT];

    if (f->from && f->value != value) {
        ap_qn_format(qn, subject);
        differ(k, f, value, &queue_names[which], subject);
    }
    take(k, f, value);
}

void known_mask(struct known *k, enum known_mask which, struct mask256 value)
{
    struct known_mask_fact *f = &k->masks[which];
    char before[MASK256_TEXT], now[MASK256_TEXT];

    if (f->from && !mask256_equal(&f->value, &value)) {
        mask256_format(&f->value, before);
        mask256_format(&value, now);
        contradict(k, f->from, mask_names[which], before, now);
    }
    if (outranks(k, f->from))
        *f = (struct known_mask_fact){k->now, value};
}

static char *copy_text(const char *value, size_t len)
{
    char *copy = xcalloc(len + 1, 1);

    if (len)
        memcpy(copy, value, len);
    return copy;
}

void known_progress(struct known *k)
{
    if (k->progress && ++k->files % 256 == 0)
        k->progress(k->files);
}

/* The first one counts. */
static void take_text(struct known *k, char **at, const char *what, const char *value, size_t len)
{
    if (!*at)
        *at = copy_text(value, len);
    else if (strlen(*at) != len || (len && memcmp(*at, value, len) != 0))
        known_note(k, NOTE_CONTRADICTION, k->now,
                   "%s: %.40s before, but %.*s in %s; the former is "
                   "taken",
                   what, *at, (int)(len < 40 ? len : 40), value, known_name(k, k->now));
}

void known_serial(struct known *k, unsigned apid, const char *value, size_t len)
{
    char what[40];

    snprintf(what, sizeof what, "adapter 0x%02x: serial number", apid);
    take_text(k, &k->serials[apid], what, value, len);
}

void known_override(struct known *k, ap_qn qn, const char *value, size_t len)
{
    char what[40];

    snprintf(what, sizeof what, "%02x.%04x: driver override", AP_QN_APID(qn), AP_QN_APQI(qn));
    take_text(k, &k->overrides[qn], what, value, len);
}

static void tell_full(struct known *k, bool *told, const char *what, unsigned max)
{
    if (!*told)
        known_note(k, NOTE_MISSING, k->now, "more than %u %s; the others are left out", max, what);
    *told = true;
}

struct known_device *known_device(struct known *k, const struct uuid *uuid)
{
    for (size_t i = k->device_count; i-- > 0;)
        if (uuid_equal(&k->devices[i].uuid, uuid))
            return &k->devices[i];
    if (k->device_count == DEVICES_MAX) {
        tell_full(k, &k->full_devices, "mediated devices", DEVICES_MAX);
        return NULL;
    }
    k->devices = room(k->devices, k->device_count, sizeof *k->devices);
    k->devices[k->device_count] = (struct known_device){.uuid = *uuid};
    return &k->devices[k->device_count++];
}

struct known_guest *known_guest(struct known *k, const char *name, size_t len)
{
    for (size_t i = 0; i < k->guest_count; i++)
        if (strlen(k->guests[i].name) == len && memcmp(k->guests[i].name, name, len) == 0)
            return &k->guests[i];
    if (k->guest_count == GUESTS_MAX) {
        tell_full(k, &k->full_guests, "guests", GUESTS_MAX);
        return NULL;
    }
    k->guests = room(k->guests, k->guest_count, sizeof *k->guests);
    k->guests[k->guest_count] = (struct known_guest){.name = copy_text(name, len), .from = k->now};
    return &k->guests[k->guest_count++];
}

static bool matrix_equal(const struct known_matrix *a, const struct known_matrix *b)
{
    return mask256_equal(&a->apm, &b->apm) && mask256_equal(&a->aqm, &b->aqm) &&
           mask256_equal(&a->adm, &b->adm);
}

static void show_matrix(const struct known_matrix *m, struct text *out)
{
    text_adds(out, "adapters ");
    ap_list_format(&m->apm, out);
    text_adds(out, ", domains ");
    ap_list_format(&m->aqm, out);
    text_adds(out, ", control domains ");
    ap_list_format(&m->adm, out);
}

void known_matrix(struct known *k, struct known_device *d, struct known_matrix *which,
                  const struct known_matrix *m)
{
    text_auto before = {0}, now = {0};
    char uuid[UUID_TEXT];

    if (which->from && !matrix_equal(which, m)) {
        uuid_format(&d->uuid, uuid);
        show_matrix(which, &before);
        show_matrix(m, &now);
        contradict(k, which->from, uuid, before.data, now.data);
    }
    if (!outranks(k, which->from))
        return;
    *which = *m;
    which->from = k->now;
}

void known_flag(struct known *k, const struct known_device *d, struct fact *which, bool value,
                const char *what)
{
    const struct shown how = {what, SHOW_SWITCH};
    char uuid[UUID_TEXT];

    uuid_format(&d->uuid, uuid);
    if (which->from && which->value != value)
        differ(k, which, value, &how, uuid);
    take(k, which, value);
}

void known_running(struct known *k, struct known_guest *g, bool running)
{
    static const struct shown how = {"runs", SHOW_SWITCH};

    if (g->running.from && g->running.value != running)
        differ(k, &g->running, running, &how, g->name);
    take(k, &g->running, running);
}
