/* SPDX-License-Identifier: MIT */
/* Commands about guests. */
#include <errno.h>

#include "control/command.h"
#include "control/json.h"
#include "control/view.h"
#include "core/query.h"
#include "socket/closer.h"

static const char *const lifetimes[] = {"daemon", "connection", NULL};

enum { LIFETIME_DAEMON, LIFETIME_CONNECTION };

static const char *guest_name(struct control_call *call)
{
    return argument_get(call->arguments, "name")->string;
}

static int find_guest(struct control_call *call, struct guest_info *out,
                      struct control_error *error)
{
    int rc = core_guest_find(call->state->door->core, guest_name(call), out);

    if (rc < 0)
        control_error_set(error, CONTROL_REFUSED, -rc,
                          "there is no guest '%s'; 'apus guest list' lists the running guests",
                          guest_name(call));
    return rc;
}

/* Executes a command of the core whose only argument is a guest. */
static int execute_named(struct control_call *call, enum command_kind kind,
                         struct control_error *error)
{
    struct command command = {.kind = kind, .guest = {.name = guest_name(call)}};
    struct guest_info guest;

    if (find_guest(call, &guest, error) < 0)
        return -ENOENT;
    return control_execute(call, &command, NULL, error);
}

static json_t *run_start(struct control_call *call, struct control_error *error)
{
    const struct argument_value *mdev = argument_get(call->arguments, "mdev");
    const struct argument_value *features = argument_get(call->arguments, "features");
    const struct argument_value *lifetime = argument_get(call->arguments, "lifetime");
    struct command command = {.kind = CMD_GUEST_START,
                              .guest = {.name = guest_name(call),
                                        .features = GUEST_FEATURES_ALL,
                                        .has_mdev = mdev->given}};
    int64_t number;

    if (features->given)
        command.guest.features = (unsigned)features->number;
    if (mdev->given)
        command.guest.mdev = mdev->uuid;
    command.guest.with_connection = lifetime->given && lifetime->number == LIFETIME_CONNECTION;
    if (control_execute(call, &command, &number, error) < 0)
        return NULL;
    if (command.guest.with_connection)
        control_own_guest(call, guest_name(call), (uint32_t)number);
    return json_pack("{s:I}", "number", (json_int_t)number);
}

static json_t *run_stop(struct control_call *call, struct control_error *error)
{
    return execute_named(call, CMD_GUEST_STOP, error) < 0 ? NULL : json_object();
}

/* Only the guest's own process can open its device, and close it. */
static int refuse_process(struct control_call *call, struct control_error *error)
{
    struct guest_info guest;

    if (find_guest(call, &guest, error) < 0)
        return -ENOENT;
    if (!guest.process)
        return 0;
    control_error_set(
        error, CONTROL_REFUSED, EOPNOTSUPP,
        "guest %s is process %u, which plugs and unplugs its device itself: device_add "
        "vfio-ap and device_del in QEMU's monitor, attach-device and detach-device in "
        "virsh",
        guest.name, guest.process);
    return -EOPNOTSUPP;
}

static json_t *run_attach(struct control_call *call, struct control_error *error)
{
    struct command command = {.kind = CMD_GUEST_ATTACH,
                              .guest = {.name = guest_name(call), .has_mdev = true}};

    command.guest.mdev = argument_get(call->arguments, "mdev")->uuid;
    if (refuse_process(call, error) < 0 || control_execute(call, &command, NULL, error) < 0)
        return NULL;
    return json_object();
}

static json_t *run_detach(struct control_call *call, struct control_error *error)
{
    if (refuse_process(call, error) < 0 || execute_named(call, CMD_GUEST_DETACH, error) < 0)
        return NULL;
    return json_object();
}

static json_t *run_migrate(struct control_call *call, struct control_error *error)
{
    struct command command = {.kind = CMD_GUEST_MIGRATE, .guest = {.name = guest_name(call)}};
    struct guest_info guest;
    int64_t stays = 0;

    if (find_guest(call, &guest, error) < 0 || control_execute(call, &command, &stays, error) < 0)
        return NULL;
    return json_pack("{s:s?}", "note",
                     stays ? "nothing is assigned, but the mediated device is still attached, and "
                             "QEMU does not migrate a guest that has one: unplug it (device_del; "
                             "here: apus guest detach)"
                           : NULL);
}

static json_t *run_list(struct control_call *call, struct control_error *error)
{
    const char *path = call->state->ops->guest_socket;

    return json_pack("{s:o, s:o}", "guests", control_view_guests(call->state->door->core), "socket",
                     path ? control_json_string(path) : json_null());
}

static json_t *run_show(struct control_call *call, struct control_error *error)
{
    struct guest_info guest;
    json_t *view;

    if (find_guest(call, &guest, error) < 0)
        return NULL;
    view = control_view_guest(&guest);
    control_json_set(view, "matrix", control_json_apqns(&guest.apm, &guest.aqm));
    control_json_set(view, "config_changes", json_integer((json_int_t)guest.config_changes));
    control_json_set(view, "release_requests", json_integer((json_int_t)guest.release_requests));
    return view;
}

static json_t *run_mount(struct control_call *call, struct control_error *error)
{
    const struct control_ops *ops = call->state->ops;
    int fd = call->peer->fd, mounted = 0, rc;
    struct guest_info guest;
    text_auto why = {0};

    if (fd < 0) {
        control_error_set(error, CONTROL_ARGUMENT, EBADF,
                          "the request must carry a descriptor of /dev/fuse (SCM_RIGHTS)");
        return NULL;
    }
    call->peer->fd = -1;
    rc = find_guest(call, &guest, error);
    if (rc == 0)
        mounted = ops->mount_guest(ops->data, guest.number, fd, &why);
    closer_close(call->peer->closer, fd);
    if (rc < 0)
        return NULL;
    if (mounted < 0) {
        control_error_set(error, CONTROL_REFUSED, -mounted, "%s", why.data);
        return NULL;
    }
    return json_object();
}

static json_t *run_badge(struct control_call *call, struct control_error *error)
{
    const struct control_ops *ops = call->state->ops;
    bool host = !argument_get(call->arguments, "name")->given;
    struct guest_info guest = {0};
    text_auto why = {0};
    int64_t badge;
    int rc;

    if (!host && find_guest(call, &guest, error) < 0)
        return NULL;
    rc = ops->badge(ops->data, host ? CORE_HOST_TREE : guest.number + 1, &badge, &why);
    if (rc < 0) {
        control_error_set(error, CONTROL_REFUSED, -rc, "%s", why.data);
        return NULL;
    }
    return json_pack("{s:o}", "badge", badge < 0 ? json_null() : json_integer(badge));
}

#define NAME                                                                                       \
    {                                                                                              \
        "name", ARGUMENT_NAME, false, NULL, "the guest"                                            \
    }

const struct control_command control_commands_guest[] = {
    {.name = "guest-start",
     .what = "Starts a guest and attaches a mediated device to it, like QEMU's -device vfio-ap. "
             "The guest has no process of its own and runs until guest-stop.",
     .arguments = {{"name", ARGUMENT_NAME, false, NULL, "the name of the new guest"},
                   {"mdev", ARGUMENT_UUID, true, NULL, "the mediated device; default: none"},
                   {"features", ARGUMENT_CHOICES, true, control_guest_features,
                    "its CPU features; default: all"},
                   {"lifetime", ARGUMENT_CHOICE, true, lifetimes,
                    "\"connection\": the guest is stopped when this connection closes; default: "
                    "\"daemon\""}},
     .returns =
         (const struct result[]){{"number", RESULT_INTEGER, 0, "the guest's number"}, {NULL}},
     .run = run_start},
    {.name = "guest-stop",
     .what = "Stops a guest. Its queues are reset and zeroized.",
     .arguments = {NAME},
     .run = run_stop},
    {.name = "guest-attach",
     .what = "Plugs a mediated device into a running guest, like QEMU's device_add.",
     .arguments = {NAME, {"mdev", ARGUMENT_UUID, false, NULL, "the mediated device"}},
     .run = run_attach},
    {.name = "guest-detach",
     .what = "Unplugs the mediated device from a running guest, like QEMU's device_del.",
     .arguments = {NAME},
     .run = run_detach},
    {.name = "guest-list",
     .what = "The running guests.",
     .returns =
         (const struct result[]){
             {"guests", RESULT_OBJECT, RESULT_LIST, "in the order of their numbers", &result_guest},
             {"socket", RESULT_STRING, RESULT_NULL, "the path of the guest socket"},
             {NULL}},
     .run = run_list},
    {.name = "guest-show",
     .what = "A guest and all queues that it can use.",
     .arguments = {NAME},
     .returns =
         (const struct result[]){
             RESULT_GUEST,
             {"matrix", RESULT_QUEUE, RESULT_LIST, "all queues that it can use"},
             {"config_changes", RESULT_INTEGER, 0, "how many times it was notified of a change"},
             {"release_requests", RESULT_INTEGER, 0,
              "how many times it was asked to release its mediated device"},
             {NULL}},
     .run = run_show},
    {.name = "guest-migrate",
     .what = "Asks for a live migration. It is refused until everything is unplugged. The refusal "
             "lists what the guest can use, and separately what is only assigned.",
     .arguments = {NAME},
     .returns = (const struct result[]){{"note", RESULT_STRING, RESULT_NULL,
                                         "a sentence about the device, if it is still attached "
                                         "with nothing assigned to it"},
                                        {NULL}},
     .run = run_migrate},
    {.name = "guest-mount",
     .what = "Serves the guest's /sys tree on a descriptor of /dev/fuse that is passed with the "
             "request (SCM_RIGHTS) and that the caller has already mounted.",
     .arguments = {NAME},
     .run = run_mount},
    {.name = "badge",
     .what = "What programs without a mount (apus run --no-mount) carry to see the tree of a guest "
             "in place of the host's: their hard limit of RLIMIT_RTTIME is 0x41505553ffffffff less "
             "this number. A new process sets it, and its children inherit it.",
     .arguments = {{"name", ARGUMENT_NAME, true, NULL, "the guest; default: the host's tree"}},
     .returns = (const struct result[]){{"badge", RESULT_INTEGER, RESULT_NULL,
                                         "its number; null: the machine's programs have mounts"},
                                        {NULL}},
     .run = run_badge},
    {.name = NULL}};
