# SPDX-License-Identifier: MIT
# Sourced inside `apus run --uevents`: our own system services, in our own directories, which end with the script.
# shellcheck shell=bash

# start NAME PROGRAM...: in the background, with its output in $WORK/NAME.log.
start() {
    local name=$1
    shift
    setpriv --pdeathsig KILL "$@" > "$WORK/$name.log" 2>&1 &
}

# await COMMAND...: repeats it until it succeeds, for a minute.
await() {
    local i
    for ((i = 0; i < 1200; i++)); do
        "$@" > "$WORK/await.log" 2>&1 && return
        sleep 0.05
    done
    echo "this never succeeded: $*" >&2
    cat "$WORK"/*.log >&2
    return 1
}

# Covers /run and the given directories of the system, as far as they exist.
own_directories() {
    local dir
    for dir in /run "$@"; do
        test -d "$dir" || continue
        mount -t tmpfs -o mode=755 tmpfs "$dir"
    done
}

# An empty configuration of mdevctl.
own_mdevctl() {
    own_directories /etc/mdevctl.d
    mkdir -p /etc/mdevctl.d/scripts.d/{callouts,notifiers}
}

# systemd-udevd with only the rules that are now in /run/udev/rules.d, since the system's rules would act
# on the computer's devices.
start_udevd() {
    mkdir -p /run/udev/rules.d /run/empty
    mount --bind /run/empty /lib/udev/rules.d
    start udevd /lib/systemd/systemd-udevd
    await udevadm control --ping
}
