/* SPDX-License-Identifier: MIT */
/*
 * The init of a real Linux guest: brings up the AP drivers, then runs commands that arrive over
 * virtio-serial ports (agent.h). Words on the kernel's command line:
 *
 *   apus.name=NAME         host name
 *   apus.config_time=N     seconds between two scans of the AP bus by itself (default: 5)
 *   apus.rescan            the host asks for scans, on a port
 *   apus.shell             a shell on the console
 *   apus.snapshot          the guest will be copied: wait to be told who it is (begin.h)
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "begin.h"
#include "file.h"

#define MODULES     "/lib/modules"
#define BUS         "/sys/bus/ap"
#define CONFIG_TIME "5" /* a device that is plugged or unplugged is found at the next scan */

enum { SCAN_TRIES = 500, SCAN_PAUSE_US = 20000 };

static char cmdline[8192];

/* Mounts in this order; a directory without a type is only made. */
static void make_directories(void)
{
    static const struct {
        const char *path, *type, *options;
    } all[] = {{"/proc", "proc", NULL},        {"/sys", "sysfs", NULL},
               {"/dev", "devtmpfs", NULL},     {"/run", "tmpfs", NULL},
               {"/tmp", "tmpfs", "mode=1777"}, {"/root", NULL, NULL},
               {"/var", NULL, NULL},           {"/dev/shm", "tmpfs", "mode=1777"},
               {"/dev/pts", "devpts", NULL},   {"/run/lock", NULL, NULL}};

    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        mkdir(all[i].path, 0755);
        if (all[i].type && mount(all[i].type, all[i].path, all[i].type, 0, all[i].options) < 0 &&
            errno != EBUSY)
            fprintf(stderr, "init: cannot mount %s: %s\n", all[i].path, strerror(errno));
    }
}

/* Files that further packages expect on an installed system (build-image --packages). */
static void make_files(void)
{
    (void)!symlink("/run", "/var/run");
    (void)!symlink("/run/lock", "/var/lock");
    if (access("/etc/passwd", F_OK) < 0)
        file_write("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
    if (access("/etc/group", F_OK) < 0)
        file_write("/etc/group", "root:x:0:\n");
}

static void open_console(void)
{
    int fd = open("/dev/console", O_RDWR);

    for (int i = 0; fd >= 0 && i < 3; i++)
        dup2(fd, i);
    if (fd > 2)
        close(fd);
    setvbuf(stdout, NULL, _IOLBF, 0);
}

/* Starts a program; 0: it is not there. */
static pid_t start(char *const *argv)
{
    pid_t pid;

    return posix_spawn(&pid, argv[0], NULL, NULL, argv, environ) ? 0 : pid;
}

/* The value of WORD=..., the word itself if it has none, or NULL: it is not on the command line. */
static const char *word_of(const char *name, char *out, size_t size)
{
    size_t len = strlen(name);

    for (const char *at = cmdline; *at; at += strspn(at, " ")) {
        size_t n = strcspn(at, " ");

        if (strncmp(at, name, len) == 0 && (n == len || at[len] == '=')) {
            size_t skip = n == len ? 0 : len + 1;

            snprintf(out, size, "%.*s", (int)(n - skip), at + skip);
            return out;
        }
        at += n;
    }
    return NULL;
}

static bool has_word(const char *name)
{
    char text[16];

    return word_of(name, text, sizeof(text));
}

static void load(const char *module)
{
    char path[256];
    int fd;

    snprintf(path, sizeof(path), MODULES "/%s", module);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || syscall(SYS_finit_module, fd, "", 0) < 0)
        printf("init: cannot load %s: %s\n", module, strerror(errno));
    if (fd >= 0)
        close(fd);
}

static void load_modules(void)
{
    FILE *order = fopen(MODULES "/order", "re");
    char line[128];

    while (order && fgets(line, sizeof(line), order)) {
        line[strcspn(line, "\n")] = '\0';
        load(line);
    }
    if (order)
        fclose(order);
}

/* The first scan runs in the background. A command finds all adapters. */
static void wait_for_scan(void)
{
    char scans[32];

    for (int i = 0; i < SCAN_TRIES; i++) {
        if (!file_read(BUS "/scans", scans, sizeof(scans)) || strcmp(scans, "0") != 0)
            break;
        usleep(SCAN_PAUSE_US);
    }
}

static void bring_up_ap(void)
{
    char time[16];

    load_modules();
    if (access(BUS "/config_time", F_OK) == 0)
        file_write(BUS "/config_time",
                   word_of("apus.config_time", time, sizeof(time)) ? time : CONFIG_TIME);
    wait_for_scan();
}

static void open_ports(struct agent *a, struct port *begin)
{
    *begin = a->rescan = (struct port){.fd = -1};
    if (!port_open(&a->control, "org.apus.exec") || !port_open(&a->out, "org.apus.out") ||
        !port_open(&a->err, "org.apus.err") || !port_open(&a->in, "org.apus.in"))
        puts("init: no port for commands");
    if (has_word("apus.rescan"))
        port_open(&a->rescan, "org.apus.rescan");
    if (has_word("apus.snapshot"))
        port_open(begin, "org.apus.begin");
}

static void boot(void)
{
    char *busybox[] = {"/bin/busybox", "--install", "-s", NULL},
         *ldconfig[] = {"/sbin/ldconfig", NULL};
    char name[65];
    pid_t links, libraries;

    setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
    setenv("HOME", "/root", 1);
    setenv("TERM", "linux", 1);
    make_directories();
    open_console();
    make_files();
    links = start(busybox);
    libraries = start(ldconfig);
    file_read("/proc/cmdline", cmdline, sizeof(cmdline));
    if (word_of("apus.name", name, sizeof(name)))
        sethostname(name, strlen(name));
    bring_up_ap();
    if (links)
        waitpid(links, NULL, 0);
    if (libraries)
        waitpid(libraries, NULL, 0);
}

int main(void)
{
    static struct agent a;
    struct utsname kernel;
    struct port begin;

    boot();
    open_ports(&a, &begin);
    agent_prepare(&a, has_word("apus.shell"));
    if (begin.fd >= 0) {
        puts("apus: guest waits");
        begin_wait(&begin);
        close(begin.fd);
    }
    uname(&kernel);
    printf("apus: guest is up (%s)\n", kernel.release);
    agent_run(&a);
}
