# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC3043
# Checks are functions check_NAME; a line says what became of each.
SOCKET=/run/a.sock TREE=/mnt/a

failed() {
    echo "  $*"
    broken=1
}

# is WHAT WANTED GOT
is() {
    [ "$2" = "$3" ] || failed "$1: '$3', not '$2'"
}

has() {
    case $3 in
    *$2*) ;;
    *) failed "$1: '$3' has no '$2'" ;;
    esac
}

client() {
    timeout 120 crypto-client "$@" 2>&1 || failed "crypto-client $*: exit status $?"
}

# At most a minute.
wait_for() {
    local i=0
    while ! eval "$1"; do
        i=$((i + 1))
        [ $i -lt 1200 ] || { failed "in vain: $1"; return 1; }
        usleep 50000
    done
}

start() {
    mkdir -p $TREE
    : >/tmp/said
    apus daemon --mount $TREE --socket $SOCKET --nodes=cuse --quiet "$@" >/tmp/said 2>&1 &
    daemon=$!
    wait_for 'grep -q ready /tmp/said || ! kill -0 $daemon 2>/dev/null'
    grep -q ready /tmp/said || failed "the start: $(cat /tmp/said)"
}

stop() {
    kill "$daemon"
    wait "$daemon" || failed "the daemon ended with $?: $(cat /tmp/said)"
}

run() {
    broken=''
    begun=$(cut -d. -f1 /proc/uptime)
    "check_$1" || broken=1
    echo "CHECK $1 ${broken:+FAILED }$(($(cut -d. -f1 /proc/uptime) - begun)) s"
}
