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

#define DEVICE     "apus" /* what linux/boot calls it */
#define MATRIX     "/sys/devices/vfio_ap/matrix/"
#define ANSWER_SEC 30

struct qmp {
    const char *guest;
    FILE *in;
    bool deleted; /* our device is gone: the event comes before the answer or after it */
};

static int refuse(const struct qmp *q, const char *why)
{
    return cli_error("QEMU of guest '%s': %s", q->guest, why);
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
    refuse(q, feof(q->in) ? "it closed its monitor" : "its monitor does not answer");
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
    return n < 0 ? refuse(q, error_text(errno)) : 0;
}

/* Executes a command. Takes ownership of arguments. */
static int execute(struct qmp *q, const char *command, json_t *arguments)
{
    json_t *request = json_pack("{s:s, s:o*}", "execute", command, "arguments", arguments);
    json_t *answer = send_request(q, request) == 0 ? receive_answer(q) : NULL;
    int status = answer && json_object_get(answer, "return") ? 0 : 1;

    if (answer && status)
        refuse(q, field_string(json_object_get(answer, "error"), "desc", "unexpected answer"));
    json_decref(answer);
    json_decref(request);
    return status;
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
    if (fd < 0)
        return refuse(q, error_text(-fd));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    q->in = fdopen(fd, "r");
    if (!q->in) {
        close(fd);
        return refuse(q, error_text(errno));
    }
    return negotiate(q);
}

static void close_monitor(struct qmp *q)
{
    if (q->in)
        fclose(q->in);
}

int qmp_plug(const char *dir, const char *name, const struct uuid *mdev)
{
    struct qmp q = {.guest = name};
    char path[sizeof(MATRIX) + UUID_TEXT] = MATRIX;
    int status = open_monitor(&q, dir);

    uuid_format(mdev, path + strlen(MATRIX));
    if (status == 0)
        status = execute(
            &q, "device_add",
            json_pack("{s:s, s:s, s:s}", "driver", "vfio-ap", "id", DEVICE, "sysfsdev", path));
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
