/* SPDX-License-Identifier: MIT */
/* apus top: what queues and guests do now. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/connection.h"
#include "cli/field.h"
#include "cli/value.h"
#include "control/json.h"

enum { OPT_ONCE = 256, OPT_INTERVAL };

static const struct cli_option options[] = {
    {OPT_ONCE, "once", NULL, "show it once, without a terminal"},
    {OPT_INTERVAL, "interval", "SECONDS", "between two looks, 0.1 to 3600 (default: 1)"},
    {0}};

struct request {
    bool once;
    double interval;
};

static int parse(int argc, char **argv, struct request *r)
{
    char *end;

    for (int got; (got = cli_next(argc, argv)) != -1;) {
        if (got == OPT_ONCE) {
            r->once = true;
            continue;
        }
        r->interval = strtod(optarg, &end);
        if (end == optarg || *end || !(r->interval >= 0.1 && r->interval <= 3600))
            return cli_usage("--interval takes seconds from 0.1 to 3600, not '%s'", optarg);
    }
    if (cli_machine_operand(argc, argv))
        return 2;
    if (!r->once && !cli_json() && !isatty(STDOUT_FILENO))
        return cli_usage("standard output is no terminal; use --once or --json");
    return 0;
}

/* All pages as one; NULL after an error message. */
static json_t *look(struct connection *c)
{
    json_t *all = connection_call(c, "metrics", NULL, -1), *next = json_object_get(all, "next");

    while (json_is_integer(next)) {
        json_t *more = connection_call(c, "metrics", json_pack("{s:O}", "from", next), -1);

        if (!more) {
            json_decref(all);
            return NULL;
        }
        json_array_extend(json_object_get(all, "queues"), json_object_get(more, "queues"));
        control_json_set(all, "next", json_incref(json_object_get(more, "next")));
        next = json_object_get(all, "next");
        json_decref(more);
    }
    json_object_del(all, "next");
    return all;
}

/* The entries of the list before, by name. */
static json_t *index_of(const json_t *list, const char *key)
{
    json_t *by_name = json_object(), *entry;
    size_t i;

    json_array_foreach (list, i, entry)
        control_json_set(by_name, field_string(entry, key, "?"), json_incref(entry));
    return by_name;
}

/* What is new counts from zero. */
static void add_rate(json_t *now, const json_t *before, const char *count, const char *rate,
                     double seconds)
{
    double grown = (double)(field_number(now, count) - field_number(before, count));

    control_json_set(now, rate, json_real(seconds > 0 && grown > 0 ? grown / seconds : 0));
}

static void add_rates(json_t *now, const json_t *before, const char *list, const char *key)
{
    double seconds = json_number_value(json_object_get(now, "time")) -
                     json_number_value(json_object_get(before, "time"));
    json_t *old = index_of(json_object_get(before, list), key), *entry;
    size_t i;

    json_array_foreach (json_object_get(now, list), i, entry) {
        const json_t *was = json_object_get(old, field_string(entry, key, "?"));

        add_rate(entry, was, "requests", "requests_per_second", seconds);
        add_rate(entry, was, "errors", "errors_per_second", seconds);
    }
    json_decref(old);
}

static double rate_of(const json_t *entry, const char *name)
{
    return json_number_value(json_object_get(entry, name));
}

static int busier(const void *a, const void *b)
{
    double x = rate_of(*(json_t *const *)a, "requests_per_second");
    double y = rate_of(*(json_t *const *)b, "requests_per_second");

    return x < y ? 1 : x > y ? -1 : 0;
}

/* A rate with three digits. */
static void add_number(struct table *t, double rate)
{
    table_addf(t, rate > 0 && rate < 10 ? "%.1f" : "%.0f", rate);
}

static void add_responses(struct table *t, const json_t *entry)
{
    text_auto words = {0};
    const json_t *response;
    size_t i;

    json_array_foreach (json_object_get(entry, "responses"), i, response)
        text_addf(&words, "%s%s:%lld", i ? " " : "", field_string(response, "code", "?"),
                  field_number(response, "count"));
    table_add(t, words.len ? words.data : "-");
}

/* The busiest first, as many as there is room for. */
static void print_counts(const json_t *list, const char *key, const char *title, size_t room)
{
    static const char *const heading[] = {"REQ/S",    "ERR/S",  "PENDING",
                                          "REQUESTS", "ERRORS", "RESPONSES"};
    struct table table = {.columns = 7};
    size_t count = json_array_size(list), shown = count < room ? count : room;
    json_t **sorted = xcalloc(count + 1, sizeof(*sorted));

    for (size_t i = 0; i < count; i++)
        sorted[i] = json_array_get(list, i);
    qsort(sorted, count, sizeof(*sorted), busier);
    table_add(&table, title);
    for (size_t i = 0; i < sizeof(heading) / sizeof(*heading); i++)
        table_add(&table, heading[i]);
    for (size_t i = 0; i < shown; i++) {
        table_add(&table, field_string(sorted[i], key, "?"));
        add_number(&table, rate_of(sorted[i], "requests_per_second"));
        add_number(&table, rate_of(sorted[i], "errors_per_second"));
        table_addf(&table, "%lld", field_number(sorted[i], "pending"));
        table_addf(&table, "%lld", field_number(sorted[i], "requests"));
        table_addf(&table, "%lld", field_number(sorted[i], "errors"));
        add_responses(&table, sorted[i]);
    }
    table_print(&table, 0);
    if (shown < count)
        printf("and %zu more\n", count - shown);
    free(sorted);
}

static void print_mdevs(const json_t *mdevs, size_t room)
{
    struct table table = {.columns = 4};
    const json_t *m;
    size_t i;

    table_add(&table, "DEVICE");
    table_add(&table, "GUEST");
    table_add(&table, "PLUGGED");
    table_add(&table, "WITHHELD");
    json_array_foreach (mdevs, i, m) {
        if (i == room)
            break;
        table_add(&table, field_string(m, "uuid", "?"));
        table_add(&table, field_string(m, "guest", "-"));
        table_addf(&table, "%lld", field_number(m, "plugged"));
        table_addf(&table, "%lld", field_number(m, "withheld"));
    }
    table_print(&table, 0);
    if (json_array_size(mdevs) > room)
        printf("and %zu more\n", json_array_size(mdevs) - room);
}

static size_t terminal_lines(void)
{
    struct winsize size;

    return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row
               ? size.ws_row
               : 24;
}

static double sum(const json_t *list, const char *rate)
{
    const json_t *entry;
    double total = 0;
    size_t i;

    json_array_foreach (list, i, entry)
        total += rate_of(entry, rate);
    return total;
}

/* Headings, blank lines, what says how many more there are, and the cursor take eleven lines;
 * guests and devices a quarter of the rest each. */
static void print(const json_t *now, bool all)
{
    const json_t *queues = json_object_get(now, "queues");
    size_t lines = terminal_lines(), rest = lines > 15 ? lines - 11 : 4;
    size_t few = all ? SIZE_MAX : rest / 4;

    printf("%.1f requests and %.1f errors a second, %zu queues used, after %.1f s\n\n",
           sum(queues, "requests_per_second"), sum(queues, "errors_per_second"),
           json_array_size(queues), json_number_value(json_object_get(now, "time")));
    print_counts(queues, "queue", "QUEUE", all ? SIZE_MAX : rest / 2);
    putchar('\n');
    print_counts(json_object_get(now, "guests"), "guest", "GUEST", few);
    putchar('\n');
    print_mdevs(json_object_get(now, "mdevs"), few);
}

static void show(const struct request *r, const json_t *now)
{
    if (cli_json()) {
        ask_print(now);
        return;
    }
    if (!r->once)
        fputs("\033[H\033[2J", stdout);
    print(now, r->once);
    fflush(stdout);
}

static int follow(const struct request *r, struct connection *c)
{
    const struct timespec pause = {.tv_sec = (time_t)r->interval,
                                   .tv_nsec =
                                       (long)((r->interval - (double)(time_t)r->interval) * 1e9)};
    json_t *last = look(c), *now = last;

    while (now && !ferror(stdout)) {
        nanosleep(&pause, NULL);
        now = look(c);
        if (!now)
            break;
        add_rates(now, last, "queues", "queue");
        add_rates(now, last, "guests", "guest");
        show(r, now);
        json_decref(last);
        last = now;
        if (r->once)
            break;
    }
    json_decref(last);
    return now ? 0 : 1;
}

static int top_run(int argc, char **argv)
{
    struct request r = {.interval = 1};
    connection_auto *c = NULL;
    const char *path;
    int status = parse(argc, argv, &r);

    if (status)
        return status;
    path = cli_socket();
    return path && connection_open(path, &c) == 0 ? follow(&r, c) : 1;
}

const struct cli_command cmd_top = {
    .name = "top",
    .args = "[NAME]",
    .summary = "show what queues and guests do, as it happens",
    .run = top_run,
    .options = options,
    .flags = CLI_SOCKET | CLI_JSON,
    .words = "@machines",
    .group = CLI_LOOK,
    .help =
        "Requests and errors a second of each queue that was used and of each guest, the busiest\n"
        "first, what is pending, all since the machine started, and the response codes other than\n"
        "00; how many queues each mediated device passes to its guest, and how many are withheld.\n"
        "A second is one of the machine's clock. It runs until it is interrupted; --once samples\n"
        "twice and shows all rows. --json prints an object for each sample: what the command\n"
        "metrics of the control protocol returns, with requests_per_second and errors_per_second.\n"
        "\n"
        "Examples:\n"
        "  apus top\n"
        "  apus top lab --once\n"};
