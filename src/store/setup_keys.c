/* SPDX-License-Identifier: MIT */
#include "store/setup_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zcrypt/zcrypt.h"

#define AT(m) offsetof(struct setup_object, m), sizeof((struct setup_object *)0)->m

const char *const setup_features[] = {"ap", "apft", "apqci", "apqi", NULL};

static const struct setup_key bus_keys[] = {
    [BUS_APMASK] = {"apmask", KEY_MASK, AT(s.bus.masks.apmask)},
    [BUS_AQMASK] = {"aqmask", KEY_MASK, AT(s.bus.masks.aqmask)},
    [BUS_DOMAIN] = {"domain", KEY_NUMBER, AT(s.bus.domain), .max = AP_IDS - 1},
    [BUS_CONFIG_TIME] = {"config-time", KEY_NUMBER, AT(s.bus.config_time), .max = 120},
    [BUS_POLL_THREAD] = {"poll-thread", KEY_SWITCH, AT(s.bus.poll_thread)},
    [BUS_POLL_TIMEOUT] = {"poll-timeout", KEY_NUMBER, AT(s.bus.poll_timeout), .max = INT64_MAX},
    [BUS_AUTOPROBE] = {"autoprobe", KEY_SWITCH, AT(s.bus.autoprobe)},
    {0}};

static const struct setup_key card_keys[] = {
    [CARD_BOUND] = {"bound", KEY_SWITCH, AT(s.card.bindings.card)},
    [CARD_UNBOUND] = {"unbound", KEY_LIST, AT(unbound)},
    [CARD_ZCRYPT] = {"zcrypt", KEY_LIST, AT(zcrypt)},
    [CARD_VFIO_AP] = {"vfio_ap", KEY_LIST, AT(vfio_ap)},
    [CARD_OFFLINE] = {"offline", KEY_SWITCH, AT(s.card.offline)},
    [CARD_QUEUES_OFFLINE] = {"queues-offline", KEY_LIST, AT(s.card.queues_offline)},
    {0}};

static const struct setup_key queue_keys[] = {{"driver-override", KEY_NAME, AT(name)}, {0}};

static const struct setup_key node_keys[] = {
    [NODE_IOCTLMASK] = {"ioctlmask", KEY_MASK, AT(s.node.ioctlmask)},
    [NODE_APMASK] = {"apmask", KEY_MASK, AT(s.node.apmask)},
    [NODE_AQMASK] = {"aqmask", KEY_MASK, AT(s.node.aqmask)},
    [NODE_ADMASK] = {"admask", KEY_MASK, AT(s.node.admask)},
    [NODE_MINOR] = {"minor", KEY_NUMBER, AT(s.of.id), .max = ZCRYPT_NODES - 1},
    {0}};

static const struct setup_key mdev_keys[] = {
    [MDEV_ADAPTERS] = {"adapters", KEY_LIST, AT(s.mdev.assigned.apm)},
    [MDEV_DOMAINS] = {"domains", KEY_LIST, AT(s.mdev.assigned.aqm)},
    [MDEV_CONTROL] = {"control-domains", KEY_LIST, AT(s.mdev.assigned.adm)},
    [MDEV_AUTOSTART] = {"autostart", KEY_SWITCH, AT(s.mdev.autostart)},
    [MDEV_GUEST_ADAPTERS] = {"guest-adapters", KEY_LIST, AT(s.mdev.effective.apm)},
    [MDEV_GUEST_DOMAINS] = {"guest-domains", KEY_LIST, AT(s.mdev.effective.aqm)},
    [MDEV_GUEST_CONTROL] = {"guest-control-domains", KEY_LIST, AT(s.mdev.effective.adm)},
    [MDEV_GROUP] = {"group", KEY_NUMBER, AT(s.of.id), .max = 65535},
    [MDEV_UNCHECKED] = {"unchecked", KEY_SWITCH, AT(unchecked)},
    [MDEV_UNBOUND] = {"unbound", KEY_SWITCH, AT(s.mdev.unbound)},
    {0}};

static const struct setup_key guest_keys[] = {
    [GUEST_MDEV] = {"mdev", KEY_UUID, AT(uuid)},
    [GUEST_FEATURES] = {"features", KEY_FEATURES, AT(features)},
    [GUEST_NUMBER] = {"number", KEY_NUMBER, AT(s.of.id), .max = 64999},
    {0}};

static const struct setup_key fault_keys[] = {
    [FAULT_RULE] = {"rule", KEY_TEXT, AT(name)},
    [FAULT_LEFT] = {"left", KEY_COUNT, AT(left), .max = FAULT_COUNT_MAX},
    {0}};

const struct setup_section setup_sections[] = {
    {"bus", NULL, STATE_BUS, true, bus_keys},
    {"card", "its number, as in [card 5]", STATE_CARD, true, card_keys},
    {"queue", "an APQN, as in [queue 05.0004]", STATE_OVERRIDE, true, queue_keys},
    {"node", "its name, as in [node mynode]", STATE_NODE, true, node_keys},
    {"mdev", "a UUID", STATE_MDEV, false, mdev_keys},
    {"guest", "its name, as in [guest Guest1]", STATE_GUEST, false, guest_keys},
    {"fault", "its number, as in [fault 1]", STATE_FAULT, false, fault_keys},
    {0}};

const struct setup_section *setup_section_find(const char *word, size_t len)
{
    for (const struct setup_section *s = setup_sections; s->word; s++)
        if (strlen(s->word) == len && memcmp(s->word, word, len) == 0)
            return s;
    return NULL;
}

static bool is_plain(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           strchr("._+,/@-*", c);
}

/* Stays as it is: the number of its bytes; 0: it is escaped. */
static size_t plain_len(const char *at, size_t len)
{
    unsigned char c = (unsigned char)*at;
    uint32_t character;

    if (c >= 0x80)
        return text_utf8(at, len, &character);
    return c && is_plain(c);
}

void setup_escape(const char *name, size_t len, struct text *out)
{
    for (size_t i = 0, n; i < len; i += n ? n : 1) {
        n = plain_len(&name[i], len - i);
        if (n)
            text_add(out, &name[i], n);
        else
            text_addf(out, "%%%02x", (unsigned char)name[i]);
    }
}

char *setup_unescape(const char *text, size_t len)
{
    char *name = xcalloc(len + 1, 1), *to = name;

    for (size_t i = 0; i < len; i++) {
        uint8_t byte = (uint8_t)text[i];
        char digits[3] = {0};

        if (byte == '%' && len - i > 2) {
            memcpy(digits, &text[i + 1], 2);
            i += 2;
        }
        if (byte == '%' && (text_parse_hex(digits, &byte) < 0 || !*digits || !byte)) {
            free(name);
            return NULL;
        }
        *to++ = (char)byte;
    }
    return name;
}
