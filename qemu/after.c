/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <pthread.h>

#include "insn.h"

/* Blocks that begin after one of our instructions. That happens only at the end of a page or where
 * QEMU splits blocks, so a few places suffice; the oldest is replaced. */
enum { PLACES = 64 };

static struct {
    pthread_mutex_t lock;
    struct {
        uint64_t address;
        plugin_vcpu_callback cb;
    } place[PLACES];
    unsigned used, next;
} after = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void add_callback(struct qemu_plugin_tb *tb, size_t index, plugin_vcpu_callback cb)
{
    qemu_plugin_register_vcpu_insn_exec_cb(qemu_plugin_tb_get_insn(tb, index), cb,
                                           PLUGIN_WRITES_REGS, NULL);
}

static void remember(uint64_t address, plugin_vcpu_callback cb)
{
    pthread_mutex_lock(&after.lock);
    for (unsigned i = 0; i < after.used; i++) {
        if (after.place[i].address == address && after.place[i].cb == cb) {
            pthread_mutex_unlock(&after.lock);
            return;
        }
    }
    after.place[after.next].address = address;
    after.place[after.next].cb = cb;
    after.next = (after.next + 1) % PLACES;
    if (after.used < PLACES)
        after.used++;
    pthread_mutex_unlock(&after.lock);
}

void after_insn(struct qemu_plugin_tb *tb, size_t index, plugin_vcpu_callback cb)
{
    if (index + 1 < qemu_plugin_tb_n_insns(tb))
        add_callback(tb, index + 1, cb);
    else
        remember(qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, index)) + 4, cb);
}

void after_begin_block(struct qemu_plugin_tb *tb)
{
    uint64_t address = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0));

    pthread_mutex_lock(&after.lock);
    for (unsigned i = 0; i < after.used; i++)
        if (after.place[i].address == address)
            add_callback(tb, 0, after.place[i].cb);
    pthread_mutex_unlock(&after.lock);
}
