/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/error.h"
#include "core/major.h"
#include "daemon/internal.h"
#include "ioctl/caller.h"
#include "rights/rights.h"

/* What the daemon puts around the core when it starts: sockets, workers, trees and nodes. */

/* A machine without a given secret gets a random one: its keys cannot be predicted. */
static int get_secret(struct daemon *d, uint8_t secret[CRYPTO_KEY_BYTES], struct text *why)
{
    const struct daemon_options *o = d->options;

    if (d->state)
        return state_secret(d->state, o->secret, secret, why);
    if (o->secret)
        memcpy(secret, o->secret, CRYPTO_KEY_BYTES);
    else if (getrandom(secret, CRYPTO_KEY_BYTES, 0) != CRYPTO_KEY_BYTES)
        return -EIO;
    return 0;
}

static int open_processors(struct daemon *d, struct text *why)
{
    uint8_t secret[CRYPTO_KEY_BYTES];
    int rc = get_secret(d, secret, why);

    if (rc == 0)
        rc = adapters_new(&d->door, d->event, secret, &d->adapters);
    explicit_bzero(secret, sizeof(secret));
    if (d->options->secret)
        explicit_bzero(d->options->secret, CRYPTO_KEY_BYTES);
    if (rc < 0 && !why->len)
        text_addf(why, "cannot set up the worker pool: %s", error_text(-rc));
    return rc;
}

/* Our parent stands for the programs to come: 'apus run' becomes one. Where only ancestors may look
 * at their memory, it is one, and lends it. */
static int open_paths(struct daemon *d, struct text *why)
{
    const struct nomount_sync sync = {daemon_state_unsynced, daemon_state_sync, d};
    int scope = rights_ptrace_scope();

    if (caller_is_ours(getppid()) && caller_probe(getppid()) == -EACCES && scope != 1) {
        text_adds(why, "programs cannot be served without a mount: this system does not let the "
                       "daemon look at their memory; ");
        if (scope == 3)
            text_adds(why, "kernel.yama.ptrace_scope is 3, which only a reboot changes");
        else
            text_addf(why,
                      "give it the capability SYS_PTRACE (in a container --cap-add SYS_PTRACE)%s",
                      scope ? ", or set kernel.yama.ptrace_scope to 1 or 0" : "");
        return -EACCES;
    }
    return seccomp_serve_paths(d->seccomp, d->options->shadow, &sync, why);
}

static int open_devices(struct daemon *d, struct text *why)
{
    int rc = cuse_new(&d->door, d->event, d->options->nodes, &d->cuse, why);

    if (rc == 0)
        rc = cuse_follow(d->cuse, why);
    /* A node that is kept under a name that no device can have must not end every start. */
    if (rc == -EINVAL) {
        daemon_log(d, LOG_LEVEL_WARNING, "%s", why->data);
        text_clear(why);
        rc = 0;
    }
    if (rc == 0)
        core_set_nodes_major(d->door.core, cuse_major(d->cuse));
    return rc;
}

/* The control socket comes first: it fails if another daemon runs here, before anything is
 * mounted. */
int daemon_front_ends_open(struct daemon *d, struct text *why)
{
    const struct daemon_options *o = d->options;
    int rc = o->uevent_fd < 0 ? 0 : uevent_sender_new(o->uevent_fd, o->outside, &d->uevents, why);

    if (rc < 0)
        return rc;
    daemon_control_ops_init(d);
    rc = daemon_studies_begin(d, why);
    if (rc < 0)
        return rc;
    rc = control_server_new(d->event, &d->door, &d->control_ops, o->socket, d->sockets.control,
                            &d->control, why);
    if (rc < 0)
        return rc;
    daemon_state_number_events(d);
    daemon_log_early(d);
    rc = daemon_guests_open(d, why);
    if (rc < 0)
        return rc;
    rc = daemon_metrics_open(d, why);
    if (rc < 0)
        return rc;
    rc = open_processors(d, why);
    if (rc < 0)
        return rc;
    rc = fuse_hub_new(&d->door, d->event, &d->hub);
    if (rc < 0) {
        text_addf(why, "cannot set up the file system: %s", error_text(-rc));
        return rc;
    }
    fuse_hub_set_sync(d->hub, &(struct fuse_sync){daemon_state_unsynced, daemon_state_sync, d});
    fuse_hub_set_mounter(d->hub, &(struct fuse_mounter){daemon_heir_mount, daemon_heir_unmount, d});
    if (o->listens)
        rc = seccomp_new(&d->door, d->event, o->dev_links, o->notify, &d->seccomp, why);
    if (rc == 0 && o->shadow)
        rc = open_paths(d, why);
    if (rc == 0 && o->nodes)
        rc = open_devices(d, why);
    if (rc < 0)
        return rc;
    return o->no_tree ? 0 : daemon_mount_new(d, CORE_HOST_TREE, o->mount, o->fuse_fd, why);
}
