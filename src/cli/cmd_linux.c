/* SPDX-License-Identifier: MIT */
/* apus linux fetch, apus linux host. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apus/guest_protocol.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/linux.h"
#include "cli/linux_boot.h"
#include "cli/linux_files.h"
#include "cli/machine.h"
#include "cli/part.h"
#include "cli/progress.h"
#include "cli/value.h"
#include "run/daemon.h"
#include "run/program.h"
#include "run/runtime.h"

enum { OPT_ABI = 256, OPT_KERNEL, OPT_PACKAGE, OPT_REFRESH, OPT_LIST, OPT_SIE, OPT_TOOLS };

#define HOST "host" /* the name of the guest that is the LPAR */

static const struct cli_option fetch_options[] = {
    {OPT_KERNEL, "kernel", "SUITE", "use the kernel of this Debian release (default: trixie)"},
    {OPT_PACKAGE, "package", "NAME", "add a package, for guests with --packages; repeatable"},
    {OPT_TOOLS, "tools", NULL, "only lszcrypt and others, for 'apus run'"},
    {OPT_REFRESH, "refresh", NULL, "look for newer packages than those in the cache"},
    {OPT_LIST, "list", NULL, "list the contents of the cache, fetch nothing"},
    {0}};

/* Passes an option on to the script. */
static void add_word(int option, const char **args, int *n)
{
    switch (option) {
    case OPT_KERNEL:
        args[(*n)++] = "--kernel";
        args[(*n)++] = optarg;
        break;
    case OPT_PACKAGE:
        args[(*n)++] = "--package";
        args[(*n)++] = optarg;
        break;
    case OPT_REFRESH:
        args[(*n)++] = "--refresh";
        break;
    case OPT_TOOLS:
        args[(*n)++] = "--tools";
        break;
    default:
        args[(*n)++] = "--list";
        break;
    }
}

/* The snapshot for guests of a usual machine, so that the first of them need not wait for it. */
static void make_ahead(void)
{
    text_auto dir = {0}, why = {0};
    struct machine_config machine;
    struct snapshot usual;
    bool made;

    machine_config_default(&machine);
    usual = (struct snapshot){.features = GUEST_FEATURE_ALL,
                              .flags = machine.features,
                              .max_adapter = machine.max_adapter,
                              .max_domain = machine.max_domain};
    progress_begin("booting the Linux of which guests are copies");
    made = snapshot_get(&usual, &dir, &why);
    progress_end();
    if (!made)
        cli_note("no snapshot, so guests will boot: %s", why.data);
}

static int linux_fetch_run(int argc, char **argv)
{
    /* "--kernel=X" is one argument here and two for the script. */
    const char **args = xcalloc(2 * (size_t)argc + 2, sizeof(*args));
    text_auto program = {0};
    pid_t nobody = 0;
    int n = 1, status = 1;
    bool guests = true;

    for (int got; (got = cli_next(argc, argv)) != -1; guests &= got != OPT_LIST && got != OPT_TOOLS)
        add_word(got, args, &n);
    if (optind != argc) {
        status = cli_usage("unexpected operand '%s'", argv[optind]);
    } else if (linux_tool("fetch", &program)) {
        args[0] = program.data;
        status = program_run((char **)args, &nobody);
        if (status == 0 && guests)
            make_ahead();
    }
    free(args);
    return status;
}

static const struct cli_option host_options[] = {
    {'m', "machine", "FILE", "the machine, see apus-machine(5) (default: the worked example's)"},
    {OPT_ABI, "abi", "PROFILE", "'proposal' or 'upstream', instead of what FILE says"},
    {OPT_SIE, "sie", NULL, "the CPUs report SIE: the kernel loads KVM, and vfio_ap if it has it"},
    LINUX_OPTIONS,
    {0}};

static int parse(int argc, char **argv, struct daemon_start *how, struct linux_boot *boot)
{
    enum abi_profile profile;

    for (int got; (got = cli_next(argc, argv)) != -1;) {
        if (got == 'm')
            how->machine = optarg;
        else if (got == OPT_ABI)
            how->abi = optarg;
        else if (got == OPT_SIE)
            boot->sie = true;
        else
            linux_boot_option(got, boot);
    }
    return how->abi ? value_profile(how->abi, &profile) : 0;
}

/* Boots, and runs the program; without a program, shows the console in this terminal. */
static int run_host(struct linux_boot *boot, char **argv)
{
    int status;

    boot->console = !*argv;
    status = linux_boot(boot, NULL);
    if (status == 0 && *argv) {
        status = linux_wait(boot->dir, boot->name) ? PROGRAM_FAILED : linux_exec(boot->dir, argv);
    } else if (status && *argv) {
        status = PROGRAM_FAILED;
    }
    linux_guest_end(boot->dir);
    return status;
}

static void add_mask(const char *name, const struct mask256 *mask, struct text *out)
{
    struct mask256 all = mask256_ones();
    char text[MASK256_TEXT];

    if (mask256_equal(mask, &all))
        return;
    mask256_format(mask, text);
    text_addf(out, " ap.%s=%s", name, text);
}

/* Turns the masks and the default domain of the machine file into kernel parameters. */
static void add_parameters(const struct machine_config *machine, struct text *out)
{
    add_mask("apmask", &machine->apmask, out);
    add_mask("aqmask", &machine->aqmask, out);
    if (machine->default_domain >= 0)
        text_addf(out, " ap.domain=%d", machine->default_domain);
}

static int run_machine(struct daemon_start *how, struct linux_boot *boot, char **argv)
{
    text_auto dir = {0}, socket = {0}, parameters = {0}, program = {0};
    struct machine_config machine;
    struct runtime runtime;
    struct daemon_process daemon = DAEMON_PROCESS_INIT;
    int status;

    status = machine_load(how, &machine);
    if (status)
        return status;
    if (!part_find("daemon", &program))
        return PROGRAM_FAILED;
    how->program = program.data;
    add_parameters(&machine, &parameters);
    boot->parameters = parameters.data;
    linux_boot_limits(&machine, boot);
    if (runtime_create(&runtime, NULL, linux_guests_end) < 0)
        return PROGRAM_FAILED;
    how->socket = runtime.socket;
    text_addf(&socket, "%s.guest", runtime.socket);
    linux_guest_dir(runtime.socket, HOST, &dir);
    boot->socket = socket.data;
    boot->dir = dir.data;
    status = PROGRAM_FAILED;
    if (daemon_start(how, &daemon) == 0 && daemon_await(&daemon) == 0)
        status = run_host(boot, argv);
    daemon_end(&daemon);
    runtime_remove(&runtime);
    return status;
}

static int linux_host_run(int argc, char **argv)
{
    struct daemon_start how = {.fuse = -1, .uevents = -1, .machine_text = -1};
    struct linux_boot boot = {.name = HOST, .lpar = true};
    int status = parse(argc, argv, &how, &boot);

    argv += optind;
    if (*argv && strcmp(*argv, "--") == 0)
        argv++;
    if (status == 0 && *argv && boot.foreign)
        status = cli_usage("a program cannot be run in an initramfs of your own");
    if (status == 0)
        status = run_machine(&how, &boot, argv);
    linux_boot_done(&boot);
    return status;
}

const struct cli_command cmd_linux_fetch = {
    .name = "linux fetch",
    .args = "",
    .summary = "fetch the software for real Linux guests",
    .run = linux_fetch_run,
    .options = fetch_options,
    .group = CLI_GUESTS,
    .help =
        "Downloads QEMU, an s390x kernel, busybox and s390-tools from the Debian archive to\n"
        "$APUS_CACHE (default: ~/.cache/apus), about 250 MB. Nothing is installed, and no\n"
        "privileges are needed. Files already in the cache are not fetched again. Then a Linux\n"
        "boots once, of which guests are copies.\n"
        "\n"
        "A guest has a kernel, busybox and lszcrypt. --package adds packages of trixie and their\n"
        "dependencies to the cache; guests booted with --packages have them. Maintainer scripts\n"
        "are not run.\n"
        "\n"
        "Example:\n"
        "  apus linux fetch --package libica-utils\n"
        "  apus linux host --packages -- icainfo\n"};

const struct cli_command cmd_linux_host = {
    .name = "linux host",
    .args = "[--] [PROGRAM [ARG...]]",
    .summary = "boot a real Linux as the LPAR itself",
    .run = linux_host_run,
    .options = host_options,
    .flags = CLI_PROGRAM,
    .group = CLI_GUESTS,
    .help =
        "The kernel's AP instructions reach the machine directly, without a mediated device. It\n"
        "is the only system of the machine: there are no guests, and Apus serves no tree.\n"
        "'apus status' and 'apus se' work from other terminals.\n"
        "PROGRAM runs in it; when it ends, the machine ends. Without PROGRAM the console is shown\n"
        "in this terminal until power-off (poweroff -f, or Ctrl-a x).\n"
        "\n"
        "Masks and the default domain in FILE become kernel parameters. With --sie a kernel that\n"
        "has vfio_ap runs its own driver on this machine; guests in its KVM cannot run.\n"
        "\n"
        "Exit status: as for 'apus run'.\n"
        "\n"
        "Example:\n"
        "  apus linux host -m lab.ini -- lszcrypt -V\n"};
