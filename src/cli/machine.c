/* SPDX-License-Identifier: MIT */
#include "cli/machine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/command.h"
#include "run/program.h"
#include "store/machine_file.h"
#include "store/setup.h"

/* A file in memory with the text, or -errno. */
static int keep_text(const struct text *text)
{
    int fd = memfd_create("machine", MFD_CLOEXEC);
    size_t done = 0;

    while (fd >= 0 && done < text->len) {
        ssize_t n = write(fd, text->data + done, text->len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            close(fd);
            return -EIO;
        }
        done += (size_t)n;
    }
    return fd < 0 ? -errno : fd;
}

/* The daemon does, with --verbose. */
static void show_doubts(const struct daemon_start *how, const struct machine_config *machine)
{
    text_auto doubts = {0};

    machine_file_doubts(how->machine, machine, &doubts);
    if (!how->verbose)
        cli_warnings(&doubts);
}

/* Builds what the daemon will build, for its mistakes. */
static int try_setup(const struct setup *setup, struct text *why)
{
    struct effects unheard = {0};
    struct core *core = NULL;
    int rc = setup->count ? setup_core(setup, &core, &unheard, why) : 0;

    core_free(core);
    effects_done(&unheard);
    return rc;
}

int machine_load(struct daemon_start *how, struct machine_config *out)
{
    text_auto data = {0}, why = {0};
    setup_auto setup = {0};
    int rc;

    machine_config_default(out);
    how->machine_text = -1;
    if (!how->machine)
        return 0;
    rc = machine_file_read(how->machine, &data, &why);
    how->machine = machine_file_name(how->machine);
    if (rc == 0)
        rc = setup_parse(how->machine, data.data ? data.data : "", data.len, &setup, &why);
    if (rc == 0)
        rc = try_setup(&setup, &why);
    if (rc < 0)
        return cli_error(-rc, "%s", why.data), PROGRAM_FAILED;
    *out = setup.machine;
    show_doubts(how, out);
    how->machine_text = keep_text(&data);
    if (how->machine_text >= 0)
        return 0;
    return cli_error(-how->machine_text, "cannot keep the machine file: %s",
                     error_text(-how->machine_text)),
           PROGRAM_FAILED;
}
