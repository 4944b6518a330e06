/* SPDX-License-Identifier: MIT */
#include "control_rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit.h"

static void execute(struct door *door, struct command *command, struct reply *reply)
{
    struct rig *r = (struct rig *)door;
    struct effects effects = {0};

    command->now = 5000000000u;
    core_execute(&r->core, command, &effects, reply);
    control_server_effects(r->server, &effects);
    effects_done(&effects);
}

static uint64_t now(void *data)
{
    return 5000000000u;
}

static int mount_guest(void *data, unsigned guest, int fd, struct text *why)
{
    struct rig *r = data;

    r->mounted_fd = dup(fd);
    r->mounted_guest = guest;
    return 0;
}

/* A pipe is a listener here, and whatever cannot be written to is none. */
static int listen_to(void *data, int fd, struct text *why)
{
    if (write(fd, "x", 1) == 1)
        return 0;
    text_adds(why, "it is no listener");
    return -EINVAL;
}

/* Guests have one here, and the host does without. */
static int badge(void *data, unsigned tree, int64_t *out, struct text *why)
{
    *out = tree == CORE_HOST_TREE ? -1 : (int64_t)tree;
    return 0;
}

static int advance(void *data, uint64_t ns, struct text *why)
{
    struct rig *r = data;

    r->advanced += ns;
    return 0;
}

static void export(void *data, struct text *out)
{
    text_adds(out, "[machine]\n");
}

static void abandon(void *data, uint64_t ticket)
{
    struct rig *r = data;

    r->abandoned = ticket;
}

static int study(void *data, const struct study_request *request, uint64_t ticket, struct text *why)
{
    struct rig *r = data;

    if (r->busy) {
        text_adds(why, "try again later");
        return -EAGAIN;
    }
    r->study = *request;
    snprintf(r->machine, sizeof(r->machine), "%s", request->machine ? request->machine : "");
    r->ticket = ticket;
    return 0;
}

static void quit(void *data)
{
    ((struct rig *)data)->quit = true;
}

static bool settle(void *data, void (*done)(void *argument), void *argument)
{
    struct rig *r = data;

    r->settled = done;
    r->settled_argument = argument;
    return !r->unsettled;
}

int rig_setup(void **state)
{
    struct rig *r = xcalloc(1, sizeof(*r));
    text_auto why = {0};

    fake_core_init(&r->core);
    r->door = (struct door){.core = &r->core, .execute = execute};
    r->ops = (struct control_ops){.data = r,
                                  .now = now,
                                  .mount_guest = mount_guest,
                                  .listen = listen_to,
                                  .badge = badge,
                                  .advance = advance,
                                  .export = export,
                                  .study = study,
                                  .abandon = abandon,
                                  .quit = quit,
                                  .settle = settle};
    r->mounted_fd = -1;
    strcpy(r->dir, "/tmp/apus-control-XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    snprintf(r->path, sizeof(r->path), "%s/socket", r->dir);
    assert_true(sd_event_new(&r->event) >= 0);
    assert_int_equal(control_server_new(r->event, &r->door, &r->ops, r->path, -1, &r->server, &why),
                     0);
    *state = r;
    return 0;
}

int rig_teardown(void **state)
{
    struct rig *r = *state;

    control_server_free(r->server);
    sd_event_unref(r->event);
    assert_int_equal(access(r->path, F_OK), -1);
    assert_int_equal(rmdir(r->dir), 0);
    if (r->mounted_fd >= 0)
        close(r->mounted_fd);
    fake_core_done(&r->core);
    free(r);
    return 0;
}

void rig_run(struct rig *r)
{
    for (unsigned turns = 0; sd_event_run(r->event, 0) > 0; turns++)
        assert_true(turns < 1000000);
}

int rig_connect(struct rig *r)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    strcpy(address.sun_path, r->path);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_non_null(strstr(rig_receive(r, fd), "\"apus\""));
    return fd;
}

void rig_send(struct rig *r, int client, const char *text)
{
    size_t len = strlen(text);

    while (len) {
        ssize_t n = send(client, text, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EAGAIN) {
            rig_run(r);
            continue;
        }
        if (n < 0)
            return;
        text += n;
        len -= (size_t)n;
    }
}

const char *rig_receive(struct rig *r, int client)
{
    static struct text in;
    char bytes[65536];
    ssize_t n;

    text_clear(&in);
    text_adds(&in, "");
    do {
        rig_run(r);
        n = recv(client, bytes, sizeof(bytes), 0);
        if (n > 0)
            text_add(&in, bytes, (size_t)n);
    } while (n > 0);
    return in.data;
}

json_t *rig_ask(struct rig *r, int client, const char *request)
{
    const char *line;
    json_t *reply = NULL;

    rig_send(r, client, request);
    rig_send(r, client, "\n");
    /* The reply is the last line; events may precede it. */
    line = rig_receive(r, client);
    for (const char *at = line; *at; at = strchr(at, '\n') + 1)
        line = at;
    reply = json_loads(line, 0, NULL);
    if (!reply)
        fail_msg("%s: no reply: %s", request, line);
    return reply;
}

json_t *rig_return(struct rig *r, int client, const char *request)
{
    json_t *reply = rig_ask(r, client, request);
    json_t *value = json_incref(json_object_get(reply, "return"));

    if (!value)
        fail_msg("%s: %s", request, json_dumps(reply, 0));
    json_decref(reply);
    return value;
}

void rig_execute(struct rig *r, int client, const char *request)
{
    json_decref(rig_return(r, client, request));
}

void rig_refused(struct rig *r, int client, const char *request, const char *class,
                 const char *part)
{
    json_t *reply = rig_ask(r, client, request), *error = json_object_get(reply, "error");
    const char *desc = json_string_value(json_object_get(error, "desc"));

    if (!desc)
        fail_msg("%s: no error", request);
    if (strcmp(json_string_value(json_object_get(error, "class")), class) != 0 ||
        !strstr(desc, part))
        fail_msg("%s: %s", request, json_dumps(reply, 0));
    json_decref(reply);
}

bool rig_closed(struct rig *r, int client)
{
    char byte;

    rig_receive(r, client);
    return recv(client, &byte, 1, 0) != -1 || errno != EAGAIN;
}
