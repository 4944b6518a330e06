/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "base/synth.h"
#include "bus/internal.h"

/* Uevents of cards, queues and the bus [uevents-variables]. As in the kernel, variables of the
 * event itself come before those that every event of the device has. */

#define PATH_MAX_TEXT 40

static const char *mode_line(const struct ap_card *card)
{
    static const char *const lines[] = {"MODE=accel\n", "MODE=cca\n", "MODE=ep11\n"};

    return card->functions & AP_FN_MODES ? lines[card->mode] : "";
}

static size_t driver_line(const struct ap_bus *b, unsigned driver, char *out, size_t size)
{
    if (driver == AP_DRIVER_NONE)
        return 0;
    return (size_t)snprintf(out, size, "DRIVER=%s\n", b->drivers[driver].driver->name);
}

void card_lines(const struct ap_bus *b, unsigned apid, char out[UEVENT_LINES_MAX])
{
    const struct ap_card *card = &b->cards[apid];
    size_t len = (size_t)snprintf(out, UEVENT_LINES_MAX, "DEVTYPE=ap_card\n");

    len += driver_line(b, card->driver, out + len, UEVENT_LINES_MAX - len);
    snprintf(out + len, UEVENT_LINES_MAX - len, "DEV_TYPE=%04X\nMODALIAS=ap:t%02X\n%s", card->type,
             card->type, mode_line(card));
}

void queue_lines(const struct ap_bus *b, ap_qn qn, char out[UEVENT_LINES_MAX])
{
    size_t len = (size_t)snprintf(out, UEVENT_LINES_MAX, "DEVTYPE=ap_queue\n");

    len += driver_line(b, queue_get(b, qn)->driver, out + len, UEVENT_LINES_MAX - len);
    snprintf(out + len, UEVENT_LINES_MAX - len, "%s", mode_line(&b->cards[AP_QN_APID(qn)]));
}

static void card_path(unsigned apid, char out[PATH_MAX_TEXT])
{
    snprintf(out, PATH_MAX_TEXT, "devices/ap/card%02x", apid);
}

static void queue_path(ap_qn qn, char out[PATH_MAX_TEXT])
{
    char name[AP_QN_TEXT];

    ap_qn_format(qn, name);
    snprintf(out, PATH_MAX_TEXT, "devices/ap/card%02x/%s", AP_QN_APID(qn), name);
}

static void add(const char *extra, const char *lines, struct effects *fx)
{
    if (extra)
        effects_uevent_vars(fx, extra, strlen(extra) + 1);
    effects_uevent_lines(fx, lines);
}

void card_uevent(struct ap_bus *b, unsigned apid, const char *action, const char *extra,
                 struct effects *fx)
{
    char path[PATH_MAX_TEXT], lines[UEVENT_LINES_MAX];

    if (!fx->want_uevents)
        return;
    card_path(apid, path);
    card_lines(b, apid, lines);
    if (effects_uevent_begin(fx, action, path, "ap"))
        add(extra, lines, fx);
}

void queue_uevent(struct ap_bus *b, ap_qn qn, const char *action, const char *extra,
                  struct effects *fx)
{
    char path[PATH_MAX_TEXT], lines[UEVENT_LINES_MAX];

    if (!fx->want_uevents)
        return;
    queue_path(qn, path);
    queue_lines(b, qn, lines);
    if (effects_uevent_begin(fx, action, path, "ap"))
        add(extra, lines, fx);
}

static const char *online_variable(bool online)
{
    return online ? "ONLINE=1" : "ONLINE=0";
}

void ap_card_send_online(struct ap_bus *b, unsigned apid, bool online, struct effects *fx)
{
    card_uevent(b, apid, "change", online_variable(online), fx);
}

void ap_queue_send_online(struct ap_bus *b, ap_qn qn, bool online, struct effects *fx)
{
    queue_uevent(b, qn, "change", online_variable(online), fx);
}

int card_synth(struct ap_bus *b, unsigned apid, const char *data, size_t len, struct effects *fx)
{
    char path[PATH_MAX_TEXT], lines[UEVENT_LINES_MAX];

    card_path(apid, path);
    card_lines(b, apid, lines);
    return synth_store(path, "ap", lines, data, len, fx);
}

int queue_synth(struct ap_bus *b, ap_qn qn, const char *data, size_t len, struct effects *fx)
{
    char path[PATH_MAX_TEXT], lines[UEVENT_LINES_MAX];

    queue_path(qn, path);
    queue_lines(b, qn, lines);
    return synth_store(path, "ap", lines, data, len, fx);
}

/* devices/ap is not a device on the bus, but its uevents have SUBSYSTEM=ap. */
void bus_uevent(struct ap_bus *b, const char *extra, const char *extra2, struct effects *fx)
{
    effects_uevent(fx, "change", "devices/ap", "ap", extra, extra2, NULL);
}
