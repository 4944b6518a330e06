/* SPDX-License-Identifier: MIT */
#include "daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/error.h"
#include "base/slice.h"
#include "daemon/confine.h"
#include "daemon/internal.h"
#include "store/machine_file.h"

static void on_timer(void *data, uint32_t id)
{
    struct daemon *d = data;
    struct command command = {.kind = CMD_TIMER, .timer = {.id = id}};
    struct reply reply = {0};

    daemon_execute(&d->door, &command, &reply);
    reply_done(&reply);
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
    struct daemon *d = data;

    return sd_event_exit(d->event, 0);
}

static const int ending[] = {SIGTERM, SIGINT, SIGHUP};

/* SIGHUP does not end a daemon that was started with it ignored (nohup). */
static bool ends_us(int number)
{
    struct sigaction action;

    return number != SIGHUP || sigaction(number, NULL, &action) < 0 || action.sa_handler != SIG_IGN;
}

/* Called before any thread starts, so that all threads inherit the mask. SIGPIPE (the peer has
 * gone) and SIGXFSZ (RLIMIT_FSIZE) are ignored: the write returns an error instead. */
static void block_signals(void)
{
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
        if (ends_us(ending[i]))
            sigaddset(&set, ending[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

static int watch_signals(struct daemon *d)
{
    int rc = 0;

    for (size_t i = 0; rc >= 0 && i < sizeof ending / sizeof *ending; i++)
        if (ends_us(ending[i]))
            rc = sd_event_add_signal(d->event, NULL, ending[i], on_signal, d);
    return rc;
}

/* Clients can make the daemon hold many descriptors, so raise the soft limit to the hard one. */
static void raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int open_loop(struct daemon *d, struct text *why)
{
    int rc = sd_event_new(&d->event);

    if (rc >= 0)
        rc = watch_signals(d);
    if (rc >= 0)
        rc = service_watchdog(d->event, why);
    if (rc >= 0)
        rc = daemon_starter_watch(d);
    if (rc >= 0)
        rc = sd_event_add_defer(d->event, &d->sweeper, daemon_mount_sweep, d);
    if (rc >= 0)
        rc = sd_event_source_set_enabled(d->sweeper, SD_EVENT_OFF);
    if (rc >= 0)
        rc = clock_init(&d->clock, d->event, d->options->virtual_clock, on_timer, d);
    if (rc < 0 && !why->len)
        text_addf(why, "cannot set up the event loop: %s", error_text(-rc));
    return rc;
}

/* As control_server_wants_uevents, but before the core exists. */
static bool is_small(const struct machine_config *machine)
{
    unsigned adapters = 0;

    for (unsigned apid = 0; apid < AP_IDS; apid++)
        adapters += machine->adapters[apid].type && machine->adapters[apid].in_lpar;
    return adapters * mask256_count(&machine->usage) <= CONTROL_REMEMBER_QUEUES;
}

/* A machine file may say what the Support Element would not allow [se-usage-is-control]. */
static void warn_of_control_domains(struct daemon *d, const struct machine_config *machine)
{
    struct mask256 lacking = mask256_andnot(machine->usage, machine->control);
    text_auto list = {0};

    mask256_for_each (domain, &lacking)
        text_addf(&list, " 0x%02x", domain);
    if (list.len)
        daemon_log(d, LOG_LEVEL_WARNING,
                   "usage domains that are no control domains, as no Support Element allows:%s",
                   list.data);
}

/* A recording begins with a machine on which nothing runs yet. */
static int check_record(const struct daemon *d, const struct setup *setup, struct text *why)
{
    if (!d->options->record || !setup->count)
        return 0;
    text_addf(
        why, "%s has more than the hardware: a recording begins with [machine] and [adapter] alone",
        setup->name);
    return -EINVAL;
}

static int open_record(struct daemon *d, struct text *why)
{
    const struct daemon_options *o = d->options;

    return o->record ? record_open(o->record, o->record_mode, o->record_keys, &d->record, why) : 0;
}

static int open_core(struct daemon *d, const struct setup *setup, struct text *why)
{
    int rc = d->options->state ? daemon_state_open(d, setup, why)
                               : setup_core(setup, &d->door.core, &d->effects, why);

    if (rc >= 0 && d->options->fuse_fd >= 0)
        core_keep_dirs(d->door.core);
    return rc;
}

static int daemon_open(struct daemon *d, const struct setup *setup, struct text *why)
{
    const struct machine_config *machine = &setup->machine;
    int rc = open_loop(d, why);

    if (rc < 0)
        return rc;
    d->door.execute = daemon_execute;
    d->door.log = daemon_door_log;
    d->effects.now = clock_now(&d->clock);
    d->effects.want_uevents = d->options->uevent_fd >= 0 || d->options->record || is_small(machine);
    rc = service_sockets(&d->sockets, why);
    if (rc >= 0)
        rc = check_record(d, setup, why);
    if (rc < 0)
        return rc;
    rc = daemon_dev_links_open(d, why);
    if (rc >= 0)
        rc = daemon_heir_start(d, why);
    if (rc >= 0)
        rc = daemon_pid_file_open(d, why);
    if (rc >= 0)
        rc = open_record(d, why);
    if (rc >= 0)
        rc = open_core(d, setup, why);
    if (rc >= 0)
        rc = daemon_front_ends_open(d, why);
    if (rc >= 0)
        rc = daemon_pid_file_write(d, why);
    if (rc >= 0 && d->state)
        rc = daemon_state_begin(d, why);
    /* Last: a start that is refused leaves the file as it was. */
    if (rc >= 0)
        rc = record_begin(d->record, machine, d->door.core, &d->effects, why);
    if (rc < 0)
        return rc;
    daemon_state_reserve_events(d);
    daemon_spread(d);
    if (d->options->mount)
        daemon_dev_nodes_update(d);
    warn_of_control_domains(d, machine);
    daemon_warn_of_propagation(d);
    return 0;
}

static void close_record(struct daemon *d)
{
    text_auto why = {0};

    if (record_close(d->record, &why) < 0)
        daemon_log(d, LOG_LEVEL_ERROR, "%s", why.data);
    d->record = NULL;
}

/* What others can see of us goes at once, and they learn why we do not. */
static void on_stuck(void *data)
{
    struct daemon *d = data;

    daemon_print(
        d, LOG_LEVEL_ERROR,
        "cannot end yet: a program is in the middle of reading a directory of the tree, into "
        "memory that does not answer; kill that program");
    control_server_stop(d->control);
    daemon_pid_file_close(d);
    close_record(d);
}

static void daemon_close(struct daemon *d)
{
    struct fuse_hub *hub = d->hub;
    struct seccomp *seccomp = d->seccomp;
    struct cuse *cuse = d->cuse;

    daemon_metrics_close(d);
    daemon_counts_keep(d);
    daemon_guests_close(d);
    /* Freeing these cancels the pending commands, which executes commands: the core must still
     * exist, and effects must no longer reach what is being freed. */
    d->seccomp = NULL;
    seccomp_free(seccomp);
    d->cuse = NULL;
    cuse_free(cuse);
    while (d->mounts)
        daemon_mount_drop(d, d->mounts->tree);
    d->hub = NULL;
    if (hub)
        fuse_hub_free(hub, on_stuck, d);
    adapters_free(d->adapters);
    d->adapters = NULL;
    uevent_sender_free(d->uevents);
    d->uevents = NULL;
    daemon_studies_end(d);
    if (d->started)
        daemon_state_keep_events(d);
    control_server_free(d->control);
    d->control = NULL;
    if (d->door.core)
        core_free(d->door.core);
    close_record(d);
    daemon_pid_file_close(d);
    if (d->started)
        daemon_dev_links_remove(d);
    daemon_heir_dismiss(d);
    if (d->dev_links_fd >= 0)
        close(d->dev_links_fd);
    if (d->started)
        state_close(d->state);
    else
        state_discard(d->state);
    clock_done(&d->clock);
    sd_event_source_disable_unref(d->sweeper);
    sd_event_source_disable_unref(d->starter);
    sd_event_unref(d->event);
    effects_done(&d->effects);
    text_done(&d->early);
    free(d->dev_nodes);
}

static int load_machine(const struct daemon_options *o, struct setup *setup, struct text *why)
{
    char inherited[32];
    text_auto data = {0};
    int rc;

    *setup = (struct setup){0};
    machine_config_default(&setup->machine);
    if (!o->machine)
        return 0;
    snprintf(inherited, sizeof inherited, "/proc/self/fd/%d", o->machine_fd);
    rc = machine_file_read(o->machine_fd < 0 ? o->machine : inherited, &data, why);
    if (o->machine_fd >= 0)
        close(o->machine_fd);
    if (rc < 0)
        return rc;
    return setup_parse(machine_file_name(o->machine), data.data ? data.data : "", data.len, setup,
                       why);
}

static void log_lines(struct daemon *d, const struct text *lines)
{
    struct slice rest = {lines->data, lines->len}, line;

    while (slice_line(&rest, &line))
        daemon_log(d, LOG_LEVEL_WARNING, "%.*s", (int)line.len, line.at);
}

static void log_doubts(struct daemon *d, const struct machine_config *machine)
{
    text_auto doubts = {0};

    if (d->options->machine)
        machine_file_doubts(machine_file_name(d->options->machine), machine, &doubts);
    log_lines(d, &doubts);
}

static void confine_daemon(struct daemon *d)
{
    text_auto doubts = {0};

    confine(d->options, &doubts);
    log_lines(d, &doubts);
}

static void tell_ready(const struct daemon_options *o)
{
    if (o->starter_fd < 0)
        service_ready(false);
    if (o->ready_fd < 0) {
        puts("ready");
        fflush(stdout);
        return;
    }
    /* An error is ignored: the parent may have gone, and the daemon serves without it. */
    if (write(o->ready_fd, "r", 1) < 0)
        errno = 0;
    close(o->ready_fd);
}

/* What slow clients have not read lies in large blocks that come and go. By default the C library
 * soon takes these from the heap, which is then full of holes and never shrinks. */
static void return_large_blocks(void)
{
    mallopt(M_MMAP_THRESHOLD, 64 << 10);
    mallopt(M_TRIM_THRESHOLD, 1 << 20);
}

int daemon_run(const struct daemon_options *options)
{
    struct daemon d = {.options = options,
                       .sockets = {-1, -1},
                       .dev_links_fd = AT_FDCWD,
                       .journal = service_has_journal()};
    setup_auto setup = {0};
    text_auto why = {0}, line = {0};
    int rc;

    daemon_watch_memory(&d);
    /* Before signals are blocked: a FIFO can take for ever. */
    rc = load_machine(options, &setup, &why);
    if (options->has_abi)
        setup.machine.abi = options->abi;
    block_signals();
    raise_descriptors();
    return_large_blocks();
    if (rc == 0)
        rc = daemon_open(&d, &setup, &why);
    d.started = rc == 0;
    if (d.started) {
        confine_daemon(&d);
        log_doubts(&d, &setup.machine);
        tell_ready(options);
        rc = daemon_loop(&d);
        if (rc < 0)
            text_addf(&why, "the event loop failed: %s", error_text(-rc));
        service_stopping();
    }
    daemon_close(&d);
    daemon_unwatch_memory();
    if (rc < 0) {
        text_add_line(&line, why.data ? why.data : error_text(-rc));
        fprintf(stderr, "%s%s\n", d.journal ? SD_ERR : "apus: ", line.data);
    }
    return rc < 0 ? 1 : 0;
}
