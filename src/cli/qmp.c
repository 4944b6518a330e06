/* SPDX-License-Identifier: MIT */
#include "cli/qmp.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/connection.h"
#include "cli/field.h"
#include "cli/linux.h"

#define DEVICE     "apus" /* what linux/boot calls it */
#define MATRIX     "/sys/devices/vfio_ap/matrix/"
#define ANSWER_SEC 30
#define POLL_MS    3
#define POLLS      5000

struct qmp {
    const char *guest;
    struct text *why; /* takes error messages; NULL: they are printed */
    bool starts;      /* QEMU was just started, so its monitor comes while it runs */
    FILE *in;
    bool deleted; /* our device is gone: the event comes before the answer or after it */
};

static int refuse(const struct qmp *q, int err, const char *why)
{
    if (!q->why)
        return cli_error(err, "QEMU of guest '%s': %s", q->guest, why);
    text_clear(q->why);
    text_adds(q->why, why);
    return 1;
}

static bool tells_deletion(const json_t *message)
{
    const json_t *data = json_object_get(message, "data");

    return strcmp(field_string(message, "event", ""), "DEVICE_DELETED") == 0 &&
           strcmp(field_string(data, "device", ""), DEVICE) == 0;
}

/* The next object, or NULL after an error message. */
static json_t *receive(struct qmp *q)
{
    json_t *message = json_loadf(q->in, JSON_DISABLE_EOF_CHECK, NULL);

    if (json_is_object(message)) {
        q->deleted |= tells_deletion(message);
        return message;
    }
    json_decref(message);
    if (feof(q->in))
        refuse(q, EPIPE, "it closed its monitor");
    else
        refuse(q, ETIMEDOUT, "its monitor does not answer");
    return NULL;
}

/* The next object that is no event, or NULL after an error message. */
static json_t *receive_answer(struct qmp *q)
{
    json_t *message = receive(q);

    while (message && json_object_get(message, "event")) {
        json_decref(message);
        message = receive(q);
    }
    return message;
}

static int send_request(const struct qmp *q, const json_t *request)
{
    char *text = json_dumps(request, 0);
    ssize_t n = send(fileno(q->in), text, strlen(text), MSG_NOSIGNAL);

    free(text);
    return n < 0 ? refuse(q, errno, error_text(errno)) : 0;
}

/* Executes a command, whose value is *out, if not NULL. Takes ownership of arguments. */
static int ask_monitor(struct qmp *q, const char *command, json_t *arguments, json_t **out)
{
    json_t *request = json_pack("{s:s, s:o*}", "execute", command, "arguments", arguments);
    json_t *answer = send_request(q, request) == 0 ? receive_answer(q) : NULL;
    json_t *value = json_object_get(answer, "return");

    if (answer && !value)
        refuse(q, EIO, field_string(json_object_get(answer, "error"), "desc", "unexpected answer"));
    if (out)
        *out = json_incref(value);
    json_decref(request);
    json_decref(answer);
    return value ? 0 : 1;
}

static int execute(struct qmp *q, const char *command, json_t *arguments)
{
    return ask_monitor(q, command, arguments, NULL);
}

static bool words_have(const char *const *words, const char *word)
{
    while (*words && strcmp(*words, word) != 0)
        words++;
    return *words;
}

static int await_deletion(struct qmp *q)
{
    while (!q->deleted) {
        json_t *message = receive(q);

        if (!message)
            return 1;
        json_decref(message);
    }
    return 0;
}

static int negotiate(struct qmp *q)
{
    json_t *greeting = receive(q);

    json_decref(greeting);
    return greeting ? execute(q, "qmp_capabilities", NULL) : 1;
}

static int open_monitor(struct qmp *q, const char *dir)
{
    const struct timeval timeout = {ANSWER_SEC, 0};
    text_auto path = {0};
    int fd;

    text_addf(&path, "%s/qmp.sock", dir);
    fd = connection_socket(path.data);
    while (fd < 0 && q->starts && linux_guest_runs(dir)) {
        linux_pause(POLL_MS);
        fd = connection_socket(path.data);
    }
    if (fd < 0)
        return refuse(q, -fd, error_text(-fd));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    q->in = fdopen(fd, "r");
    if (!q->in) {
        close(fd);
        return refuse(q, errno, error_text(errno));
    }
    return negotiate(q);
}

static void close_monitor(struct qmp *q)
{
    if (q->in)
        fclose(q->in);
}

static int plug(struct qmp *q, const char *sysfsdev)
{
    return execute(
        q, "device_add",
        json_pack("{s:s, s:s, s:s}", "driver", "vfio-ap", "id", DEVICE, "sysfsdev", sysfsdev));
}

int qmp_plug(const char *dir, const char *name, const struct uuid *mdev)
{
    struct qmp q = {.guest = name};
    char path[sizeof(MATRIX) + UUID_TEXT] = MATRIX;
    int status = open_monitor(&q, dir);

    uuid_format(mdev, path + strlen(MATRIX));
    if (status == 0)
        status = plug(&q, path);
    close_monitor(&q);
    return status;
}

int qmp_unplug(const char *dir, const char *name)
{
    struct qmp q = {.guest = name};
    int status = open_monitor(&q, dir);

    if (status == 0)
        status = execute(&q, "device_del", json_pack("{s:s}", "id", DEVICE));
    if (status == 0)
        status = await_deletion(&q);
    close_monitor(&q);
    return status;
}

/* Asks for a status until it is the wanted one. Another one than those on the way is a failure. */
static int await_status(struct qmp *q, const char *command, const char *wanted,
                        const char *const *on_the_way)
{
    for (unsigned i = 0; i < POLLS; i++) {
        json_t *value = NULL;
        text_auto status = {0};

        if (ask_monitor(q, command, NULL, &value))
            return 1;
        text_adds(&status, field_string(value, "status", ""));
        json_decref(value);
        if (strcmp(status.data, wanted) == 0)
            return 0;
        if (!words_have(on_the_way, status.data))
            return refuse(q, EIO, status.data);
        linux_pause(POLL_MS);
    }
    return refuse(q, ETIMEDOUT, "it takes too long");
}

bool qmp_save(const char *dir, const char *path, struct text *why)
{
    static const char *const on_the_way[] = {"", "none", "setup", "active", "device", NULL};
    struct qmp q = {.why = why};
    text_auto uri = {0};
    int status = open_monitor(&q, dir);

    text_addf(&uri, "file:%s", path);
    if (status == 0)
        status = execute(&q, "migrate", json_pack("{s:s}", "uri", uri.data));
    if (status == 0)
        status = await_status(&q, "query-migrate", "completed", on_the_way);
    if (status == 0)
        status = execute(&q, "quit", NULL);
    close_monitor(&q);
    return status == 0;
}

bool qmp_await(const char *dir, const char *sysfsdev, struct text *why)
{
    static const char *const on_the_way[] = {"inmigrate", NULL};
    struct qmp q = {.why = why, .starts = true};
    int status = open_monitor(&q, dir);

    if (status == 0)
        status = await_status(&q, "query-status", "running", on_the_way);
    if (status == 0 && sysfsdev)
        status = plug(&q, sysfsdev);
    close_monitor(&q);
    return status == 0;
}
