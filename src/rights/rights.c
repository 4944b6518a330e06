/* SPDX-License-Identifier: MIT */
#include "rights/rights.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"

#define STATUS_BYTES 4096

/* A small file as a string; "" if it cannot be read. */
static void read_file(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, out, size - 1);

    if (fd >= 0)
        close(fd);
    out[n < 0 ? 0 : n] = '\0';
}

static bool reads(const char *path, char value)
{
    char text[16];

    read_file(path, text, sizeof(text));
    return *text == value;
}

int rights_ptrace_scope(void)
{
    char text[16];

    read_file("/proc/sys/kernel/yama/ptrace_scope", text, sizeof(text));
    return *text > '0' && *text <= '3' ? *text - '0' : 0;
}

/* The number behind "NAME:\t" in a line of its own; 0 if there is none. */
static uint64_t field(const char *status, const char *name, unsigned base)
{
    const char *at = strstr(status, name);
    uint64_t value = 0;

    if (at) {
        at += strlen(name);
        number_parse_u64(at, strcspn(at, "\n"), base, &value);
    }
    return value;
}

void rights_parse_status(const char *status, struct rights *out)
{
    out->filtered = field(status, "\nSeccomp:\t", 10) == 2;
    out->bounding = field(status, "\nCapBnd:\t", 16);
}

void rights_look(struct rights *out)
{
    struct rights r = {.root = geteuid() == 0};
    char status[STATUS_BYTES];

    read_file("/proc/self/status", status, sizeof(status));
    rights_parse_status(status, &r);
    r.no_user_namespaces = reads("/proc/sys/kernel/unprivileged_userns_clone", '0');
    r.few_user_namespaces = reads("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", '1');
    read_file("/proc/self/attr/current", r.module, sizeof(r.module));
    r.module[strcspn(r.module, "\n")] = '\0';
    if (strcmp(r.module, "unconfined") == 0 || strcmp(r.module, "kernel") == 0)
        *r.module = '\0';
    *out = r;
}

static bool lacks(const struct rights *r, unsigned capability)
{
    return !(r->bounding >> capability & 1);
}

static void advise_module(const struct rights *r, struct text *out)
{
    bool selinux = strchr(r->module, ':') != NULL;

    text_addf(out,
              "a security module confines this process%s%s; let the container do without it "
              "(docker run --security-opt %s)",
              *r->module ? " as " : "", r->module,
              selinux ? "label=disable" : "apparmor=unconfined");
}

/* Capabilities open Docker's filter; they are root's alone. */
static void advise_filter(const struct rights *r, bool capability_helps, struct text *out)
{
    text_addf(out,
              "the seccomp filter around this process forbids it; let the container do without "
              "it (docker run --security-opt seccomp=unconfined%s)",
              capability_helps && r->root ? ", or --cap-add SYS_ADMIN" : "");
}

static void advise_user_namespace(const struct rights *r, struct text *out)
{
    if (r->filtered)
        advise_filter(r, lacks(r, CAP_SYS_ADMIN), out);
    else if (r->no_user_namespaces)
        text_adds(out, "allow unprivileged user namespaces (sysctl "
                       "kernel.unprivileged_userns_clone=1) or run apus as root");
    else if (r->few_user_namespaces && !r->root)
        text_adds(out, "allow unprivileged user namespaces (sysctl "
                       "kernel.apparmor_restrict_unprivileged_userns=0) or run apus as root");
    else if (*r->module)
        advise_module(r, out);
    else
        text_addf(out, "no kernel allows it in a chroot%s",
                  r->root ? "; give apus the capability SYS_ADMIN" : "; run apus as root");
}

static void advise_map_root(const struct rights *r, struct text *out)
{
    if (r->root && lacks(r, CAP_SETFCAP))
        text_adds(out, "root needs the capability SETFCAP for it (docker run --cap-add SETFCAP), "
                       "other users (-u 1000) do not");
    else
        advise_user_namespace(r, out);
}

static void advise_mount(const struct rights *r, int err, struct text *out)
{
    if (err == EACCES || (*r->module && !r->filtered))
        advise_module(r, out);
    else if (r->filtered)
        advise_filter(r, lacks(r, CAP_SYS_ADMIN), out);
    else if (r->root)
        text_adds(out, "root needs the capability SYS_ADMIN for it (docker run --cap-add "
                       "SYS_ADMIN)");
    else
        text_adds(out, "run apus as root");
}

void rights_advise(const struct rights *r, enum rights_deed deed, int err, struct text *out)
{
    switch (deed) {
    case RIGHTS_USER_NAMESPACE:
        advise_user_namespace(r, out);
        break;
    case RIGHTS_MAP_ROOT:
        advise_map_root(r, out);
        break;
    case RIGHTS_MOUNT:
        advise_mount(r, err, out);
        break;
    case RIGHTS_MOUNT_TREE:
        if (r->filtered && err == EPERM)
            text_adds(out, "the seccomp filter around this process is older than the call; let the "
                           "container do without it (docker run --security-opt "
                           "seccomp=unconfined), or use a newer container engine");
        else
            advise_mount(r, err, out);
        break;
    }
}
