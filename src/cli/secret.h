/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_SECRET_H
#define APUS_CLI_SECRET_H

#include <stdint.h>

/*
 * A secret of 64 hexadecimal digits, with a newline behind them or without, from a file that not
 * everybody may read, or from a descriptor. 0, or the exit status after a sentence on standard
 * error.
 */
#define SECRET_BYTES 32
int secret_from_file(const char *path, uint8_t out[SECRET_BYTES]);
int secret_from_fd(int fd, uint8_t out[SECRET_BYTES]);

#endif
