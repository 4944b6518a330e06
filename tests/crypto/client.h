/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_CRYPTO_CLIENT_H
#define APUS_TESTS_CRYPTO_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "abi.h"

/*
 * A client of the device node. Each command prints lines "what result" for the tests to compare.
 * Exit status 0, or 1 after a message if a result is wrong.
 */
#define OPERAND_MAX 520

/* An RSA operation with its expected result; operands in the form of the node. */
struct operation {
    int is_crt;
    size_t n;
    uint8_t input[OPERAND_MAX], expected[OPERAND_MAX], output[OPERAND_MAX];
    uint8_t exponent[OPERAND_MAX], modulus[OPERAND_MAX];
    uint8_t p[OPERAND_MAX], q[OPERAND_MAX], dp[OPERAND_MAX], dq[OPERAND_MAX], u[OPERAND_MAX];
};

_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* rsa.c. small: exponent 65537. */
void operation_me(struct operation *o, unsigned bits, int small);
void operation_crt(struct operation *o, unsigned bits);
void operation_fill(struct operation *o, struct modexpo *me, struct crt *crt);
/* Calls the ioctl: 0 or the errno. A wrong result ends the program. */
int operation_run(int fd, struct operation *o);
int command_moving(int fd);
int command_errors(int fd);
int command_latency(int fd, unsigned count);

/* cprb.c */
int cca_random(int fd, unsigned domain, unsigned bytes, uint8_t *out);
/* 0 and *rc = rtcode << 16 | rscode, or the errno. */
int cca_keygen(int fd, unsigned card, unsigned domain, uint8_t token[64], uint32_t *rc);
int cca_unwrap(int fd, unsigned card, unsigned domain, const uint8_t token[64], uint8_t out[32],
               uint32_t *rc);
/* Any service in any domain; copies room bytes of the reply's parameters. */
int cca_call(int fd, unsigned card, const char *service, const char *rule, const uint8_t *params,
             size_t len, uint8_t *reply, size_t room, uint32_t *rc);
int cca_query(int fd, unsigned card, unsigned domain);
int ep11_query(int fd, unsigned card, unsigned domain, unsigned type);
int command_cprb_errors(int fd);
int command_admin(int fd, unsigned domain);

/* ec.c. name: OpenSSL's; the curve's prime has that many bits. */
int command_ec(int fd, unsigned card, const char *name, unsigned bits);

/* adverse.c */
int command_fault(int fd, int result);
int command_fresh(int fd);
int command_own_file(int fd, const char *path);
int command_signals_once(int fd);
int command_signals_restart(int fd, unsigned count);
int command_signals(const char *node, unsigned count);

/* A page that is never populated. */
char *adverse_fault_page(void);

/* hostile.c */
int command_forge(int fd, unsigned count);
int command_flip(int fd, unsigned count);
int command_crowd(int fd, unsigned count);
int command_hoard(int fd, unsigned count);
int command_exec(int fd, int first);
int command_closing(int fd);

/* narrow.c */
int command_narrow(int fd);

/* stress.c */
int command_stress(const char *node, unsigned processes, double seconds, unsigned long count);
int command_rate(const char *node, unsigned bits, unsigned clients, double seconds);

#endif
