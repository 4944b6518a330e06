/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "import/read.h"

/*
 * What collections of commands have: dbginfo.sh writes "HOST> COMMAND", and the output up to the
 * next line of # characters.
 */

/* The command of a line, or empty. The name of a host has no blank. */
static struct slice command_of(struct slice line)
{
    struct slice host, command;

    if (slice_cut(line, ' ', &host, &command) && host.len > 1 && host.at[host.len - 1] == '>')
        return slice_trim(command, SLICE_BLANKS);
    return (struct slice){"", 0};
}

static read_function *reader_of(struct slice command)
{
    static const struct {
        const char *begin;
        read_function *read;
    } commands[] = {{"lszcrypt", read_lszcrypt},
                    {"virsh list", read_virsh_list},
                    {"virsh -r list", read_virsh_list},
                    {"cat /proc/cmdline", read_cmdline}};

    for (unsigned i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (slice_starts(command, commands[i].begin))
            return commands[i].read;
    return NULL;
}

/* The lines up to the next ones of # characters, which are taken off rest. */
static struct slice output_take(struct slice *rest)
{
    struct slice output = {rest->at, 0}, line;

    while (rest->len && !slice_starts(*rest, "####")) {
        read_line(rest, &line);
        output.len = (size_t)(rest->at - output.at);
    }
    return output;
}

int read_transcript(struct known *k, const char *name, struct slice data, struct text *why)
{
    for (struct slice line; read_line(&data, &line);) {
        struct slice command = command_of(line);
        read_function *read = reader_of(command);
        text_auto place = {0}, unheard = {0};

        if (!read)
            continue;
        text_addf(&place, "%s (%.*s)", name, (int)(command.len < 80 ? command.len : 80),
                  command.at);
        if (read(k, place.data, output_take(&data), &unheard) < 0)
            known_note(k, NOTE_MISSING, k->now, "%s: the command has no output", place.data);
    }
    return 0;
}

/* The name in front of the state; both may have blanks. */
static struct slice name_of(struct slice row)
{
    static const char *const states[] = {"running",  "idle",    "paused",      "in shutdown",
                                         "shut off", "crashed", "pmsuspended", "no state"};

    for (unsigned i = 0; i < sizeof states / sizeof states[0]; i++) {
        size_t len = strlen(states[i]);

        if (row.len > len && strchr(SLICE_BLANKS, row.at[row.len - len - 1]) &&
            slice_is(slice_from(row, row.len - len), states[i]))
            return slice_trim((struct slice){row.at, row.len - len}, SLICE_BLANKS);
    }
    return (struct slice){row.at, 0};
}

/* "Id Name State": a guest without a number does not run. */
int read_virsh_list(struct known *k, const char *name, struct slice data, struct text *why)
{
    bool table = false;

    known_source(k, name, RANK_SYSFS);
    for (struct slice line; read_line(&data, &line);) {
        struct slice id = slice_word(&line), row = slice_trim(line, SLICE_BLANKS);
        struct slice guest = name_of(row);
        struct known_guest *g;

        if (slice_is(id, "Id") && slice_starts(row, "Name"))
            table = true;
        else if (table && row.len && !guest.len)
            known_note(k, NOTE_MISSING, k->now, "a row of virsh list without a known state: %.*s",
                       (int)(row.len < 80 ? row.len : 80), row.at);
        else if (table && guest.len && (g = known_guest(k, guest.at, guest.len)))
            known_running(k, g, !slice_is(id, "-"));
    }
    return 0;
}
