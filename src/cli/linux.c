/* SPDX-License-Identifier: MIT */
#include "cli/linux.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/number.h"
#include "cli/command.h"
#include "cli/linux_files.h"
#include "cli/progress.h"
#include "run/program.h"

#define NAME_LENGTH 63
#define ANSWER_TIME "300" /* seconds until an emulated guest has booted at the latest */
#define QUIT_MS     5000  /* for QEMU to end when it is asked */
#define POLL_MS     20

bool linux_guest_dir(const char *socket, const char *name, struct text *out)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789._-";
    size_t len = strlen(name);

    if (!len || len > NAME_LENGTH || strspn(name, allowed) != len || *name == '.' || *name == '-')
        return false;
    text_addf(out, "%s.linux/%s", socket, name);
    return true;
}

bool linux_guest_runs(const char *dir)
{
    text_auto path = {0};
    bool locked;
    int fd;

    text_addf(&path, "%s/lock", dir);
    fd = open(path.data, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return false;
    locked = flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    close(fd);
    return locked;
}

bool linux_guest_find(const char *socket, const char *name, struct text *dir)
{
    return linux_guest_dir(socket, name, dir) && linux_guest_runs(dir->data);
}

static pid_t guest_pid(const char *dir)
{
    text_auto path = {0};
    char line[32];
    int pid = 0;
    FILE *f;

    text_addf(&path, "%s/pid", dir);
    f = fopen(path.data, "re");
    if (f && fgets(line, sizeof(line), f) &&
        number_parse_int(line, strcspn(line, "\n"), 10, &pid) < 0)
        pid = 0;
    if (f)
        fclose(f);
    return pid > 1 ? pid : 0;
}

void linux_pause(unsigned ms)
{
    const struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};

    nanosleep(&t, NULL);
}

static bool wait_end(const char *dir, unsigned ms)
{
    for (unsigned waited = 0; linux_guest_runs(dir); waited += POLL_MS) {
        if (waited >= ms)
            return false;
        linux_pause(POLL_MS);
    }
    return true;
}

/* While the lock is held, the PID in the file is that of QEMU. */
static void signal_guest(const char *dir, int number)
{
    pid_t pid = guest_pid(dir);

    if (pid && linux_guest_runs(dir))
        kill(pid, number);
}

void linux_guest_quit(const char *dir)
{
    signal_guest(dir, SIGTERM);
    if (!wait_end(dir, QUIT_MS)) {
        signal_guest(dir, SIGKILL);
        wait_end(dir, QUIT_MS);
    }
}

void linux_guest_end(const char *dir)
{
    static const char *const files[] = {"lock",     "pid",         "exec.sock", "out.sock",
                                        "err.sock", "in.sock",     "qmp.sock",  "rescan",
                                        "begin",    "console.log", "qemu.log"};
    text_auto path = {0};

    linux_guest_quit(dir);
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        text_clear(&path);
        text_addf(&path, "%s/%s", dir, files[i]);
        unlink(path.data);
    }
    rmdir(dir);
}

void linux_guests_end(const char *socket)
{
    text_auto all = {0}, dir = {0};
    const struct dirent *e;
    DIR *d;

    text_addf(&all, "%s.linux", socket);
    d = opendir(all.data);
    while (d && (e = readdir(d))) {
        text_clear(&dir);
        if (linux_guest_dir(socket, e->d_name, &dir))
            linux_guest_end(dir.data);
    }
    if (d)
        closedir(d);
    rmdir(all.data);
}

static int run_exec(const char *dir, const char *const *options, char **argv)
{
    text_auto program = {0}, socket = {0};
    const char **args;
    pid_t nobody = 0;
    size_t words = 0, n = 0;
    int status;

    if (!linux_tool("linux-exec", &program))
        return PROGRAM_FAILED;
    while (argv[words])
        words++;
    args = xcalloc(words + 8, sizeof(*args));
    text_addf(&socket, "%s/exec.sock", dir);
    args[n++] = program.data;
    while (*options)
        args[n++] = *options++;
    args[n++] = socket.data;
    memcpy(args + n, argv, words * sizeof(*args));
    status = program_run((char **)args, &nobody);
    free(args);
    return status;
}

int linux_exec(const char *dir, char **argv)
{
    const char *options[] = {fcntl(STDIN_FILENO, F_GETFD) < 0 ? NULL : "-i", NULL};

    return run_exec(dir, options, argv);
}

int linux_wait(const char *dir, const char *name)
{
    const char *options[] = {"-q", "-t", ANSWER_TIME, NULL};
    char *argv[] = {"true", NULL};
    text_auto words = {0}, what = {0};
    int status;

    text_addf(&what, "guest %s boots", name);
    progress_begin(what.data);
    status = run_exec(dir, options, argv);
    progress_end();
    if (status == 0)
        return 0;
    linux_last_words(dir, true, &words);
    if (!linux_guest_runs(dir) && words.len)
        return cli_error(EIO, "guest '%s' did not boot: %s", name, words.data);
    return cli_error(ETIMEDOUT, "guest '%s' did not boot; see %s/console.log", name, dir);
}

void linux_last_words(const char *dir, bool any, struct text *out)
{
    static const char prefix[] = "apus: ";
    text_auto path = {0};
    bool is_ours = false;
    char line[1024];
    FILE *f;

    text_addf(&path, "%s/qemu.log", dir);
    f = fopen(path.data, "re");
    text_clear(out);
    text_adds(out, "");
    while (f && fgets(line, sizeof(line), f)) {
        bool ours = strncmp(line, prefix, sizeof(prefix) - 1) == 0;
        const char *words = line + (ours ? sizeof(prefix) - 1 : 0);

        if (!ours && (is_ours || !any))
            continue;
        is_ours = ours;
        text_clear(out);
        text_add(out, words, strcspn(words, "\n"));
    }
    if (f)
        fclose(f);
}

void linux_last_line(const char *dir, const char *file, struct text *out)
{
    text_auto path = {0};
    char line[1024];
    FILE *f;

    text_addf(&path, "%s/%s", dir, file);
    f = fopen(path.data, "re");
    line[0] = '\0';
    while (f && fgets(line, sizeof(line), f))
        ;
    if (f)
        fclose(f);
    text_add(out, line, strcspn(line, "\n"));
}
