/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>

#include "core/state.h"

/*
 * Changes of the machine: the Support Element, SCLP, faults. They change the machine only; the
 * rescan at the end of core_execute updates the host and its guests.
 */

static int adapter_check(struct core *c, unsigned apid, bool needs_lpar, struct reply *reply)
{
    struct adapter_state s = {0};

    if (apid < AP_IDS)
        s = machine_adapter(c->machine, apid);
    if (!s.installed) {
        text_addf(&reply->why,
                  "there is no adapter 0x%02x (%u) in the machine; 'apus se show' lists the "
                  "installed ones",
                  apid, apid);
        return -ENODEV;
    }
    if (needs_lpar && !s.in_lpar) {
        text_addf(&reply->why,
                  "adapter 0x%02x is not assigned to the LPAR; 'apus se lpar add adapter 0x%02x' "
                  "assigns it",
                  apid, apid);
        return -ENODEV;
    }
    return 0;
}

int core_se_adapter(struct core *c, const struct command *cmd, struct effects *fx,
                    struct reply *reply)
{
    int rc = adapter_check(c, cmd->adapter.apid, false, reply);

    if (rc < 0)
        return rc;
    if (machine_adapter(c->machine, cmd->adapter.apid).online == cmd->adapter.on)
        return 0;
    machine_set_online(c->machine, cmd->adapter.apid, cmd->adapter.on);
    effects_log(fx, LOG_LEVEL_INFO, "Support Element: adapter 0x%02x configured %s",
                cmd->adapter.apid, cmd->adapter.on ? "on" : "off");
    return 0;
}

/* The LPAR's adapters must be configured off to change its controls [se-adapters-off]. */
static int lpar_precondition(struct core *c, const struct command *cmd, struct reply *reply)
{
    struct mask256 online = machine_online(c->machine);

    if (cmd->lpar.force || mask256_empty(&online))
        return 0;
    text_adds(&reply->why, "the online adapters of the LPAR must be configured off first:");
    mask256_for_each (apid, &online)
        text_addf(&reply->why, " 0x%02x", apid);
    text_adds(&reply->why, " (apus se adapter N off); --force skips this check");
    return -EBUSY;
}

static const char *const kind_names[] = {"adapter", "domain", "control domain"};

static int lpar_check(struct core *c, const struct command *cmd, struct reply *reply)
{
    const struct machine_config *config = machine_config(c->machine);
    unsigned max = cmd->lpar.what == LPAR_ADAPTER ? config->max_adapter : config->max_domain;

    if (cmd->lpar.id > max) {
        text_addf(&reply->why, "%s 0x%02x is above the machine's highest number, 0x%02x",
                  kind_names[cmd->lpar.what], cmd->lpar.id, max);
        return -ENODEV;
    }
    if (cmd->lpar.what == LPAR_CONTROL_DOMAIN && !cmd->lpar.add && !cmd->lpar.force &&
        mask256_test(&config->usage, cmd->lpar.id)) {
        text_addf(
            &reply->why,
            "a usage domain is a control domain, too; remove domain 0x%02x first, or together "
            "with the control domain",
            cmd->lpar.id);
        return -EINVAL;
    }
    return cmd->lpar.what == LPAR_ADAPTER ? adapter_check(c, cmd->lpar.id, false, reply) : 0;
}

/* An adapter comes in standby [se-lpar-standby], a usage domain as a control domain
 * [se-usage-is-control]. */
static void lpar_change(struct core *c, const struct command *cmd)
{
    unsigned id = cmd->lpar.id;
    bool add = cmd->lpar.add;

    switch (cmd->lpar.what) {
    case LPAR_ADAPTER:
        if (add && !cmd->lpar.force && machine_adapter(c->machine, id).online)
            machine_set_online(c->machine, id, false);
        machine_set_lpar_adapter(c->machine, id, add);
        break;
    case LPAR_DOMAIN:
        machine_set_lpar_domain(c->machine, id, add);
        if (add)
            machine_set_lpar_control(c->machine, id, true);
        break;
    case LPAR_CONTROL_DOMAIN:
        machine_set_lpar_control(c->machine, id, add);
        break;
    }
}

static bool lpar_has(struct core *c, const struct command *cmd)
{
    const struct machine_config *config = machine_config(c->machine);

    if (cmd->lpar.what == LPAR_ADAPTER)
        return machine_adapter(c->machine, cmd->lpar.id).in_lpar;
    return mask256_test(cmd->lpar.what == LPAR_DOMAIN ? &config->usage : &config->control,
                        cmd->lpar.id);
}

void core_se_command(const struct command *cmd, struct text *out)
{
    static const char *const words[] = {[LPAR_ADAPTER] = "adapter",
                                        [LPAR_DOMAIN] = "domain",
                                        [LPAR_CONTROL_DOMAIN] = "control-domain"};

    text_addf(out, "se lpar %s %s 0x%02x", cmd->lpar.add ? "add" : "remove", words[cmd->lpar.what],
              cmd->lpar.id);
}

int core_se_lpar(struct core *c, const struct command *cmd, struct effects *fx, struct reply *reply)
{
    int rc = lpar_check(c, cmd, reply);

    if (rc < 0 || lpar_has(c, cmd) == cmd->lpar.add)
        return rc;
    rc = lpar_precondition(c, cmd, reply);
    if (rc < 0)
        return rc;
    lpar_change(c, cmd);
    effects_log(fx, LOG_LEVEL_INFO, "Support Element: %s 0x%02x %s the LPAR",
                kind_names[cmd->lpar.what], cmd->lpar.id,
                cmd->lpar.add ? "added to" : "removed from");
    return 0;
}

int core_sclp(struct core *c, const struct command *cmd, struct effects *fx, struct reply *reply)
{
    bool on = (cmd->sclp.word & 0xffff00ffu) == SCLP_CONFIGURE_AP;
    bool done;

    reply->value = machine_sclp(c->machine, cmd->sclp.word);
    done = reply->value == SCLP_RC_DONE || reply->value == SCLP_RC_NO_ACTION;
    effects_log(fx, done ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING,
                "SCLP: adapter 0x%02x %s: response code 0x%04x%s", cmd->sclp.word >> 8 & 0xff,
                on ? "configure" : "deconfigure", (unsigned)reply->value,
                reply->value == SCLP_RC_NO_ACTION ? " (already in that state)" : "");
    return 0;
}

int core_checkstop(struct core *c, const struct command *cmd, struct effects *fx,
                   struct reply *reply)
{
    int rc = adapter_check(c, cmd->adapter.apid, false, reply);

    if (rc < 0)
        return rc;
    if (machine_adapter(c->machine, cmd->adapter.apid).checkstopped == cmd->adapter.on)
        return 0; /* no change, so the queues keep their messages */
    machine_set_checkstop(c->machine, cmd->adapter.apid, cmd->adapter.on);
    effects_log(fx, LOG_LEVEL_INFO, "adapter 0x%02x %s", cmd->adapter.apid,
                cmd->adapter.on ? "check-stopped" : "repaired");
    return 0;
}

static int refuse_number(struct reply *reply, const char *what, unsigned id, const char *limit,
                         unsigned max)
{
    text_addf(&reply->why, "%s %u (0x%02x) is above %s, which is %u; leave it out or raise %s",
              what, id, id, limit, max, limit);
    return -EINVAL;
}

/* The highest numbers of a machine without APXA are those of six and four bits. */
static int highest_check(const struct machine_config *wanted, bool apxa, struct reply *reply)
{
    if (apxa || (wanted->max_adapter <= 63 && wanted->max_domain <= 15))
        return 0;
    text_adds(&reply->why, "without APXA the highest adapter is 63 and the highest domain 15");
    return -EINVAL;
}

/* As in a machine file: nothing has a number that the machine does not have. */
static int numbers_check(const struct machine_config *wanted, bool apxa, struct reply *reply)
{
    unsigned above = mask256_next(&wanted->usage, wanted->max_domain + 1u);

    if (above < MASK256_BITS)
        return refuse_number(reply, "domain", above, "max_domain", wanted->max_domain);
    above = mask256_next(&wanted->control, wanted->max_domain + 1u);
    if (above < MASK256_BITS)
        return refuse_number(reply, "control domain", above, "max_domain", wanted->max_domain);
    for (unsigned apid = wanted->max_adapter + 1u; apid < AP_IDS; apid++)
        if (wanted->adapters[apid].type)
            return refuse_number(reply, "adapter", apid, "max_adapter", wanted->max_adapter);
    return highest_check(wanted, apxa, reply);
}

int core_machine_set(struct core *c, const struct command *cmd, struct effects *fx,
                     struct reply *reply)
{
    bool apxa = machine_config(c->machine)->features & AP_QCI_APXA;
    int rc = numbers_check(cmd->machine.config, apxa, reply);

    if (rc < 0)
        return rc;
    machine_replace(c->machine, cmd->machine.config, &cmd->machine.checkstopped);
    return 0;
}
