/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"

static const char *const headings[CLI_GROUPS] = {
    [CLI_RUN] = "Run programs on an AP machine",
    [CLI_LOOK] = "Inspect the machine",
    [CLI_GUESTS] = "Guests",
    [CLI_MACHINE] = "Support Element, SCLP and faults",
    [CLI_OTHER] = "Other",
};

static const struct cli_option socket_option = {
    1000, "socket", "PATH",
    "the control socket (default: $APUS_SOCKET, else that of the only machine)"};
static const struct cli_option name_option = {
    'n', "name", "NAME", "the machine, as in 'apus list'; also before the command (apus -n NAME)"};
static const struct cli_option json_option = {1000, "json", NULL, "print JSON"};
static const struct cli_option help_option = {'h', "help", NULL, "show this help"};

static const char *bold(void)
{
    return cli_color() ? "\033[1m" : "";
}

static const char *plain(void)
{
    return cli_color() ? "\033[0m" : "";
}

static void heading(const char *text)
{
    printf("\n%s%s:%s\n", bold(), text, plain());
}

static void summary(const struct cli_command *c)
{
    printf("  %-18s %s\n", c->name, c->summary);
}

void cli_help_all(const struct cli_command *const *commands)
{
    puts("Usage: apus COMMAND [OPTIONS] ...\n"
         "\n"
         "Apus is the Adjunct Processor subsystem of IBM Z in user space: a machine with crypto\n"
         "adapters, the AP bus with its drivers, mediated devices and guests, which programs use\n"
         "through /sys and /dev as on IBM Z.");
    for (int group = 0; group < CLI_GROUPS; group++) {
        bool titled = false;

        for (const struct cli_command *const *c = commands; *c; c++) {
            if ((int)(*c)->group != group)
                continue;
            if (!titled)
                heading(headings[group]);
            titled = true;
            summary(*c);
        }
    }
    heading("Examples");
    puts("  apus run -- bash                        a shell on the default machine\n"
         "  apus run -m lab.ini -- ./my-test.sh     a program on a machine from a file\n"
         "  apus up lab && apus exec lab -- bash    a machine that stays, until 'apus down lab'");
    puts("\n'apus COMMAND --help' explains a command; 'apus --version' shows the version.");
}

void cli_help_family(const struct cli_command *const *commands, const char *family)
{
    size_t len = strlen(family);

    printf("Usage: apus %s COMMAND ...\n", family);
    heading("Commands");
    for (const struct cli_command *const *c = commands; *c; c++) {
        if (strncmp((*c)->name, family, len) == 0 && (*c)->name[len] == ' ')
            summary(*c);
    }
    printf("\n'apus %s COMMAND --help' explains one of them.\n", family);
}

static void option(const struct cli_option *o)
{
    char left[64];
    int len;

    len = o->letter < 256 ? snprintf(left, sizeof(left), "-%c, ", o->letter)
                          : snprintf(left, sizeof(left), "    ");
    snprintf(left + len, sizeof(left) - (size_t)len, "--%s%s%s", o->name, o->arg ? " " : "",
             o->arg ? o->arg : "");
    printf("  %-22s %s\n", left, o->text);
}

void cli_help_command(const struct cli_command *c)
{
    const char *args = c->args ? c->args : "";

    printf("Usage: apus %s [OPTIONS]%s%s\n\n%c%s.\n", c->name, *args ? " " : "", args,
           c->summary[0] - ('a' <= c->summary[0] && c->summary[0] <= 'z' ? 32 : 0), c->summary + 1);
    heading("Options");
    for (const struct cli_option *o = c->options; o && o->name; o++)
        option(o);
    if (c->flags & CLI_SOCKET) {
        option(&name_option);
        option(&socket_option);
    }
    if (c->flags & CLI_JSON)
        option(&json_option);
    option(&help_option);
    if (c->help)
        printf("\n%s", c->help);
}
