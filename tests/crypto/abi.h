/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_CRYPTO_ABI_H
#define APUS_TESTS_CRYPTO_ABI_H

#include <stdint.h>

/*
 * The ABI of /dev/z90crypt as a program sees it: numbers and layouts [zcrypt-structures]. Declared
 * a second time, so that a mistake in the daemon's declarations is detected.
 */
#define ICARSAMODEXPO         0xc0007a05u
#define ICARSACRT             0xc0007a06u
#define ZSECSENDCPRB          0xc0007a81u
#define ZSENDEP11CPRB         0xc0007a04u
#define ZCRYPT_DEVICE_STATUS  0xc0007a5fu
#define ZCRYPT_STATUS_MASK    0x81007a58u
#define ZCRYPT_QDEPTH_MASK    0x81007a59u
#define ZCRYPT_PERDEV_REQCNT  0x84007a5au
#define Z90STAT_REQUESTQ      0x80047a44u
#define Z90STAT_PENDINGQ      0x80047a45u
#define Z90STAT_TOTALOPEN     0x80047a46u
#define Z90STAT_DOMAIN_INDEX  0x80047a47u
#define ZDEVICESTATUS         0xc0007a4fu
#define Z90STAT_STATUS_MASK   0x80407a48u
#define Z90STAT_QDEPTH_MASK   0x80407a49u
#define Z90STAT_PERDEV_REQCNT 0x81007a4au

struct modexpo {
    void *inputdata;
    uint32_t inputdatalength;
    void *outputdata;
    uint32_t outputdatalength;
    void *b_key, *n_modulus;
};

struct crt {
    void *inputdata;
    uint32_t inputdatalength;
    void *outputdata;
    uint32_t outputdatalength;
    void *bp_key, *bq_key, *np_prime, *nq_prime, *u_mult_inv;
};

struct xcrb {
    uint16_t agent_ID;
    uint32_t user_defined;
    uint16_t request_ID;
    uint32_t request_control_blk_length;
    uint8_t pad1[8];
    void *request_control_blk_addr;
    uint32_t request_data_length;
    uint8_t pad2[8];
    void *request_data_address;
    uint32_t reply_control_blk_length;
    uint8_t pad3[8];
    void *reply_control_blk_addr;
    uint32_t reply_data_length;
    uint8_t pad4[8];
    void *reply_data_addr;
    uint16_t priority_window;
    uint32_t status;
} __attribute__((packed));

struct target {
    uint16_t ap_id, dom_id;
};

struct urb {
    uint16_t targets_num;
    uint64_t targets, weight, req_no, req_len, req, resp_len, resp;
} __attribute__((packed));

struct device_status {
    unsigned hwtype : 8, qid : 16, online : 1, functions : 6, reserved : 1;
};

struct old_device_status {
    unsigned hwtype : 8, qid : 14, online : 1, functions : 6, reserved : 3;
};

_Static_assert(sizeof(struct modexpo) == 48, "ica_rsa_modexpo");
_Static_assert(sizeof(struct crt) == 72, "ica_rsa_modexpo_crt");
_Static_assert(sizeof(struct xcrb) == 94, "ica_xcRB");
_Static_assert(sizeof(struct urb) == 58, "ep11_urb");
_Static_assert(sizeof(struct device_status) == 4 && sizeof(struct old_device_status) == 4,
               "zcrypt_device_status");

#endif
