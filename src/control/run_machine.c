/* SPDX-License-Identifier: MIT */
/* Commands that change the machine: Support Element, SCLP, checkstop. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/command.h"
#include "control/json.h"
#include "core/query.h"

static const char *const on_off[] = {"on", "off", NULL};
static const char *const add_remove[] = {"add", "remove", NULL};
static const char *const lpar_kinds[] = {"adapter", "domain", "control-domain", NULL};
static const char *const sclp_commands[] = {"configure", "deconfigure", NULL};

#define SILENT                                                                                     \
    {                                                                                              \
        "silent", ARGUMENT_BOOL, true, NULL,                                                       \
            "true: without an event, the host notices at its next scan; default: false"            \
    }

/* Command words [se-sclp]; the adapter is in bits 8 to 15, counted from the lowest. */
#define SCLP_CONFIGURE_AP   0x001f0001u
#define SCLP_DECONFIGURE_AP 0x001e0001u

static json_t *run_reboot(struct control_call *call, struct control_error *error)
{
    struct command command = {.kind = CMD_BOOT};
    int64_t value;

    return control_execute(call, &command, &value, error) < 0 ? NULL : json_object();
}

static uint64_t number_of(struct control_call *call, const char *name)
{
    return argument_get(call->arguments, name)->number;
}

static json_t *run_sclp(struct control_call *call, struct control_error *error)
{
    uint32_t word = number_of(call, "command") == 0 ? SCLP_CONFIGURE_AP : SCLP_DECONFIGURE_AP;
    struct command command = {.kind = CMD_SCLP,
                              .sclp = {word | (uint32_t)number_of(call, "adapter") << 8}};
    int64_t code;
    char text[16];

    if (control_execute(call, &command, &code, error) < 0)
        return NULL;
    snprintf(text, sizeof(text), "0x%04x", (unsigned)code & 0xffff);
    return json_pack("{s:s, s:b}", "response_code", text, "success",
                     code == 0x0020 || code == 0x0120 || code == 0x0440 || code == 0x0450);
}

/* The current machine, so that omitted arguments change nothing. */
static void config_now(struct core *core, struct machine_config *config,
                       struct mask256 *checkstopped)
{
    struct host_info host;
    struct adapter_info adapter;

    machine_config_empty(config);
    core_host_info(core, &host);
    config->abi = host.abi;
    config->usage = host.aqm;
    config->control = host.adm;
    config->max_adapter = (uint8_t)host.max_adapter;
    config->max_domain = (uint8_t)host.max_domain;
    config->identity = *host.identity;
    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        core_adapter_info(core, apid, &adapter);
        if (!adapter.installed)
            continue;
        config->adapters[apid] = *adapter.config;
        config->adapters[apid].in_lpar = adapter.in_lpar;
        config->adapters[apid].configured = adapter.online;
        mask256_assign(checkstopped, apid, adapter.checkstopped);
    }
}

/* An adapter that keeps its type and mode also keeps its serial number and functions. */
static void set_adapters(struct machine_config *config, const json_t *types)
{
    struct adapter_config old[AP_IDS];
    const char *key;
    json_t *type;

    memcpy(old, config->adapters, sizeof(old));
    memset(config->adapters, 0, sizeof(config->adapters));
    json_object_foreach ((json_t *)types, key, type) {
        unsigned apid = argument_types_id(key);
        struct adapter_config *a = &config->adapters[apid];

        if (machine_adapter_type_parse(json_string_value(type), a) < 0)
            abort();
        if (old[apid].type == a->type && old[apid].mode == a->mode)
            *a = old[apid];
        a->in_lpar = true;
        a->configured = true;
    }
}

static void set_numbers(struct control_call *call, struct machine_config *config)
{
    const struct argument_value *v;

    v = argument_get(call->arguments, "domains");
    if (v->given)
        config->usage = v->ids;
    v = argument_get(call->arguments, "control");
    if (v->given)
        config->control = v->ids;
    v = argument_get(call->arguments, "max_adapter");
    if (v->given)
        config->max_adapter = (uint8_t)v->number;
    v = argument_get(call->arguments, "max_domain");
    if (v->given)
        config->max_domain = (uint8_t)v->number;
}

static int check_installed(const struct machine_config *config, const struct mask256 *ids,
                           const char *argument, struct control_error *error)
{
    mask256_for_each (apid, ids) {
        if (!config->adapters[apid].type) {
            control_error_set(error, CONTROL_REFUSED, ENODEV,
                              "'%s' names adapter 0x%02x, which the machine does not have",
                              argument, apid);
            return -ENODEV;
        }
    }
    return 0;
}

static json_t *run_machine_set(struct control_call *call, struct control_error *error)
{
    struct machine_config config;
    struct command command = {.kind = CMD_MACHINE_SET, .machine = {.config = &config}};
    const struct argument_value *adapters = argument_get(call->arguments, "adapters");
    const struct argument_value *standby = argument_get(call->arguments, "standby");
    const struct argument_value *checkstop = argument_get(call->arguments, "checkstop");

    command.silent = argument_get(call->arguments, "silent")->on;
    config_now(call->state->door->core, &config, &command.machine.checkstopped);
    if (adapters->given)
        set_adapters(&config, adapters->types);
    set_numbers(call, &config);
    if (checkstop->given)
        command.machine.checkstopped = checkstop->ids;
    if ((standby->given && check_installed(&config, &standby->ids, "standby", error) < 0) ||
        (checkstop->given && check_installed(&config, &checkstop->ids, "checkstop", error) < 0))
        return NULL;
    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        if (standby->given)
            config.adapters[apid].configured = !mask256_test(&standby->ids, apid);
        if (!config.adapters[apid].type)
            mask256_clear(&command.machine.checkstopped, apid);
    }
    return control_execute(call, &command, NULL, error) < 0 ? NULL : json_object();
}

const struct control_command control_commands_machine[] = {
    {
        .name = "se-adapter",
        .what = "Support Element: configures an adapter on (online) or off (standby). The host and "
                "all guests that have it see the change before the reply.",
        .arguments = {{"adapter", ARGUMENT_ID, false, NULL, "the adapter"},
                      {"state", ARGUMENT_CHOICE, false, on_off, "the new state", "on"},
                      {"force", ARGUMENT_BOOL, true, NULL,
                       "true: as a hardware event, without any checks; default: false"},
                      SILENT},
    },
    {
        .name = "se-lpar",
        .what =
            "Support Element: Change LPAR Cryptographic Controls. Adds an adapter, usage domain "
            "or control domain to the LPAR, or removes it. The online adapters of the LPAR must "
            "be configured off first.",
        .arguments = {{"action", ARGUMENT_CHOICE, false, add_remove, "what to do", "add"},
                      {"kind", ARGUMENT_CHOICE, false, lpar_kinds, "what to add or remove", "what"},
                      {"id", ARGUMENT_ID, false, NULL, "its number"},
                      {"force", ARGUMENT_BOOL, true, NULL,
                       "true: as a hardware event, without any checks; default: false"},
                      SILENT},
    },
    {.name = "sclp",
     .what = "The SCLP commands Configure and Deconfigure Adjunct Processor.",
     .arguments = {{"command", ARGUMENT_CHOICE, false, sclp_commands, "the command"},
                   {"adapter", ARGUMENT_ID, false, NULL, "the adapter"}},
     .returns =
         (const struct result[]){
             {"response_code", RESULT_STRING, 0, "the response of the SCLP, such as \"0x0020\""},
             {"success", RESULT_BOOL, 0, "the adapter is in the requested state"},
             {NULL}},
     .run = run_sclp},
    {
        .name = "checkstop",
        .what = "Check-stops an adapter (on), or repairs it (off).",
        .arguments = {{"adapter", ARGUMENT_ID, false, NULL, "the adapter"},
                      {"state", ARGUMENT_CHOICE, false, on_off, "on: check-stopped", "on"},
                      SILENT},
    },
    {.name = "machine-set",
     .what =
         "Changes the machine as a hardware event, without any checks. Omitted arguments change "
         "nothing. An adapter that keeps its type keeps its serial number.",
     .arguments = {{"adapters", ARGUMENT_TYPES, true, NULL,
                    "all adapters: these are online and in the LPAR, all others are removed"},
                   {"domains", ARGUMENT_IDS, true, NULL, "all usage domains of the LPAR"},
                   {"control", ARGUMENT_IDS, true, NULL, "all control domains of the LPAR"},
                   {"max_adapter", ARGUMENT_ID, true, NULL, "the highest adapter number"},
                   {"max_domain", ARGUMENT_ID, true, NULL, "the highest domain number"},
                   {"standby", ARGUMENT_IDS, true, NULL,
                    "the adapters in standby; all others are online"},
                   {"checkstop", ARGUMENT_IDS, true, NULL,
                    "the adapters that are check-stopped; all others are not"},
                   SILENT},
     .run = run_machine_set},
    {.name = "reboot",
     .what =
         "The LPAR is reset, and its Linux starts anew: with the masks of its command line, "
         "without guests, mediated devices, nodes, overrides, and what was bound or set offline "
         "by hand. The hardware stays as it is.",
     .run = run_reboot},
    {.name = NULL}};
