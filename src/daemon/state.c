/* SPDX-License-Identifier: MIT */
/* The state directory: what outlives the daemon is written before it is acknowledged. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "core/commands.h"
#include "core/query.h"
#include "daemon/internal.h"
#include "store/event_numbers.h"

/* A machine that goes on is the directory's; what the command line says is for a new one. */
static int check_options(const struct daemon *d, struct text *why)
{
    const struct daemon_options *o = d->options;
    struct host_info host;

    core_host_info(d->door.core, &host);
    if (!o->has_abi || o->abi == host.abi)
        return 0;
    text_addf(why, "the machine in %s has the profile %s, which --abi cannot change", o->state,
              abi_get(host.abi)->name);
    return -EINVAL;
}

int daemon_state_open(struct daemon *d, const struct setup *setup, struct text *why)
{
    const struct daemon_options *o = d->options;
    text_auto note = {0};
    bool is_new;
    int rc = state_open(o->state, o->sync, &d->state, &is_new, why);

    if (rc < 0)
        return rc;
    if (is_new)
        return setup_core(setup, &d->door.core, &d->effects, why);
    /* Guests end with the daemon, and an adapter may have gone: for daemon_state_begin. */
    d->effects.want_changes = true;
    rc = state_load(d->state, &d->door.core, &d->effects, &note, why);
    if (note.len)
        daemon_log(d, LOG_LEVEL_WARNING, "%s", note.data);
    if (rc < 0)
        return rc;
    daemon_counts_restore(d);
    return check_options(d, why);
}

void daemon_state_number_events(struct daemon *d)
{
    text_auto why = {0};

    if (!d->state)
        return;
    control_server_number_events(d->control, event_numbers_read(d->state, &why));
    if (why.len)
        daemon_log(d, LOG_LEVEL_WARNING, "%s", why.data);
}

static void keep_events(struct daemon *d, uint64_t next)
{
    int rc = d->state ? event_numbers_write(d->state, next) : 0;

    if (rc < 0)
        daemon_log(d, LOG_LEVEL_WARNING,
                   "the numbers of events cannot be kept in %s, and begin anew with the next "
                   "daemon: %s",
                   d->options->state, error_text(-rc));
}

void daemon_state_reserve_events(struct daemon *d)
{
    keep_events(d, event_numbers_beyond(control_server_next_event(d->control)));
}

void daemon_state_keep_events(struct daemon *d)
{
    keep_events(d, control_server_next_event(d->control));
}

int daemon_state_begin(struct daemon *d, struct text *why)
{
    text_auto note = {0};
    int rc = state_begin(d->state, d->door.core, &d->effects, &note, why);

    if (note.len)
        daemon_log(d, LOG_LEVEL_WARNING, "%s", note.data);
    return rc;
}

/*
 * Whether a command can be refused before it is executed. What cannot happened already (an adapter
 * has answered, a client has gone), or keeps nothing (a request); its changes are made up for with
 * the next ones.
 */
static bool can_be_refused(const struct command *command)
{
    switch (command->kind) {
    case CMD_STORE:
    case CMD_OWNER:
    case CMD_SE_ADAPTER:
    case CMD_SE_LPAR:
    case CMD_SCLP:
    case CMD_CHECKSTOP:
    case CMD_FAULT_ADD:
    case CMD_FAULT_REMOVE:
    case CMD_MACHINE_SET:
    case CMD_BOOT:
    case CMD_GUEST_START:
    case CMD_GUEST_ATTACH:
        return true;
    case CMD_GUEST_STOP:
    case CMD_GUEST_DETACH:
        return !command->happened;
    default:
        return false;
    }
}

bool daemon_state_admit(struct daemon *d, const struct command *command, struct reply *reply)
{
    if (!d->state || !can_be_refused(command))
        return true;
    *reply = (struct reply){0};
    reply->result = state_admit(d->state, d->door.core, &reply->why);
    if (reply->result == 0)
        return true;
    daemon_log(d, LOG_LEVEL_ERROR, "%s refused: %s", command_rows[command->kind].name,
               reply->why.data);
    return false;
}

/* What was executed and cannot be written must not be acknowledged: the daemon ends as if it were
 * killed, and what is on disk is the state before. */
void daemon_state_write(struct daemon *d, const struct command *command)
{
    text_auto why = {0};

    if (!d->state || state_write(d->state, d->door.core, &d->effects, &why) == 0)
        return;
    daemon_log(d, LOG_LEVEL_ERROR, "%s", why.data);
    if (can_be_refused(command))
        _exit(EXIT_FAILURE);
}

void daemon_state_sync(void *data)
{
    struct daemon *d = data;

    if (d->state && state_unsynced(d->state))
        state_sync(d->state);
}

bool daemon_state_unsynced(void *data)
{
    struct daemon *d = data;

    return d->state && state_unsynced(d->state);
}
