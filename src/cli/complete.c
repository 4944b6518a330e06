/* SPDX-License-Identifier: MIT */
#include "cli/complete.h"

#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "control/command.h"

/* The command that the words begin with. used: the number of words of its name. */
static const struct cli_command *find(const struct cli_command *const *commands, int count,
                                      char **words, int *used)
{
    for (const struct cli_command *const *c = commands; *c; c++) {
        const char *blank = strchr((*c)->name, ' ');
        size_t first = blank ? (size_t)(blank - (*c)->name) : strlen((*c)->name);

        if (count < (blank ? 2 : 1) || strlen(words[0]) != first ||
            strncmp(words[0], (*c)->name, first) != 0)
            continue;
        if (blank && strcmp(words[1], blank + 1) != 0)
            continue;
        *used = blank ? 2 : 1;
        return *c;
    }
    return NULL;
}

static void offer(const char *candidate, size_t len, const char *start)
{
    if (len >= strlen(start) && strncmp(candidate, start, strlen(start)) == 0)
        printf("%.*s\n", (int)len, candidate);
}

/* Offers first words of commands; with a family, its second words. */
static void offer_commands(const struct cli_command *const *commands, const char *family,
                           const char *start)
{
    const char *last = "";
    size_t last_len = 0;

    for (const struct cli_command *const *c = commands; *c; c++) {
        const char *name = (*c)->name;
        size_t len = strcspn(name, " ");

        if (family) {
            if (len == strlen(family) && strncmp(name, family, len) == 0 && name[len])
                offer(name + len + 1, strlen(name + len + 1), start);
        } else if (len != last_len || strncmp(name, last, len) != 0) {
            offer(name, len, start);
        }
        last = name;
        last_len = len;
    }
}

static void offer_option(const char *name, const char *start)
{
    char option[64];

    snprintf(option, sizeof(option), "--%s", name);
    offer(option, strlen(option), start);
}

static void offer_options(const struct cli_command *c, const char *start)
{
    for (const struct cli_option *o = c->options; o && o->name; o++)
        offer_option(o->name, start);
    if (c->flags & CLI_SOCKET) {
        offer_option("name", start);
        offer_option("socket", start);
    }
    if (c->flags & CLI_JSON)
        offer_option("json", start);
    offer_option("help", start);
}

/* Commands of the control protocol. */
static void offer_calls(const char *start)
{
    for (unsigned group = 0; control_commands[group]; group++)
        for (const struct control_command *c = control_commands[group]; c->name; c++)
            offer(c->name, strlen(c->name), start);
}

/* Offers the words up to the next slash. */
static void offer_words(const char *words, const char *start)
{
    while (words && *words && *words != '/') {
        size_t len = strcspn(words, " /");

        if (strncmp(words, "@calls", len) == 0 && len == 6)
            offer_calls(start);
        else if (words[0] == '@')
            printf("%.*s\n", (int)len, words);
        else
            offer(words, len, start);
        words += len + (words[len] == ' ');
    }
}

/* The words for the operand with that index. */
static const char *words_at(const char *words, int operands)
{
    if (!words || !strchr(words, '/'))
        return words;
    for (; operands > 0 && words; operands--)
        words = strchr(words, '/') ? strchr(words, '/') + 1 : NULL;
    return words;
}

/* The option of the command that word is, if it takes a value; else NULL. */
static const struct cli_option *valued(const struct cli_command *c, const char *word)
{
    static const struct cli_option socket = {256, "socket", "PATH", NULL};
    static const struct cli_option name = {'n', "name", "NAME", NULL};

    if ((c->flags & CLI_SOCKET) && strcmp(word, "--socket") == 0)
        return &socket;
    if ((c->flags & CLI_SOCKET) && (strcmp(word, "--name") == 0 || strcmp(word, "-n") == 0))
        return &name;
    for (const struct cli_option *o = c->options; o && o->name; o++) {
        if (!o->arg)
            continue;
        if (word[0] == '-' && word[1] == o->letter && !word[2])
            return o;
        if (strncmp(word, "--", 2) == 0 && strcmp(word + 2, o->name) == 0)
            return o;
    }
    return NULL;
}

static void offer_values(const struct cli_option *o, const char *start)
{
    static const struct {
        const char *option, *words;
    } known[] = {
        {"abi", "proposal upstream"},
        {"clock", "real virtual"},
        {"ioctl", "fuse notify"},
        {"name", "@machines"},
        {"nodes", "cuse"},
        {"record-keys", "yes no"},
        {"seccomp", "kill log off"},
        {"cpu", "ap=off apft=off apqci=off apqi=off"},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (strcmp(o->name, known[i].option) == 0)
            offer_words(known[i].words, start);
    if (strcmp(o->arg, "FILE") == 0 || strcmp(o->arg, "DIR") == 0 || strcmp(o->arg, "PATH") == 0)
        puts("@files");
}

/* Offers the values of an option, if the last word is a value; returns whether it is. Bash splits
 * --abi=upstream into three words. */
static bool complete_value(const struct cli_command *c, int count, char **words)
{
    bool at_sign = strcmp(words[count - 1], "=") == 0;
    int before = at_sign                                           ? count - 2
                 : count > 2 && strcmp(words[count - 2], "=") == 0 ? count - 3
                                                                   : count - 2;
    const struct cli_option *o = before >= 0 ? valued(c, words[before]) : NULL;

    if (!o)
        return false;
    offer_values(o, at_sign ? "" : words[count - 1]);
    return true;
}

/* The number of operands before the last word. *program: "--" is among these words, so the last
 * word belongs to another command line. */
static int count_operands(const struct cli_command *c, int count, char **words, bool *program)
{
    int operands = 0;

    *program = false;
    for (int i = 0; i < count - 1; i++) {
        if (strcmp(words[i], "--") == 0 && (c->flags & CLI_PROGRAM))
            *program = true;
        else if (valued(c, words[i]))
            i += i + 1 < count - 1 && strcmp(words[i + 1], "=") == 0 ? 2 : 1;
        else if (words[i][0] != '-')
            operands++;
    }
    return operands;
}

int cli_complete(const struct cli_command *const *commands, int count, char **words)
{
    const struct cli_command *c;
    int used, operands;
    bool program;

    if (count > 2 && strcmp(words[0], "-n") == 0) {
        words += 2;
        count -= 2;
    }
    if (count < 1)
        return 0;
    c = find(commands, count - 1, words, &used);
    if (!c) {
        if (count <= 2)
            offer_commands(commands, count == 2 ? words[0] : NULL, words[count - 1]);
        return 0;
    }
    words += used;
    count -= used;
    operands = count_operands(c, count, words, &program);
    if (program)
        puts("@commands");
    else if (complete_value(c, count, words))
        return 0;
    else if (words[count - 1][0] == '-')
        offer_options(c, words[count - 1]);
    else if (strcmp(c->name, "help") == 0)
        offer_commands(commands, operands ? words[count - 2] : NULL, words[count - 1]);
    else if ((c->flags & CLI_PROGRAM) && operands >= (c->words != NULL))
        puts("@commands");
    else
        offer_words(words_at(c->words, operands), words[count - 1]);
    return 0;
}
