#!/bin/bash
# SPDX-License-Identifier: MIT
# A libvirtd of our own inside `apus run`, with the files of examples/libvirt, and a guest that virsh controls.
#   libvirt.sh EXAMPLES LINUX_EXEC KERNEL IMAGE
set -u
examples=$1 linux_exec=$2 kernel=$3 image=$4
uuid=9c1b3b6a-8f0c-4b1e-9a53-2d1c7e7f0001
device=/sys/devices/vfio_ap/matrix/$uuid
echo -4,-0x47,-0xab,-0xff > /sys/bus/ap/aqmask
echo $uuid > /sys/devices/vfio_ap/matrix/mdev_supported_types/vfio_ap-passthrough/create
echo 5 > $device/assign_adapter
echo 4 > $device/assign_domain

for dir in /etc/libvirt /var/lib /var/cache /var/log; do
    mount -t tmpfs -o mode=755 tmpfs $dir
done
mkdir -p /run/drivers /run/work
ln -s /usr/lib/*/libvirt/connection-driver/libvirt_driver_qemu.so /run/drivers
cp "$examples/qemu.conf" /etc/libvirt
# The users that Debian's package creates.
for file in passwd group; do
    { cat /etc/$file && echo libvirt-qemu:x:64055:64055::/:/bin/false && echo kvm:x:64056:; } > /run/$file
    mount --bind /run/$file /etc/$file
done
cat > /run/libvirtd.conf << 'CONFIG'
listen_tls = 0
auth_unix_ro = "none"
auth_unix_rw = "none"
unix_sock_group = "root"
CONFIG
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LIBVIRT_DRIVER_DIR=/run/drivers setpriv --pdeathsig KILL \
    libvirtd -f /run/libvirtd.conf > /run/work/log 2>&1 &

quiet_virsh() {
    timeout 120 virsh -q -c qemu:///system "$@" 2>&1
}
virsh() {
    echo "\$ virsh $*"
    quiet_virsh "$@" || { echo "status $?" && cat /run/work/log /var/log/libvirt/qemu/*.log >&2; }
}
await() {
    local i
    for ((i = 0; i < 200; i++)); do
        "$@" > /dev/null 2>&1 && return
        sleep 0.1
    done
    echo "this never succeeded: $*" >&2
    cat /run/work/log >&2
    exit 1
}
inside() {
    "$linux_exec" -t 200 /run/work/exec.sock sh -c "echo 1 > /sys/bus/ap/scans; cat /sys/bus/ap/ap_interrupts; cd /sys/bus/ap/devices; ls"
}
has() {
    echo "device: $(apus guest list --json | grep -o '"mdev":"[^"]*"' || echo none)"
}

# The example with our files, and ports for linux-exec.
channels=
for port in exec out err in; do
    channels+="<channel type='unix'><source mode='bind' path='/run/work/$port.sock'/>"
    channels+="<target type='virtio' name='org.apus.$port'/></channel>"
done
sed -e "s|/var/lib/libvirt/images/kernel|$kernel|; s|/var/lib/libvirt/images/initrd|$image|" \
    -e "s|<console type='pty'>|$channels<console type='file'><source path='/run/work/console'/>|" \
    "$examples/guest1.xml" > /run/work/guest1.xml
sed -n '/<hostdev/,/<\/hostdev>/p' "$examples/guest1.xml" > /run/work/hostdev.xml

await quiet_virsh uri
cd /run/work || exit
virsh define guest1.xml
virsh start Guest1
has
inside
virsh detach-device Guest1 hostdev.xml --live
has
inside
virsh attach-device Guest1 hostdev.xml --live
has
inside
virsh destroy Guest1
has
virsh undefine Guest1
