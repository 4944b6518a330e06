/* SPDX-License-Identifier: MIT */
/*
 * Runs LLVMFuzzerTestOneInput without libFuzzer: on every file of the given directories, then on a
 * number of deterministic mutations of them. The same seed gives the same inputs, so failures are
 * reproducible. The failing input is written to the file crash-input in the working directory.
 *
 *   driver [-runs=N] [-seed=N] DIRECTORY_OR_FILE...
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

#define INPUT_MAX 16384u

struct input {
    uint8_t *data;
    size_t len;
};

struct corpus {
    struct input *inputs;
    size_t count;
};

/* A global variable for the crash handler. */
static struct input current;

void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void save_current(void)
{
    int fd = open("crash-input", O_WRONLY | O_CREAT | O_TRUNC, 0644);

    if (fd < 0)
        return;
    if (write(fd, current.data, current.len) != (ssize_t)current.len)
        perror("crash-input");
    close(fd);
}

static void die(int signal_number)
{
    save_current();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

/* Runs a copy of exactly the input's size, so that a sanitizer detects any overrun. */
static void run_one(const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);

    if (!copy)
        abort();
    if (len)
        memcpy(copy, data, len);
    current = (struct input){copy, len};
    LLVMFuzzerTestOneInput(copy, len);
    current = (struct input){0};
    free(copy);
}

static void corpus_add(struct corpus *corpus, const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(INPUT_MAX);

    if (!file || !data) {
        perror(path);
        exit(2);
    }
    corpus->inputs = realloc(corpus->inputs, (corpus->count + 1) * sizeof(*corpus->inputs));
    if (!corpus->inputs)
        abort();
    corpus->inputs[corpus->count].len = fread(data, 1, INPUT_MAX, file);
    corpus->inputs[corpus->count++].data = data;
    fclose(file);
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void corpus_load(struct corpus *corpus, const char *path)
{
    struct dirent **entries;
    struct stat st;
    int count;

    if (stat(path, &st) < 0) {
        perror(path);
        exit(2);
    }
    if (!S_ISDIR(st.st_mode)) {
        corpus_add(corpus, path);
        return;
    }
    count = scandir(path, &entries, visible, alphasort);
    for (int i = 0; i < count; i++) {
        char file[4096];

        snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
        corpus_add(corpus, file);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

static void corpus_done(struct corpus *corpus)
{
    for (size_t i = 0; i < corpus->count; i++)
        free(corpus->inputs[i].data);
    free(corpus->inputs);
}

/* xorshift64*: reproducible, independent of libc. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

static size_t below(uint64_t *state, size_t bound)
{
    return bound ? next_random(state) % bound : 0;
}

/* Bytes that parsers often treat specially. */
static uint8_t special_byte(uint64_t *state)
{
    static const uint8_t special[] = {0,    1,    2,   4,    8,   0x10, 0x7f,
                                      0x80, 0xff, ' ', '\n', '0', ',',  '-'};

    return special[below(state, sizeof(special))];
}

static size_t mutate_once(uint8_t *data, size_t len, const struct input *other, uint64_t *state)
{
    size_t at = below(state, len), amount = 1 + below(state, 8);

    switch (next_random(state) % 7) {
    case 0:
        if (len)
            data[at] ^= (uint8_t)(1u << below(state, 8));
        return len;
    case 1:
        if (len)
            data[at] = special_byte(state);
        return len;
    case 2:
        if (len)
            data[at] = (uint8_t)next_random(state);
        return len;
    case 3:
        return at;
    case 4:
        amount = amount < len - at ? amount : len - at;
        memmove(data + at, data + at + amount, len - at - amount);
        return len - amount;
    case 5:
        if (len + amount > INPUT_MAX)
            return len;
        memmove(data + at + amount, data + at, len - at);
        memset(data + at, special_byte(state), amount);
        return len + amount;
    default:
        amount = below(state, other->len + 1);
        amount = amount < INPUT_MAX - at ? amount : INPUT_MAX - at;
        memcpy(data + at, other->data + (other->len - amount), amount);
        return at + amount > len ? at + amount : len;
    }
}

static void run_mutations(const struct corpus *corpus, unsigned long runs, uint64_t seed)
{
    static const struct input nothing = {(uint8_t *)"", 0};
    uint8_t *data = malloc(INPUT_MAX);
    uint64_t state = seed * 2 + 1;

    if (!data)
        abort();
    for (unsigned long i = 0; i < runs; i++) {
        const struct input *from = &nothing, *other = &nothing;
        size_t len, times = 1 + below(&state, 6);

        if (corpus->count) {
            from = &corpus->inputs[below(&state, corpus->count)];
            other = &corpus->inputs[below(&state, corpus->count)];
        }
        len = from->len;
        memcpy(data, from->data, len);
        while (times--)
            len = mutate_once(data, len, other, &state);
        run_one(data, len);
    }
    free(data);
}

int main(int argc, char **argv)
{
    unsigned long runs = 5000, seed = 1;
    struct corpus corpus = {0};

    for (int i = 1; i < argc; i++) {
        if (sscanf(argv[i], "-runs=%lu", &runs) == 1 || sscanf(argv[i], "-seed=%lu", &seed) == 1)
            continue;
        corpus_load(&corpus, argv[i]);
    }
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(save_current);
    else
        signal(SIGSEGV, die);
    signal(SIGABRT, die);
    for (size_t i = 0; i < corpus.count; i++)
        run_one(corpus.inputs[i].data, corpus.inputs[i].len);
    run_mutations(&corpus, runs, seed);
    printf("%zu inputs, %lu mutations, seed %lu\n", corpus.count, runs, seed);
    corpus_done(&corpus);
    return 0;
}
