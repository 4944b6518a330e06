# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Shared by fetch, build-image and boot. Sourced, never run.

# The cache: everything fetched from the network, and everything built from it.
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
        command -v "$tool" >/dev/null || die "the program $tool is required"
    done
}

# Directory of an unpacked kernel: its suite's name, e.g. trixie -> CACHE/kernel-trixie.
kernel_dir() {
    printf '%s/kernel-%s\n' "$(cache_dir)" "$1"
}

# Suites to take a kernel from if none is named, in order of preference.
readonly KERNEL_SUITES='trixie forky bookworm'

# The first of them that has a kernel in the cache; nothing if there is none.
default_kernel() {
    local suite
    for suite in $KERNEL_SUITES; do
        if is_complete "$(kernel_dir "$suite")"; then
            printf '%s\n' "$suite"
            break
        fi
    done
}

# The kernel in such a directory: in boot, or since 7.x next to its modules. Nothing if there is none.
kernel_file() {
    find "$(kernel_dir "$1")/" \( -path '*/boot/vmlinuz-*' -o -path '*/lib/modules/*/vmlinuz' \) -print -quit 2>/dev/null ||
        true
}

# True if a directory was unpacked completely; `stamp` is written last.
is_complete() {
    [[ -f $1/stamp ]]
}
