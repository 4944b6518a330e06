# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC3043
# The checks with a Docker engine in the booted machine: nodes are devices for it, as they are.
. /root/checks.sh
OPEN=0x$(printf '%064d' 0 | tr 0 f)

# In a container that has nothing but what is said; its image is this system.
docker_run() {
    timeout 300 docker run --rm --network none "$@" 2>&1
}

# node NAME MASK...: a node that all requests may use.
node() {
    echo "$1" >"$TREE"/class/zcrypt/create
    for mask in ioctlmask apmask aqmask; do
        echo "$OPEN" >"$TREE/class/zcrypt/$1/$mask"
    done
}

check_engine() {
    local engine=none
    mkdir -p /dev/pts /dev/shm /var/lib/docker
    mount -t devpts devpts /dev/pts
    mount -t tmpfs tmpfs /var/lib/docker
    mount -t cgroup2 none /sys/fs/cgroup
    insmod /root/cuse.ko
    containerd >/tmp/containerd 2>&1 &
    # It gives up where containerd is slow.
    while ! docker version >/dev/null 2>&1; do
        kill -0 "$engine" 2>/dev/null || {
            DOCKER_RAMDISK=1 dockerd --containerd=/run/containerd/containerd.sock --iptables=false --bridge=none \
                --storage-driver=vfs --exec-opt native.cgroupdriver=cgroupfs >/tmp/engine 2>&1 &
            engine=$!
        }
        usleep 500000
    done
    # With entries for all directories: the engine makes others for root alone.
    mkdir -p -m 755 /tmp/image/usr/bin
    cp -a /bin /etc /lib /lib64 /tmp/image/
    cp -a /usr/lib /tmp/image/usr/
    cp -a /usr/bin/crypto-client /tmp/image/usr/bin/
    chmod 755 /tmp/image /tmp/image/usr
    tar -C /tmp/image -cf - . | docker import - here >/dev/null || failed 'no image'
}

check_device() {
    is 'as it is' '1024 0' "$(docker_run --device /dev/z90crypt here crypto-client me /dev/z90crypt 1024)"
    is 'a user without a right' '1024 0' "$(docker_run --device /dev/z90crypt -u 1000 --cap-drop ALL --read-only \
        --security-opt no-new-privileges here crypto-client me /dev/z90crypt 1024)"
    has 'a number that was not given' EPERM "$(docker_run here sh -c \
        "mknod /dev/z90crypt c $((0x$(stat -c %t /dev/z90crypt))) 256; crypto-client me /dev/z90crypt 1024")"
}

check_created() {
    node zcrypt-a
    is 'by another name' '1024 0' "$(docker_run --device /dev/zcrypt-a:/dev/z90crypt here \
        crypto-client me /dev/z90crypt 1024)"
    echo 0x00 >"$TREE"/class/zcrypt/zcrypt-a/apmask
    is 'its mask' '1024 ENODEV' "$(docker_run --device /dev/zcrypt-a:/dev/z90crypt here \
        crypto-client me /dev/z90crypt 1024)"
}

# What the CEX device plugin's Allocate answers: the device as it is; directories for places that a machine of Z has, so here
# the tree is given as /sys before them.
check_allocated() {
    node zcrypt-apqn-1-0-0
    mkdir -p /tmp/shadow/bus/ap /tmp/shadow/devices/ap
    echo 0 >/tmp/shadow/bus/ap/ap_domain
    is 'the reply' '0
1024 0' "$(docker_run -v "$TREE":/sys:ro --device /dev/zcrypt-apqn-1-0-0:/dev/z90crypt:rw \
        -v /tmp/shadow/bus/ap:/sys/bus/ap:ro -v /tmp/shadow/devices/ap:/sys/devices/ap:ro \
        here sh -c 'cat /sys/bus/ap/ap_domain; crypto-client me /dev/z90crypt 1024')"
}

# The daemon dies while a container has the device; the next one has the same number.
check_restart() {
    local id
    id=$(docker run -d --network none --device /dev/z90crypt here sleep 1000) || failed 'no container'
    kill -KILL "$daemon"
    wait "$daemon"
    wait_for "! pidof apus >/dev/null && ! grep -q $TREE /proc/mounts"
    has meanwhile ENXIO "$(docker exec "$id" crypto-client me /dev/z90crypt 1024 2>&1)"
    start
    is afterwards '1024 0' "$(docker exec "$id" crypto-client me /dev/z90crypt 1024 2>&1)"
    docker rm -f "$id" >/dev/null || failed 'the container stays'
}

check_left() {
    stop
    is 'containers' '' "$(docker ps -aq)"
    is 'devices' '' "$(find /dev -name '*crypt*')"
    is 'mounts' '' "$(grep apus /proc/mounts)"
}

run engine
start
for check in device created allocated restart left; do
    run $check
done
