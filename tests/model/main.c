/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "play.h"
#include "shrink.h"

/*
 * Random plays against the model. Each play runs in a process of its own, so that a crash can be
 * reported, repeated and reduced like a difference.
 */

#define PLAY_STEPS 250u

/* The progress of the playing process. */
struct progress {
    uint64_t play, steps, refusals, accepted, calls;
};

struct options {
    uint64_t seed, steps;
    enum abi_profile abi;
    bool both; /* both profiles, in turn */
    const char *replay;
};

static struct script script_random(const struct options *o, uint64_t play)
{
    struct script s = {.seed = o->seed * UINT64_C(1000003) + play, .count = PLAY_STEPS};
    uint64_t state = s.seed;
    enum style style = (enum style)(play / ABI_PROFILES % STYLES);

    s.abi = o->both ? (enum abi_profile)(play % ABI_PROFILES) : o->abi;
    s.faulty = style == STYLE_FAULTS || style == STYLE_LPAR_FAULTS;
    s.steps = xcalloc(s.count, sizeof *s.steps);
    for (unsigned i = 0; i < s.count; i++)
        s.steps[i] = step_random(&state, i, style);
    return s;
}

/* Some plays are played twice: the core has no randomness, so the results must be equal. */
#define TWICE_EVERY 16u

static bool plays_alike(const struct script *s, uint64_t digest)
{
    struct verdict again;

    script_play(s, &again);
    text_done(&again.why);
    if (again.digest != digest)
        printf("the same play had other effects when it was played again\n");
    return again.digest == digest;
}

static int plays(const struct options *o, struct progress *at)
{
    while (at->steps < o->steps) {
        struct script s = script_random(o, at->play);
        struct verdict v;

        script_play(&s, &v);
        if (!v.failed && at->play % TWICE_EVERY == 0)
            v.failed = !plays_alike(&s, v.digest);
        free(s.steps);
        at->refusals += v.refusals;
        at->steps += s.count;
        at->accepted += v.accepted;
        at->calls += v.calls;
        if (v.failed)
            printf("step %zu: %s\n", v.step + 1, v.why.len ? v.why.data : "");
        text_done(&v.why);
        if (v.failed)
            return EXIT_FAILURE;
        at->play++;
    }
    return EXIT_SUCCESS;
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int run(const struct options *o)
{
    struct progress *at =
        mmap(NULL, sizeof *at, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    double begin = seconds();
    struct script s;
    int status;
    pid_t pid;

    if (at == MAP_FAILED)
        return EXIT_FAILURE;
    printf("seed %" PRIu64 ", profile %s\n", o->seed, o->both ? "both" : abi_get(o->abi)->name);
    fflush(stdout);
    pid = fork();
    if (pid == 0)
        exit(plays(o, at));
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return EXIT_FAILURE;
    begin = seconds() - begin;
    printf("%" PRIu64 " plays, %" PRIu64 " steps, %" PRIu64 " refusals, %" PRIu64
           " messages, %" PRIu64 " requests, %.0f steps/s\n",
           at->play, at->steps, at->refusals, at->accepted, at->calls, (double)at->steps / begin);
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS)
        return EXIT_SUCCESS;
    s = script_random(o, at->play);
    printf("play %" PRIu64 " of seed %" PRIu64 " fails; making it small\n", at->play, o->seed);
    fflush(stdout);
    script_shrink(&s);
    script_print(&s, stdout);
    free(s.steps);
    return EXIT_FAILURE;
}

static int replay(const char *path)
{
    struct script s;
    struct verdict v;

    if (script_load(path, &s) < 0)
        return EXIT_FAILURE;
    script_play(&s, &v);
    if (v.failed)
        printf("step %zu: %s\n", v.step + 1, v.why.data);
    else
        printf("%zu steps, no difference\n", s.count);
    text_done(&v.why);
    free(s.steps);
    return v.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int usage(void)
{
    fputs("usage: model [--seed N|clock] [--steps N] [--profile proposal|upstream|both] "
          "[--replay FILE]\n",
          stderr);
    return 2;
}

static bool number(const char *text, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 0);
    return !errno && end != text && !*end;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {{"seed", required_argument, NULL, 's'},
                                          {"steps", required_argument, NULL, 'n'},
                                          {"profile", required_argument, NULL, 'p'},
                                          {"replay", required_argument, NULL, 'r'},
                                          {0}};
    struct options o = {.seed = 1, .steps = 20000, .both = true};
    int c;

    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        bool good = c != '?';

        if (c == 's' && strcmp(optarg, "clock") == 0)
            o.seed = (uint64_t)time(NULL);
        else if (c == 's' || c == 'n')
            good = number(optarg, c == 's' ? &o.seed : &o.steps);
        else if (c == 'p' && strcmp(optarg, "both") != 0)
            good = abi_parse(optarg, &o.abi) == 0, o.both = false;
        else if (c == 'r')
            o.replay = optarg;
        if (!good)
            return usage();
    }
    if (optind != argc)
        return usage();
    return o.replay ? replay(o.replay) : run(&o);
}
