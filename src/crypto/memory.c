/* SPDX-License-Identifier: MIT */
#include "crypto/memory.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

static void *allocate(size_t size, const char *file, int line)
{
    return size ? malloc(size) : NULL;
}

static void release(void *memory, const char *file, int line)
{
    if (memory)
        OPENSSL_cleanse(memory, malloc_usable_size(memory));
    free(memory);
}

/* realloc(3) would leave the old place as it is. */
static void *resize(void *memory, size_t size, const char *file, int line)
{
    size_t old = memory ? malloc_usable_size(memory) : 0;
    void *moved = allocate(size, file, line);

    if (size && !moved)
        return NULL;
    if (moved && memory)
        memcpy(moved, memory, old < size ? old : size);
    release(memory, file, line);
    return moved;
}

void crypto_memory_cleansed(void)
{
    CRYPTO_set_mem_functions(allocate, resize, release);
}

__attribute__((noinline)) void crypto_stack_cleanse(void)
{
    uint8_t frames[16384];

    explicit_bzero(frames, sizeof(frames));
}
