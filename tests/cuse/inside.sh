# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC3043
# The checks, in the booted machine.
. /root/checks.sh

# Everything that a daemon could leave.
leftovers() {
    (ls /dev /sys/class/cuse /run /mnt/a; cat /proc/mounts | cut -d' ' -f2 | sort; pidof apus) 2>&1
}

# Every reply takes long; the number of the rule is in $rule.
slow() {
    rule=$(apus fault add --socket $SOCKET '* always delay 600s' | tr -dc 0-9)
    [ -n "$rule" ] || failed 'no fault'
}

# An ioctl on the node waits for its reply.
pending() {
    wait_for "[ \"\$(cat /sys/class/cuse/$1/waiting)\" -gt 0 ]"
    usleep 1000000
}

quick() {
    apus fault remove --socket $SOCKET all >/dev/null || failed 'the fault stays'
}

# same WHAT BEFORE: nothing is left that was not there.
same() {
    echo "$2" >/tmp/before
    leftovers >/tmp/after
    cmp -s /tmp/before /tmp/after || failed "$1: $(diff /tmp/before /tmp/after)"
}

number() {
    stat -c '%t:%T %a %u:%g %F' "$1" 2>&1
}

# Before the module is loaded.
check_no_cuse() {
    local before said
    mkdir -p -m 700 $TREE /run/apus
    rm -f /dev/cuse
    before=$(leftovers)
    said=$(apus daemon --mount $TREE --socket $SOCKET --nodes=cuse 2>&1)
    is 'exit status' 1 $?
    has 'the daemon' "modprobe cuse" "$said"
    said=$(apus run --nodes=cuse -- true 2>&1)
    is 'exit status' 125 $?
    has 'apus run' "CONFIG_CUSE" "$said"
    said=$(apus up a --nodes=cuse 2>&1)
    is 'exit status' 125 $?
    has 'apus up' "CONFIG_CUSE" "$said"
    same 'before and after' "$before"
    insmod /root/cuse.ko
}

check_node() {
    major=$(stat -c %t /dev/z90crypt)
    is z90crypt "$major:100 666 0:0 character special file" "$(number /dev/z90crypt)"
    is 'the number in sysfs' $((0x$major)):256 "$(cat /sys/class/cuse/z90crypt/dev)"
    is 'a read' 'cat: read error: Operation not permitted' "$(cat /dev/z90crypt 2>&1)"
    has 'a write' 'Operation not permitted' "$(sh -c 'echo x > /dev/z90crypt' 2>&1)"
}

check_requests() {
    local token code
    is 'modulus-exponent' '512 0 1024 0 4096 0 ' "$(client me /dev/z90crypt 512 1024 4096 | tr '\n' ' ')"
    is CRT '512 0 2048 0 ' "$(client crt /dev/z90crypt 512 2048 | tr '\n' ' ')"
    client errors /dev/z90crypt >/tmp/real
    client errors $TREE/dev/z90crypt >/tmp/tree
    cmp /tmp/real /tmp/tree || failed "errors: $(diff /tmp/real /tmp/tree)"
    client cprb-errors /dev/z90crypt >/tmp/real
    client cprb-errors $TREE/dev/z90crypt >/tmp/tree
    cmp /tmp/real /tmp/tree || failed "errors of CPRBs: $(diff /tmp/real /tmp/tree)"
    client keygen /dev/z90crypt 5 4 >/tmp/key
    has 'a key' 'code 0/0' "$(cat /tmp/key)"
    token=$(sed -n 's/^token //p' /tmp/key)
    code=$(client unwrap /dev/z90crypt 5 4 "$token")
    has 'the key unwrapped' 'code 0/0' "$code"
    is 'by the tree' "$code" "$(client unwrap $TREE/dev/z90crypt 5 4 "$token")"
    has 'random bytes' 'random ' "$(client random /dev/z90crypt 4 4096 | cut -c 1-40)"
    client narrow /dev/z90crypt >/tmp/real
    client narrow $TREE/dev/z90crypt >/tmp/tree
    cmp /tmp/real /tmp/tree || failed "32-bit calls: $(diff /tmp/real /tmp/tree)"
}

check_status() {
    client status /dev/z90crypt | grep -v '^open' >/tmp/real
    client status $TREE/dev/z90crypt | grep -v '^open' >/tmp/tree
    cmp /tmp/real /tmp/tree || failed "status: $(diff /tmp/real /tmp/tree)"
    has 'open nodes' 'open 1' "$(client status /dev/z90crypt)"
    has 'the matrix of 256 KiB' 'matrix 0504 type' "$(client status /dev/z90crypt)"
}

check_at_once() {
    client stress /dev/z90crypt 8 60 80 >/tmp/out
    has 'of all kinds' 'ended 8' "$(cat /tmp/out)"
    [ "$(sed -n 's/^right //p' /tmp/out)" -gt 40 ] || failed "stress: $(cat /tmp/out)"
    client crowd /dev/z90crypt 24 >/tmp/out
    is 'on one descriptor' 'right 24 wrong 0 ' "$(tr '\n' ' ' </tmp/out)"
}

check_signals() {
    local out
    out=$(client signals-restart /dev/z90crypt 10)
    has 'with SA_RESTART' 'right 10' "$out"
    # A fault holds the reply back: the signal ends the wait, without SA_RESTART by EINTR.
    slow
    crypto-client signals-once /dev/z90crypt >/tmp/out 2>&1 &
    pending z90crypt
    kill -STOP $!
    usleep 300000
    kill -CONT $!
    usleep 300000
    kill -0 $! || failed "stopped and continued, it ended: $(cat /tmp/out)"
    kill -USR1 $!
    wait $!
    is 'with a handler' 'ioctl EINTR handled 1 ' "$(tr '\n' ' ' </tmp/out)"
    crypto-client signals-once /dev/z90crypt >/tmp/out 2>&1 &
    pending z90crypt
    kill -KILL $!
    wait $!
    is 'killed' 137 $?
    quick
    is afterwards '1024 0' "$(client me /dev/z90crypt 1024)"
}

# Arguments that another thread changes, addresses of nothing, memory that never comes.
check_hostile() {
    local stuck
    client flip /dev/z90crypt 100 >/tmp/out
    cat /tmp/out
    crypto-client fault /dev/z90crypt 0 >/tmp/out 2>&1 &
    stuck=$!
    crypto-client fault /dev/z90crypt 1 >/tmp/out2 2>&1 &
    wait_for 'grep -q waits /tmp/out /tmp/out2'
    usleep 500000
    is 'beside it' '1024 0' "$(client me /dev/z90crypt 1024)"
    kill -KILL $stuck $!
    wait $stuck $!
    is 'afterwards' '1024 0' "$(client me /dev/z90crypt 1024)"
}

check_created() {
    echo zcrypt-a >$TREE/class/zcrypt/create
    is 'at once' "$major:0 666 0:0 character special file" "$(number /dev/zcrypt-a)"
    is 'its number' "$(cat $TREE/class/zcrypt/zcrypt-a/dev)" "$(cat /sys/class/cuse/zcrypt-a/dev)"
    is 'before a mask' '1024 EPERM' "$(client me /dev/zcrypt-a 1024)"
    for mask in ioctlmask apmask aqmask; do
        echo 0x$(printf '%064d' 0 | tr 0 f) >$TREE/class/zcrypt/zcrypt-a/$mask
    done
    is 'with masks' '1024 0' "$(client me /dev/zcrypt-a 1024)"
    crypto-client hold /dev/zcrypt-a >/tmp/out &
    wait_for 'grep -q open /tmp/out'
    echo zcrypt-a >$TREE/class/zcrypt/destroy
    [ ! -e /dev/zcrypt-a ] || failed 'destroyed, it is still there'
    [ ! -e /sys/class/cuse/zcrypt-a ] || failed 'destroyed, it is still in sysfs'
    kill $!
    wait $!
    echo zcrypt-a >$TREE/class/zcrypt/create
    is 'again' "$major:0 666 0:0 character special file" "$(number /dev/zcrypt-a)"
    echo zcrypt-a >$TREE/class/zcrypt/destroy
    for i in $(seq 30); do
        echo node$i >$TREE/class/zcrypt/create
    done
    is 'thirty more' 30 "$(ls -d /dev/node* | wc -l)"
    for i in $(seq 30); do
        echo node$i >$TREE/class/zcrypt/destroy
    done
    is 'no more' 0 "$(ls /dev | grep -c node)"
    echo ../evil >$TREE/class/zcrypt/create
    echo null >$TREE/class/zcrypt/create
    is '/dev/null' '1:3 666 0:0 character special file' "$(number /dev/null)"
    [ ! -e /evil ] && [ ! -e /dev/evil ] || failed 'it was made elsewhere'
    echo ..!evil >$TREE/class/zcrypt/destroy
    echo null >$TREE/class/zcrypt/destroy
    is '/dev/null afterwards' '1:3 666 0:0 character special file' "$(number /dev/null)"
}

# A caller waits in a node that is destroyed.
check_destroyed() {
    echo zcrypt-b >$TREE/class/zcrypt/create
    for mask in ioctlmask apmask aqmask; do
        echo 0x$(printf '%064d' 0 | tr 0 f) >$TREE/class/zcrypt/zcrypt-b/$mask
    done
    slow
    crypto-client signals-once /dev/zcrypt-b >/tmp/out 2>&1 &
    pending zcrypt-b
    echo zcrypt-b >$TREE/class/zcrypt/destroy
    wait $!
    has 'who waited' 'ioctl ENODEV' "$(cat /tmp/out)"
    quick
    is afterwards '1024 0' "$(client me /dev/z90crypt 1024)"
}

check_owner() {
    echo zcrypt-o >$TREE/class/zcrypt/create
    chmod 640 /dev/zcrypt-o
    chown 1000:77 /dev/zcrypt-o
    echo zcrypt-p >$TREE/class/zcrypt/create
    client me /dev/z90crypt 1024 >/dev/null
    is 'its own' "$major:0 640 1000:77 character special file" "$(number /dev/zcrypt-o)"
    is 'others' "$major:1 666 0:0 character special file" "$(number /dev/zcrypt-p)"
    start-stop-daemon -S -c two -x /usr/bin/crypto-client -- me /dev/zcrypt-o 1024 >/tmp/out 2>&1
    has 'another user' EACCES "$(cat /tmp/out)"
    start-stop-daemon -S -c one -x /usr/bin/crypto-client -- me /dev/zcrypt-o 1024 >/tmp/out 2>&1
    is 'its owner' '1024 EPERM' "$(cat /tmp/out)"
    is 'the other user on z90crypt' '1024 0' \
        "$(start-stop-daemon -S -c two -x /usr/bin/crypto-client -- me /dev/z90crypt 1024 2>&1)"
    echo zcrypt-o >$TREE/class/zcrypt/destroy
    echo zcrypt-p >$TREE/class/zcrypt/destroy
}

# As a container has it: another name for the number, in namespaces of its own.
check_elsewhere() {
    mknod /tmp/z90crypt c $((0x$major)) 256
    chmod 666 /tmp/z90crypt
    is 'a copy' '2048 0' "$(client me /tmp/z90crypt 2048)"
    is 'in namespaces' '2048 0' "$(unshare -m -p -n -i -u -f crypto-client me /tmp/z90crypt 2048 2>&1)"
    has 'the matrix there' 'matrix 0504 type' "$(unshare -m -p -n -f crypto-client status /tmp/z90crypt 2>&1)"
}

check_killed() {
    slow
    crypto-client signals-once /dev/z90crypt >/tmp/out 2>&1 &
    pending z90crypt
    kill -KILL "$daemon"
    wait "$daemon"
    [ ! -e /dev/z90crypt ] || failed 'the node outlives its daemon'
    wait_for 'grep -q ioctl /tmp/out'
    has 'who waited' 'ioctl ECONNABORTED' "$(cat /tmp/out)"
    has 'a copy meanwhile' ENXIO "$(crypto-client me /tmp/z90crypt 512 2>&1)"
    wait_for "! pidof apus >/dev/null && ! grep -q $TREE /proc/mounts"
    start
    is 'the same number' "$major:100 666 0:0 character special file" "$(number /dev/z90crypt)"
    is 'the copy' '512 0' "$(client me /tmp/z90crypt 512)"
}

check_refused() {
    local said before
    before=$(leftovers)
    mkdir -p /mnt/b
    said=$(apus daemon --mount /mnt/b --socket /run/b.sock --nodes=cuse 2>&1)
    is 'a second one' 1 $?
    has 'what it says' '--nodes=cuse:PREFIX' "$said"
    rmdir /mnt/b
    same 'what is left' "$before"
    mkdir -p /mnt/b
    apus daemon --mount /mnt/b --socket /run/b.sock --nodes=cuse:lab- >/tmp/said2 2>&1 &
    wait_for 'grep -q ready /tmp/said2'
    has 'with a prefix' '666 0:0 character special file' "$(number /dev/lab-z90crypt)"
    is 'its requests' '1024 0' "$(client me /dev/lab-z90crypt 1024)"
    echo z >/mnt/b/class/zcrypt/create
    has 'a node of it' '666 0:0 character special file' "$(number /dev/lab-z)"
    kill $!
    wait $! || failed "it ended with $?: $(cat /tmp/said2)"
    rmdir /mnt/b
    same 'what is left of it' "$before"
}

check_run() {
    local before
    before=$(leftovers)
    apus run --nodes=cuse -- sh -c '
        stat -c "%t:%T %a" /dev/z90crypt
        crypto-client me /dev/z90crypt 1024
        echo inner > /sys/class/zcrypt/create
        stat -c "%t:%T %a" /dev/inner
        nsenter -t 1 -m stat -c "%t:%T %a" /dev/inner
        chmod 611 /dev/inner
        nsenter -t 1 -m stat -c "%t:%T %a" /dev/inner
        echo inner > /sys/class/zcrypt/destroy
        ls /dev/inner
        nsenter -t 1 -m ls /dev/inner' >/tmp/out 2>&1
    is 'apus run' "$major:100 666
1024 0
$major:0 666
$major:0 666
$major:0 666
ls: /dev/inner: No such file or directory
ls: /dev/inner: No such file or directory" "$(cat /tmp/out)"
    same 'what is left' "$before"
    apus up lab --nodes=cuse || failed 'apus up'
    is 'outside' '1024 0' "$(client me /dev/z90crypt 1024)"
    is 'inside' '1024 0' "$(apus exec lab -- crypto-client me /dev/z90crypt 1024 2>&1)"
    apus down lab || failed 'apus down'
    wait_for '[ ! -e /dev/z90crypt ]'
}

# Ends and kills in the middle of requests; nothing is left.
check_often() {
    local before i
    before=$(leftovers)
    for i in $(seq 50); do
        start
        echo n >$TREE/class/zcrypt/create
        crypto-client signals-once /dev/z90crypt >/dev/null 2>&1 &
        if [ $((i % 2)) = 0 ]; then
            stop
        else
            kill -KILL "$daemon"
            wait "$daemon"
            wait_for "! pidof apus >/dev/null && ! grep -q $TREE /proc/mounts"
        fi
        wait $!
        same "left behind, time $i" "$before"
        [ -z "$broken" ] || return
    done
}

# apus of one of the users.
apus_of_one() {
    APUS_RUNTIME_DIR=/tmp/one start-stop-daemon -S -c one -x /usr/bin/apus -- "$@" 2>&1
}

# What a program without a mount does with the memory of itself, of what it starts, and of who has lost his parent.
WITHOUT='cat /sys/bus/ap/ap_domain
    (echo 40 > /sys/bus/ap/config_time; cat /sys/bus/ap/config_time)
    crypto-client me /dev/z90crypt 1024
    (sh -c "cat /sys/bus/ap/config_time; echo orphan > /tmp/one/orphan" & )
    for i in $(seq 600); do grep -q orphan /tmp/one/orphan 2>/dev/null && break; usleep 100000; done
    echo x > /sys/bus/ap/config_time'
NOTE="apus: /bin/sh is a static shell, whose 'cd' cannot get into the machine's directories, since there is no mount"
SAID="$NOTE
4
40
1024 0
40
sh: write error: Invalid argument"

# Yama: only ancestors may look at memory, or who has a capability, or nobody. The daemon is no ancestor.
check_yama() {
    local scope=/proc/sys/kernel/yama/ptrace_scope said
    [ -e $scope ] || { failed 'this kernel has no Yama'; return; }
    mkdir -m 700 /tmp/one
    chown one /tmp/one
    chmod 666 /dev/fuse # as udev does
    # A test build checks for leaks as a debugger, and wants to be the first library.
    export ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0
    for level in 0 1; do
        echo $level >$scope
        rm -f /tmp/one/orphan
        is "a user, $level" "$SAID" "$(apus_of_one run --no-mount -- sh -c "$WITHOUT")"
        rm -f /tmp/one/orphan
        is "root, $level" "$SAID" "$(apus run --no-mount -- sh -c "$WITHOUT" 2>&1)"
    done
    is 'by exec' "$NOTE
4" "$(apus_of_one run --no-mount -- sh -c \
        'apus exec $(apus list | grep -o "^[0-9]*" | tail -1) -- cat /sys/bus/ap/ap_domain')"
    is 'a guest' "$NOTE
$NOTE
0" "$(apus_of_one run --no-mount -- sh -c \
        'apus guest start G && apus guest exec G -- sh -c "ls /sys/bus/ap/devices | wc -l"')"
    is 'a user, mounted' '1024 0' "$(apus_of_one run -- crypto-client me /dev/z90crypt 1024)"
    echo 2 >$scope
    said=$(apus_of_one run --no-mount -- true)
    is 'exit status' 125 $?
    has 'a user, 2' 'set kernel.yama.ptrace_scope to 1' "$said"
    rm -f /tmp/one/orphan
    is 'root, 2' "$SAID" "$(apus run --no-mount -- sh -c "$WITHOUT" 2>&1)"
    is 'a user, mounted, 2' '1024 0' "$(apus_of_one run -- crypto-client me /dev/z90crypt 1024)"
    echo 3 >$scope # for good
    said=$(apus run --no-mount -- true 2>&1)
    is 'exit status' 125 $?
    has 'root, 3' 'kernel.yama.ptrace_scope is 3' "$said"
}

run no_cuse
start
for check in node requests status at_once signals hostile created destroyed owner elsewhere killed refused; do
    run $check
done
stop
run run
run often
run yama
dmesg | grep -E 'BUG:|WARNING: CPU|Oops|refcount_t' && echo "CHECK kernel FAILED" || echo "CHECK kernel"
