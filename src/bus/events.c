/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bus/internal.h"

const char *mode_name(unsigned mode)
{
    static const char *const names[] = {"accel", "cca", "ep11"};

    return names[mode];
}

/* NULLs among the variables are left out by passing the others first. */
void card_uevent(struct ap_bus *b, unsigned apid, const char *action, const char *extra,
                 struct effects *fx)
{
    const struct ap_card *card = &b->cards[apid];
    char path[32], type[16], alias[20], mode[12], driver[40];

    if (!fx->want_uevents)
        return;
    snprintf(path, sizeof path, "devices/ap/card%02x", apid);
    snprintf(type, sizeof type, "DEV_TYPE=%04X", card->type);
    snprintf(alias, sizeof alias, "MODALIAS=ap:t%02X", card->type);
    snprintf(mode, sizeof mode, "MODE=%s", mode_name(card->mode));
    if (card->driver != DRIVER_NONE) {
        snprintf(driver, sizeof driver, "DRIVER=%s", ap_drivers[card->driver].name);
        effects_uevent(fx, action, path, "ap", "DEVTYPE=ap_card", driver, type, alias, mode, extra,
                       NULL);
    } else {
        effects_uevent(fx, action, path, "ap", "DEVTYPE=ap_card", type, alias, mode, extra, NULL);
    }
}

void queue_uevent(struct ap_bus *b, ap_qn qn, const char *action, const char *extra,
                  struct effects *fx)
{
    const struct ap_card *card = &b->cards[AP_QN_APID(qn)];
    const struct ap_queue *q = queue_get(b, qn);
    char path[40], name[AP_QN_TEXT], mode[12], driver[40];

    if (!fx->want_uevents)
        return;
    ap_qn_format(qn, name);
    snprintf(path, sizeof path, "devices/ap/card%02x/%s", AP_QN_APID(qn), name);
    snprintf(mode, sizeof mode, "MODE=%s", mode_name(card->mode));
    if (q->driver != DRIVER_NONE) {
        snprintf(driver, sizeof driver, "DRIVER=%s", ap_drivers[q->driver].name);
        effects_uevent(fx, action, path, "ap", "DEVTYPE=ap_queue", driver, mode, extra, NULL);
    } else {
        effects_uevent(fx, action, path, "ap", "DEVTYPE=ap_queue", mode, extra, NULL);
    }
}

void bus_uevent(struct ap_bus *b, const char *extra, const char *extra2, struct effects *fx)
{
    effects_uevent(fx, "change", "devices/ap", NULL, extra, extra2, NULL);
}

int uevent_action_parse(const char *data, size_t len, char action[16])
{
    static const char *const actions[] = {"add",    "remove",  "change", "move",
                                          "online", "offline", "bind",   "unbind"};
    size_t word = 0;

    while (word < len && data[word] != ' ' && data[word] != '\n' && data[word] != '\0')
        word++;
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (strlen(actions[i]) == word && memcmp(actions[i], data, word) == 0) {
            strcpy(action, actions[i]);
            return 0;
        }
    }
    return -EINVAL;
}
