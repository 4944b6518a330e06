/* SPDX-License-Identifier: MIT */
/* HELLO: which guest the client connects to, or starts. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/uuid.h"
#include "core/query.h"
#include "guest/session.h"

_Static_assert(GUEST_FEATURE_AP == GUEST_AP && GUEST_FEATURE_APFT == GUEST_APFT &&
                   GUEST_FEATURE_APQCI == GUEST_APQCI && GUEST_FEATURE_APQI == GUEST_APQI,
               "protocol and machine number the features alike");
_Static_assert(GUEST_NAME_MAX < CORE_GUEST_NAME, "a name of the protocol fits in the core");

/* Executes a command. False: it was refused, and so is the session. */
static bool execute(struct guest_session *s, struct command *command, int64_t *value)
{
    struct reply reply = {0};
    bool done;

    s->all->door->execute(s->all->door, command, &reply);
    done = reply.result >= 0;
    if (!done)
        guest_session_refuse(s, reply.result, reply.why.data);
    else if (value)
        *value = reply.value;
    reply_done(&reply);
    return done;
}

static bool connect_cpus(struct guest_session *s, unsigned guest)
{
    struct command command = {
        .kind = CMD_CPU_CONNECT,
        .cpu = {.guest = guest, .on = true, .process = guest == CORE_LPAR ? 0 : s->process}};

    if (!execute(s, &command, NULL))
        return false;
    s->guest = guest;
    s->connected = true;
    return true;
}

/* mdev: NULL: the guest may get a device later. */
static bool start(struct guest_session *s, uint32_t features, const struct uuid *mdev)
{
    struct command command = {
        .kind = CMD_GUEST_START,
        .guest = {.name = s->name, .features = features, .with_connection = true}};
    int64_t number;

    if (mdev) {
        command.guest.has_mdev = true;
        command.guest.mdev = *mdev;
    }
    if (!execute(s, &command, &number))
        return false;
    s->owns = true;
    s->granted = features;
    return connect_cpus(s, (unsigned)number);
}

/* Connects to a guest that is already running. */
static bool take_over(struct guest_session *s, const struct guest_info *guest, uint32_t features,
                      const struct uuid *mdev)
{
    struct command attach = {.kind = CMD_GUEST_ATTACH,
                             .guest = {.name = s->name, .has_mdev = true}};

    if (mdev && guest->attached && !uuid_equal(mdev, &guest->mdev)) {
        guest_session_refuse(s, EPERM, "the guest already has another mediated device");
        return false;
    }
    s->granted = features & guest->features;
    if (!connect_cpus(s, guest->number))
        return false;
    if (!mdev || guest->attached)
        return true;
    attach.guest.mdev = *mdev;
    return execute(s, &attach, NULL);
}

/* The client means this guest: by name, or without a name by mediated device. */
static bool is_meant(const struct guest_session *s, const struct uuid *mdev,
                     const struct guest_info *guest)
{
    if (*s->name)
        return strcmp(guest->name, s->name) == 0;
    return mdev && guest->attached && uuid_equal(mdev, &guest->mdev);
}

/* The client is the process that has opened the guest's device. */
static bool is_of_process(const struct guest_session *s, const struct guest_info *guest)
{
    return s->process && guest->process == s->process && !guest->connected;
}

static bool find(struct guest_session *s, const struct uuid *mdev, struct guest_info *out)
{
    uint32_t cursor = 0;

    while (core_guest_next(s->all->door->core, &cursor, out))
        if (is_meant(s, mdev, out) || (!mdev && is_of_process(s, out)))
            return true;
    return false;
}

static bool greet_guest(struct guest_session *s, const struct guest_hello *hello,
                        const struct uuid *mdev)
{
    struct guest_info guest;

    if (!*s->name && !mdev && !s->process) {
        guest_session_refuse(s, EINVAL,
                             "HELLO has neither a name nor a mediated device, and its process is "
                             "in a PID namespace beside the daemon's");
        return false;
    }
    if (find(s, mdev, &guest)) {
        strcpy(s->name, guest.name);
        return take_over(s, &guest, hello->features, mdev);
    }
    if (!*s->name && mdev)
        uuid_format(mdev, s->name);
    else if (!*s->name)
        snprintf(s->name, sizeof s->name, "process-%" PRIu32, s->process);
    return start(s, hello->features, mdev);
}

static bool greet_lpar(struct guest_session *s, const struct guest_hello *hello, bool has_mdev)
{
    if (has_mdev) {
        guest_session_refuse(s, EINVAL, "HELLO: an LPAR has no mediated device");
        return false;
    }
    s->granted = hello->features;
    return connect_cpus(s, CORE_LPAR);
}

/* Nobody has an interrupt that the machine does not have. */
static void welcome(struct guest_session *s)
{
    struct guest_frame frame = {.type = GUEST_WELCOME};
    struct host_info host;

    core_host_info(s->all->door->core, &host);
    if (!host.interrupts)
        s->granted &= ~GUEST_FEATURE_APQI;
    frame.welcome.version = GUEST_PROTOCOL_VERSION;
    frame.welcome.features = s->granted;
    guest_session_send(s, &frame);
}

/* No guest and no CPUs come of it, and the session ends with the answer. */
static void answer_features(struct guest_session *s, uint32_t features)
{
    s->granted = features;
    welcome(s);
    s->state = SESSION_OVER;
}

void guest_session_greet(struct guest_session *s, const struct guest_hello *hello)
{
    static const uint8_t none[sizeof(hello->mdev)];
    bool has_mdev = memcmp(hello->mdev, none, sizeof(none)) != 0, done;
    struct uuid mdev;

    memcpy(mdev.bytes, hello->mdev, sizeof(mdev.bytes));
    memcpy(s->name, hello->name, hello->name_len);
    s->name[hello->name_len] = '\0';
    if (hello->role == GUEST_ROLE_NONE) {
        answer_features(s, hello->features);
        return;
    }
    if (hello->role == GUEST_ROLE_LPAR)
        done = greet_lpar(s, hello, has_mdev);
    else
        done = greet_guest(s, hello, has_mdev ? &mdev : NULL);
    if (!done)
        return;
    s->state = SESSION_SERVING;
    welcome(s);
}
