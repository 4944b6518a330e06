# SPDX-License-Identifier: MIT
# To be sourced inside `apus run --uevents`: system services of our own, in directories of our own. All
# of them end with the script.
# shellcheck shell=bash

# start NAME PROGRAM...: in the background, with its output in $WORK/NAME.log.
start() {
    local name=$1
    shift
    setpriv --pdeathsig KILL "$@" > "$WORK/$name.log" 2>&1 &
}

# await COMMAND...: until it succeeds, at most some seconds.
await() {
    local i
    for ((i = 0; i < 400; i++)); do
        "$@" > "$WORK/await.log" 2>&1 && return
        sleep 0.05
    done
    echo "this never succeeded: $*" >&2
    cat "$WORK"/*.log >&2
    return 1
}

# What is in /run and in the given directories of the system, if there are any, cannot be reached any
# more.
own_directories() {
    local dir
    for dir in /run "$@"; do
        test -d "$dir" || continue
        mount -t tmpfs -o mode=755 tmpfs "$dir"
    done
}

# mdevctl's configuration, empty.
own_mdevctl() {
    own_directories /etc/mdevctl.d
    mkdir -p /etc/mdevctl.d/scripts.d/{callouts,notifiers}
}

# systemd-udevd with nothing but the rules that are in /run/udev/rules.d by now: the system's own would
# act on its devices.
start_udevd() {
    mkdir -p /run/udev/rules.d /run/empty
    mount --bind /run/empty /lib/udev/rules.d
    start udevd /lib/systemd/systemd-udevd
    await udevadm control --ping
}
