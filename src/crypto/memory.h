/* SPDX-License-Identifier: MIT */
#ifndef APUS_CRYPTO_MEMORY_H
#define APUS_CRYPTO_MEMORY_H

/*
 * From now on OpenSSL cleanses what it frees. It does so by itself for its numbers, but not for the
 * digits of a private key that some curves are computed with. To be called before anything else of
 * OpenSSL in the process; later calls have no effect.
 */
void crypto_memory_cleansed(void);

/*
 * Cleanses 16 KiB of the stack below the caller: what it has called may have left pieces of a key
 * in its frames, and a thread that waits for the next job keeps them.
 */
void crypto_stack_cleanse(void);

#endif
