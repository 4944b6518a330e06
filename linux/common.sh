# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What fetch, build-image and boot share. Sourced, never run.

# The cache: everything that comes from the network, and what is made of it.
cache_dir() {
    printf '%s/linux\n' "${APUS_CACHE:-${XDG_CACHE_HOME:-${HOME:?neither APUS_CACHE nor HOME is set}/.cache}/apus}"
}

program=${0##*/}

say() {
    printf '%s: %s\n' "$program" "$*" >&2
}

die() {
    say "$*"
    exit 1
}

need() {
    local tool
    for tool; do
        command -v "$tool" >/dev/null || die "needs the program $tool"
    done
}

# Directory of an unpacked kernel: its suite's name, e.g. trixie -> CACHE/kernel-trixie.
kernel_dir() {
    printf '%s/kernel-%s\n' "$(cache_dir)" "$1"
}

# Suites of kernels by preference, for those who do not name one.
readonly KERNEL_SUITES='trixie forky bookworm'

# The suite of the first of them that is in the cache, nothing if there is none.
default_kernel() {
    local suite
    for suite in $KERNEL_SUITES; do
        if is_complete "$(kernel_dir "$suite")"; then
            printf '%s\n' "$suite"
            break
        fi
    done
}

# The kernel in it: in boot, or since 7.x beside its modules. Nothing if there is none.
kernel_file() {
    find "$(kernel_dir "$1")/" \( -path '*/boot/vmlinuz-*' -o -path '*/lib/modules/*/vmlinuz' \) -print -quit 2>/dev/null ||
        true
}

# True if a directory was unpacked completely; `stamp` is written last.
is_complete() {
    [[ -f $1/stamp ]]
}
