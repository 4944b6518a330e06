/* SPDX-License-Identifier: MIT */
#include "shrink.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void script_play(const struct script *s, struct verdict *out)
{
    struct play *p = xcalloc(1, sizeof *p);
    size_t i = 0;

    play_init(p, s->seed, s->abi, s->faulty);
    if (!p->why.len)
        while (i < s->count && play_step(p, &s->steps[i]))
            i++;
    if (!p->why.len)
        play_end(p);
    *out = (struct verdict){.failed = p->why.len,
                            .step = i,
                            .refusals = p->refusals,
                            .digest = p->digest,
                            .accepted = p->requests.accepted,
                            .calls = p->requests.calls_made};
    if (p->why.len)
        text_add(&out->why, p->why.data, p->why.len);
    play_done(p);
    free(p);
}

static bool fails(const struct script *s)
{
    int status = 0;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        struct verdict v;

        if (!freopen("/dev/null", "w", stderr))
            _exit(0);
        script_play(s, &v);
        text_done(&v.why);
        exit(v.failed);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return false;
    return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

/* Removes steps from..from+n, if the play then still fails. */
static bool leave_out(struct script *s, size_t from, size_t n)
{
    struct script less = {
        .seed = s->seed, .abi = s->abi, .faulty = s->faulty, .count = s->count - n};

    less.steps = xcalloc(less.count, sizeof *less.steps);
    memcpy(less.steps, s->steps, from * sizeof *less.steps);
    memcpy(less.steps + from, s->steps + from + n, (less.count - from) * sizeof *less.steps);
    if (!fails(&less)) {
        free(less.steps);
        return false;
    }
    free(s->steps);
    *s = less;
    return true;
}

static void leave_out_chunks(struct script *s)
{
    for (size_t n = s->count / 2; n; n /= 2)
        for (size_t end = s->count; end >= n; end -= n)
            if (!leave_out(s, end - n, n) && end < 2 * n)
                break;
}

static bool try_step(struct script *s, size_t i, struct step simpler)
{
    struct step was = s->steps[i];

    if (memcmp(&was, &simpler, sizeof was) == 0)
        return false;
    s->steps[i] = simpler;
    if (fails(s))
        return true;
    s->steps[i] = was;
    return false;
}

/* Removes characters (but one, since an empty write is none) and flags that are not needed. */
static void simplify(struct script *s, size_t i)
{
    struct step one = s->steps[i];

    for (size_t k = 0; s->steps[i].data[k] && s->steps[i].data[1];) {
        one = s->steps[i];
        memmove(one.data + k, one.data + k + 1, strlen(one.data + k));
        if (!try_step(s, i, one))
            k++;
    }
    one = s->steps[i];
    one.force = false;
    try_step(s, i, one);
    one = s->steps[i];
    one.token = 0;
    try_step(s, i, one);
    one = s->steps[i];
    one.value |= s->steps[i].kind == STEP_START ? 0xf : 0;
    try_step(s, i, one);
}

void script_shrink(struct script *s)
{
    size_t before;

    if (!fails(s)) {
        printf("it does not fail again when it is played alone\n");
        return;
    }
    do {
        before = s->count;
        leave_out_chunks(s);
    } while (s->count < before);
    for (size_t i = 0; i < s->count; i++)
        simplify(s, i);
}

void script_print(const struct script *s, FILE *out)
{
    struct verdict v;
    pid_t pid;

    fprintf(out, "play %" PRIu64 " %s%s\n", s->seed, abi_get(s->abi)->name,
            s->faulty ? " faults" : "");
    for (size_t i = 0; i < s->count; i++) {
        step_format(&s->steps[i], out);
        putc('\n', out);
    }
    fflush(out);
    pid = fork(); /* it may crash */
    if (pid == 0) {
        script_play(s, &v);
        if (v.failed)
            fprintf(out, "# step %zu: %s\n", v.step + 1, v.why.data);
        fflush(out);
        text_done(&v.why);
        exit(0);
    }
    if (pid > 0)
        waitpid(pid, NULL, 0);
}

static int bad_line(const char *path, unsigned line)
{
    fprintf(stderr, "%s:%u: not a step of a play\n", path, line);
    return -EINVAL;
}

int script_load(const char *path, struct script *out)
{
    struct script s = {0};
    FILE *in = fopen(path, "re");
    char line[2048], abi[16] = "";
    int rc = 0;

    if (!in) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return -errno;
    }
    for (unsigned n = 1; rc == 0 && fgets(line, sizeof line, in); n++) {
        if (*line == '#' || *line == '\n')
            continue;
        if (!*abi) {
            if (sscanf(line, "play %" SCNu64 " %15s", &s.seed, abi) != 2 ||
                abi_parse(abi, &s.abi) < 0)
                rc = bad_line(path, n);
            s.faulty = strstr(line, " faults");
            continue;
        }
        s.steps = xrealloc(s.steps, (s.count + 1) * sizeof *s.steps);
        if (step_parse(line, &s.steps[s.count]) < 0)
            rc = bad_line(path, n);
        else
            s.count++;
    }
    fclose(in);
    if (rc == 0)
        *out = s;
    else
        free(s.steps);
    return rc;
}
