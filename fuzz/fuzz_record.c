/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a recording are replayed to the end, or give an error that begins with the file's
 * name and a line number. A parsed line survives a round trip.
 */
#include <stdio.h>
#include <string.h>

#include "store/record.h"
#include "store/record_keys.h"

#include "fuzz.h"

static void check_keyless(const struct command *cmd)
{
    text_private_auto room = {0};
    struct command out;

    record_without_keys(cmd, &out, &room);
    fuzz_check(out.kind == cmd->kind && out.token == cmd->token);
}

static void check_line(struct core *core, const char *line, size_t len)
{
    struct record_entry e, again;
    text_auto why = {0}, text = {0}, twice = {0};

    if (record_parse_line(line, len, &e, &why) < 0) {
        fuzz_check(why.len);
        return;
    }
    if (e.line == RECORD_COMMAND && e.cmd.kind != CMD_STORE && e.cmd.kind != CMD_OWNER) {
        record_format_command(core, &e.cmd, e.keyless, &text);
        fuzz_check(record_parse_line(text.data, text.len, &again, &why) == 0);
        record_format_command(core, &again.cmd, again.keyless, &twice);
        fuzz_check(strcmp(text.data, twice.data) == 0);
        check_keyless(&again.cmd);
        record_entry_done(&again);
    }
    record_entry_done(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct machine_config config;
    struct effects effects = {0};
    text_auto why = {0};
    struct core *core;
    struct record_replayed played;
    unsigned number;
    FILE *in, *out;
    int rc;

    if (!len)
        return 0;
    machine_config_default(&config);
    core = core_new(&config, &effects);
    for (const char *at = (const char *)data, *end = at + len; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));

        check_line(core, at, (size_t)((stop ? stop : end) - at));
        at = stop ? stop + 1 : end;
    }
    core_free(core);
    effects_done(&effects);
    in = fmemopen((void *)data, len, "r");
    out = fopen("/dev/null", "w");
    fuzz_check(in && out);
    rc = record_replay(in, "fuzz", out, &played, &why);
    fuzz_check(rc ? sscanf(why.data, "fuzz:%u: ", &number) == 1 && number : !why.len);
    text_done(&played.warnings);
    text_done(&played.keyless_lines);
    fclose(in);
    fclose(out);
    return 0;
}
