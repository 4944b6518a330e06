/* SPDX-License-Identifier: MIT */
#include "run/program.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "run/error.h"
#include "run/filter.h"
#include "run/lend.h"
#include "socket/fds.h"

#define END_WAIT_SECONDS  10
#define KILL_WAIT_SECONDS 2

static const int watched[] = {SIGCHLD, SIGHUP,  SIGINT,  SIGQUIT,  SIGTERM,
                              SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH, 0};

/* 0, ENOENT or EACCES. */
static int check_file(const char *path)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return errno == EACCES ? EACCES : ENOENT;
    return S_ISREG(st.st_mode) && access(path, X_OK) == 0 ? 0 : EACCES;
}

/* Searches $PATH like execvp(3), unless it is a path. 0, and its path; EACCES: only files that
 * cannot be executed were found; ENOENT. */
static int search(const char *name, char path[PATH_MAX])
{
    const char *dirs = getenv("PATH");
    int result = ENOENT;

    if (strchr(name, '/')) {
        snprintf(path, PATH_MAX, "%s", name);
        return check_file(name);
    }
    if (!dirs)
        dirs = "/bin:/usr/bin";
    while (result != 0) {
        size_t len = strcspn(dirs, ":");

        snprintf(path, PATH_MAX, "%.*s%s%s", (int)len, dirs, len ? "/" : "", name);
        int got = check_file(path);
        if (got != ENOENT)
            result = got;
        if (!dirs[len])
            break;
        dirs += len + 1;
    }
    return result;
}

bool program_find(const char *name, char *out)
{
    return search(name, out) == 0;
}

int program_check(const char *name)
{
    char path[PATH_MAX];

    if (!*name)
        return run_error(ENOENT, "the program has an empty name"), PROGRAM_MISSING;
    switch (search(name, path)) {
    case 0:
        return 0;
    case EACCES:
        run_error(EACCES,
                  "'%s' cannot be executed; it is not a program, or not executable (chmod +x)",
                  name);
        return PROGRAM_UNRUNNABLE;
    default:
        run_error(ENOENT,
                  strchr(name, '/') ? "there is no program '%s'"
                                    : "there is no program '%s' in the PATH",
                  name);
        return PROGRAM_MISSING;
    }
}

static _Noreturn void execute(char **argv)
{
    int err;

    execvp(argv[0], argv);
    err = errno;
    if (err != ENOENT)
        run_error(err, "cannot execute '%s': %s", argv[0], error_text(err));
    else if (program_check(argv[0]) == 0)
        run_error(err, "'%s' exists, but its interpreter does not", argv[0]);
    _exit(err == ENOENT ? PROGRAM_MISSING : PROGRAM_UNRUNNABLE);
}

/*
 * Behind a filter that reports paths and writes, a process can hardly do anything until the daemon
 * has the listener. So the parent passes it on; the calls here are not reported.
 */
static int give_parent(void *data, int listener)
{
    const int *link = data;
    char done = 0;

    if (fds_send(*link, "l", 1, listener) != 1 || recv(*link, &done, 1, 0) != 1)
        return -EPIPE;
    return done == 'y' ? 0 : -EIO;
}

/* lend: as for watch. */
static int pass_on(int listener, const struct program_entry *entry, int *lend)
{
    int socket, ret;

    if (!lend_is_needed())
        return entry->hand_over(entry->data, listener);
    socket = lend_begin(listener, lend);
    if (socket < 0)
        return run_error(-socket, "cannot offer a program's memory: %s", error_text(-socket)),
               socket;
    ret = entry->hand_over(entry->data, socket);
    close(socket);
    return ret;
}

static void take_listener(int link, const struct program_entry *entry, int *lend)
{
    int listener = fds_receive_one(link, 0);
    char byte;

    if (listener < 0)
        return; /* the child has said why */
    byte = pass_on(listener, entry, lend) == 0 ? 'y' : 'n';
    close(listener);
    send(link, &byte, 1, MSG_NOSIGNAL);
}

static _Noreturn void become(char **argv, const sigset_t *old, pid_t parent,
                             const struct program_entry *entry, int link)
{
    struct program_entry by_parent;

    if (entry && entry->enter && entry->enter(entry->data) < 0)
        _exit(PROGRAM_FAILED);
    /* Behind that, which may change what the kernel resets it for. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(PROGRAM_FAILED);
    sigprocmask(SIG_SETMASK, old, NULL);
    if (entry && entry->paths) {
        by_parent = *entry;
        by_parent.hand_over = give_parent;
        by_parent.data = &link;
        entry = &by_parent;
    }
    if (entry && entry->hand_over) {
        filter_grant();
        if (filter_hand_over(entry) < 0 && entry->needed)
            _exit(PROGRAM_FAILED);
    }
    execute(argv);
}

/* Starts the program with the signal mask old. Returns its process id, or -errno after an error
 * message. entry: as for program_run_entered; lend: as for watch. */
static pid_t start(char **argv, const sigset_t *old, const struct program_entry *entry, int *lend)
{
    pid_t parent = getpid(), child;
    int link[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link) < 0) {
        child = -errno;
        return run_error(-child, "cannot start a process: %s", error_text(-child)), child;
    }
    child = fork();
    if (child == 0)
        become(argv, old, parent, entry, link[1]);
    if (child < 0) {
        child = -errno;
        run_error(-child, "cannot start a process: %s", error_text(-child));
    }
    close(link[1]);
    if (child > 0 && entry && entry->paths)
        take_listener(link[0], entry, lend);
    close(link[0]);
    return child;
}

/* Converts a wait status to an exit status. */
static int exit_status(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void report_daemon(int status)
{
    if (WIFSIGNALED(status))
        run_error(EPIPE, "the daemon was killed by signal %d (%s); its part of /sys is gone",
                  WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        run_error(EPIPE, "the daemon exited with status %d; its part of /sys is gone",
                  WEXITSTATUS(status));
}

/*
 * Reaps all children that have ended. Returns whether the program is among them; if so, *status is
 * its exit status.
 */
static bool reap(pid_t program, pid_t *daemon, int *status)
{
    int how;
    pid_t pid;
    bool ended = false;

    while ((pid = waitpid(-1, &how, WNOHANG)) > 0) {
        if (pid == program) {
            *status = exit_status(how);
            ended = true;
        } else if (pid == *daemon) {
            report_daemon(how);
            *daemon = 0;
        }
    }
    return ended;
}

/* Until there is a signal. lend: where the daemon asks for memory of the program; -1: nowhere. */
static void wait_lending(int signals, int *lend)
{
    struct pollfd fds[] = {{.fd = signals, .events = POLLIN}, {.events = POLLIN}};

    for (fds[1].fd = *lend; *lend >= 0; fds[1].fd = *lend) {
        if (poll(fds, 2, -1) > 0 && fds[0].revents)
            return;
        if (!fds[1].revents || lend_answer(*lend))
            continue;
        close(*lend);
        *lend = -1;
    }
}

/* Forwards signals until the program has ended. Returns its exit status. */
static int watch(int signals, pid_t program, pid_t *daemon, int *lend)
{
    struct signalfd_siginfo info;
    int status = PROGRAM_FAILED;

    /* Reap first: if the daemon ended before SIGCHLD was blocked, there will be no signal. */
    while (!reap(program, daemon, &status)) {
        wait_lending(signals, lend);
        if (read(signals, &info, sizeof(info)) != sizeof(info) || info.ssi_signo == SIGCHLD)
            continue;
        /* A signal from the terminal has already reached the whole foreground process group. */
        if (info.ssi_code != SI_KERNEL)
            kill(program, (int)info.ssi_signo);
    }
    return status;
}

/* Blocks the signals that we watch, for good: what remains to be done is not interrupted. Programs
 * get the mask that we had before the first of them. */
static const sigset_t *block(const sigset_t *set)
{
    static sigset_t usual;
    static bool known;

    sigprocmask(SIG_BLOCK, set, known ? NULL : &usual);
    known = true;
    return &usual;
}

int program_run_entered(char **argv, pid_t *daemon, const struct program_entry *entry)
{
    bool had_daemon = *daemon != 0;
    int signals, lend = -1, status = PROGRAM_FAILED;
    const sigset_t *usual;
    sigset_t set;
    pid_t program;

    sigemptyset(&set);
    for (int i = 0; watched[i]; i++)
        sigaddset(&set, watched[i]);
    usual = block(&set);
    signals = signalfd(-1, &set, SFD_CLOEXEC);
    if (signals < 0)
        return run_error(errno, "cannot watch signals: %s", error_text(errno)), PROGRAM_FAILED;
    program = start(argv, usual, entry, &lend);
    if (program > 0)
        status = watch(signals, program, daemon, &lend);
    if (lend >= 0)
        close(lend);
    close(signals);
    return had_daemon && *daemon == 0 && status == 0 ? PROGRAM_FAILED : status;
}

int program_run(char **argv, pid_t *daemon)
{
    return program_run_entered(argv, daemon, NULL);
}

/* Whether the child has ended, and how; SIGCHLD is blocked. */
static bool ends_within(pid_t child, int seconds, int *how)
{
    const struct timespec limit = {.tv_sec = seconds};
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    while (waitpid(child, how, WNOHANG) == 0)
        if (sigtimedwait(&set, NULL, &limit) < 0 && errno == EAGAIN)
            return false;
    return true;
}

bool program_end_daemon(pid_t daemon)
{
    int how = 0;

    kill(daemon, SIGTERM);
    if (ends_within(daemon, END_WAIT_SECONDS, &how)) {
        if (!WIFSIGNALED(how) || WTERMSIG(how) == SIGTERM)
            return true;
        report_daemon(how);
        return false;
    }
    run_error(ETIMEDOUT, "the daemon did not end within %d seconds and was killed",
              END_WAIT_SECONDS);
    kill(daemon, SIGKILL);
    /* The kernel may keep it: a program holds a directory of its tree. */
    ends_within(daemon, KILL_WAIT_SECONDS, &how);
    return true;
}

void program_extend_path(void)
{
    const char *path = getenv("PATH");
    char own[PATH_MAX], found[PATH_MAX], joined[2 * PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", own, sizeof(own) - 1);

    if (len <= 0 || program_find("apus", found))
        return;
    own[len] = '\0';
    *strrchr(own, '/') = '\0';
    if (strlen(own) + (path ? strlen(path) : 0) + 2 > sizeof(joined))
        return;
    snprintf(joined, sizeof(joined), "%s%s%s", path ? path : "/bin:/usr/bin", ":", own);
    setenv("PATH", joined, 1);
}

static const char *current_path(void)
{
    const char *path = getenv("PATH");

    return path ? path : "/bin:/usr/bin";
}

void program_prefer_dir(const char *dir)
{
    text_auto joined = {0};

    text_addf(&joined, "%s:%s", dir, current_path());
    setenv("PATH", joined.data, 1);
}

void program_offer_dir(const char *dir)
{
    text_auto joined = {0};

    text_addf(&joined, "%s:%s", current_path(), dir);
    setenv("PATH", joined.data, 1);
}

void program_set_environment(const char *socket)
{
    setenv("APUS_SOCKET", socket, 1);
    setenv("SYSTEMD_DEVICE_VERIFY_SYSFS", "0", 1);
}
