/* SPDX-License-Identifier: MIT */
#include "cli/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "apus/guest_protocol.h"
#include "base/error.h"
#include "cli/linux.h"
#include "cli/linux_files.h"
#include "cli/qmp.h"
#include "cli/visit.h"
#include "guest/client.h"
#include "run/program.h"

#define MATRIX    "/sys/devices/vfio_ap/matrix/"
#define ANSWER_MS 5000
#define SEED_SIZE 32
/* Bytes of a path for a socket in the directory, as linux/boot has it. */
#define DIR_MAX 90

/* A copy that is being started: its files in dir, of which the lock goes on into QEMU. */
struct copy {
    const struct linux_boot *boot;
    const char *snapshot;
    int lock, begin;
    bool ours;         /* the directory: no other guest runs there */
    struct text words; /* QEMU's, each ended by a null byte */
};

static bool fail(const char *what, const char *path, struct text *why)
{
    text_addf(why, "cannot %s %s: %s", what, path, error_text(errno));
    return false;
}

static void path_of(const struct copy *c, const char *name, struct text *out)
{
    text_clear(out);
    text_addf(out, "%s/%s", c->boot->dir, name);
}

/* Whether the daemon answers, and which features it has. */
static bool ask_features(const struct linux_boot *boot, uint32_t *out, struct text *why)
{
    const struct guest_hello hello = {.version = GUEST_PROTOCOL_VERSION,
                                      .role = GUEST_ROLE_NONE,
                                      .features = GUEST_FEATURE_ALL,
                                      .name = ""};
    char error[GUEST_ERROR_MAX];
    struct guest_client *client;

    if (guest_client_open(boot->socket, &hello, ANSWER_MS, &client, error) < 0) {
        text_adds(why, error);
        return false;
    }
    *out = guest_client_features(client);
    guest_client_close(client);
    return true;
}

/* Appends a word with its placeholders replaced. */
static void add_word(const struct copy *c, const char *word, struct text *out)
{
    const struct {
        const char *name, *value;
    } all[] = {{"@SNAPSHOT@", c->snapshot},
               {"@RUN@", c->boot->dir},
               {"@NAME@", c->boot->name},
               {"@SOCKET@", c->boot->socket}};

    while (*word) {
        size_t i = 0;

        while (i < 4 && strncmp(word, all[i].name, strlen(all[i].name)) != 0)
            i++;
        text_add(out, i < 4 ? all[i].value : word, i < 4 ? strlen(all[i].value) : 1);
        word += i < 4 ? strlen(all[i].name) : 1;
    }
    text_add(out, "", 1);
}

static bool read_words(struct copy *c, struct text *why)
{
    text_auto path = {0}, file = {0};

    text_addf(&path, "%s/copy", c->snapshot);
    if (!linux_read(path.data, &file))
        return fail("read", path.data, why);
    for (size_t at = 0; at < file.len; at += strlen(file.data + at) + 1)
        add_word(c, file.data + at, &c->words);
    return true;
}

/* Takes the lock, which says that a guest is running here. It is inherited by QEMU. */
static bool take_lock(struct copy *c, struct text *why)
{
    text_auto path = {0};

    if (strlen(c->boot->dir) >= DIR_MAX) {
        text_addf(why, "%s is too long for a socket path", c->boot->dir);
        return false;
    }
    if (mkdir(c->boot->dir, 0700) < 0 && errno != EEXIST)
        return fail("create", c->boot->dir, why);
    path_of(c, "lock", &path);
    c->lock = open(path.data, O_RDWR | O_CREAT, 0600);
    if (c->lock < 0 || flock(c->lock, LOCK_EX | LOCK_NB) < 0)
        return fail("lock", path.data, why);
    c->ours = true;
    return true;
}

/* The console begins with what the snapshot's has shown. */
static bool write_console(const struct copy *c, struct text *why)
{
    text_auto from = {0}, to = {0}, log = {0};
    bool written;
    int fd;

    text_addf(&from, "%s/console.log", c->snapshot);
    path_of(c, "console.log", &to);
    if (!linux_read(from.data, &log))
        return fail("read", from.data, why);
    fd = open(to.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    written = fd >= 0 && write(fd, log.data, log.len) == (ssize_t)log.len;
    if (fd >= 0)
        close(fd);
    return written || fail("write", to.data, why);
}

static bool make_pipe(const struct copy *c, const char *name, struct text *path, struct text *why)
{
    path_of(c, name, path);
    unlink(path->data);
    return mkfifo(path->data, 0600) == 0 || fail("create", path->data, why);
}

static bool make_files(struct copy *c, struct text *why)
{
    text_auto path = {0};

    if (!take_lock(c, why) || !write_console(c, why))
        return false;
    if (c->boot->lpar && !make_pipe(c, "rescan", &path, why))
        return false;
    if (!make_pipe(c, "begin", &path, why))
        return false;
    /* Open for reading, too, so that it does not wait for QEMU. */
    c->begin = open(path.data, O_RDWR | O_CLOEXEC);
    return c->begin >= 0 || fail("open", path.data, why);
}

/* Starts QEMU in the background. */
static bool run_qemu(const struct copy *c, const struct runtime_machine *machine, struct text *why)
{
    static const char script[] = "setsid \"$@\" </dev/null >\"$0/qemu.log\" 2>&1 &";
    size_t count = 0, n = 0;
    pid_t nobody = 0;
    const char **args;
    int status;

    for (size_t at = 0; at < c->words.len; at += strlen(c->words.data + at) + 1)
        count++;
    args = xcalloc(count + 5, sizeof(*args));
    args[n++] = "/bin/sh";
    args[n++] = "-c";
    args[n++] = script;
    args[n++] = c->boot->dir;
    for (size_t at = 0; at < c->words.len; at += strlen(c->words.data + at) + 1)
        args[n++] = c->words.data + at;
    status = machine ? visit_run(machine, (char **)args) : program_run((char **)args, &nobody);
    free(args);
    if (status)
        text_adds(why, "QEMU cannot be started");
    return status == 0;
}

/* Waits until the copy runs. */
static bool await(const struct copy *c, struct text *why)
{
    text_auto device = {0}, said = {0};

    if (c->boot->mdev)
        text_addf(&device, MATRIX "%s", c->boot->mdev);
    if (qmp_await(c->boot->dir, device.data, why))
        return true;
    linux_last_words(c->boot->dir, true, &said);
    if (said.len)
        text_addf(why, ": %s", said.data);
    return false;
}

/* Tells it who it is (linux/guest/begin.h). */
static bool tell(const struct copy *c, struct text *why)
{
    uint8_t seed[SEED_SIZE];
    text_auto line = {0};
    struct timespec now;

    if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
        return fail("read", "random numbers", why);
    clock_gettime(CLOCK_REALTIME, &now);
    text_addf(&line, "begin %s %lld.%09ld ", c->boot->name, (long long)now.tv_sec, now.tv_nsec);
    text_add_hex(&line, seed, sizeof(seed));
    text_adds(&line, c->boot->parameters ? c->boot->parameters : "");
    text_adds(&line, "\n");
    return write(c->begin, line.data, line.len) == (ssize_t)line.len ||
           fail("write to", "the guest", why);
}

static void close_if_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

/* The lock is QEMU's alone as soon as it runs. */
static bool start(struct copy *c, const struct runtime_machine *machine, struct text *why)
{
    bool runs = read_words(c, why) && make_files(c, why) && run_qemu(c, machine, why);

    close_if_open(c->lock);
    runs = runs && await(c, why) && tell(c, why);
    close_if_open(c->begin);
    text_done(&c->words);
    return runs;
}

bool copy_start(const struct linux_boot *boot, const struct snapshot *of,
                const struct runtime_machine *machine, struct text *why)
{
    struct snapshot system = *of;
    text_auto snapshot = {0};
    struct copy copy = {.boot = boot, .lock = -1, .begin = -1};
    bool runs;

    if (!ask_features(boot, &system.features, why) || !snapshot_get(&system, &snapshot, why))
        return false;
    copy.snapshot = snapshot.data;
    runs = start(&copy, machine, why);
    if (!runs && copy.ours)
        linux_guest_end(boot->dir);
    return runs;
}
