#!/bin/bash
# SPDX-License-Identifier: MIT
# A libvirt daemon of our own inside `apus run --uevents`, and what virsh shows.
set -eu
# shellcheck source-path=SCRIPTDIR/../uevent/inside source=services.sh
. "$(dirname "$0")/../uevent/inside/services.sh"
uuid=69aa1a8a-0000-4000-8000-000000000001
other=69aa1a8a-0000-4000-8000-000000000002
name() {
    echo "mdev_${1//-/_}_matrix"
}

own_directories /etc/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt
own_mdevctl
start_udevd
# Only the node device driver; others would look at the computer's network and disks.
mkdir /run/drivers
ln -s /usr/lib/*/libvirt/connection-driver/libvirt_driver_nodedev.so /run/drivers
export LIBVIRT_DRIVER_DIR=/run/drivers
cat > /run/libvirtd.conf << 'CONFIG'
listen_tls = 0
auth_unix_ro = "none"
auth_unix_rw = "none"
unix_sock_group = "root"
CONFIG
start libvirtd libvirtd -f /run/libvirtd.conf
libvirtd=$!

quiet_virsh() {
    timeout 60 virsh -q -c nodedev:///system "$@" 2>&1
}
virsh() {
    echo "\$ virsh $*"
    quiet_virsh "$@" || echo "status $?"
}
# libvirt learns the effect of its commands later, from udev's events and by calling mdevctl again, and may answer with
# older data. settled: waits until it is up to date. The event of a card arrives after all earlier events, and afterwards
# libvirt starts no program for a while.
listener_ended() {
    # Repeated, since virsh may not have listened yet; rarely, since each event takes time.
    ((++tries % 10 != 1)) || echo change > /sys/devices/ap/card04/uevent
    ! kill -0 "$listener" 2> /dev/null
}
runs_nothing() {
    local i
    for ((i = 0; i < 6; i++)); do
        test -z "$(cat /proc/"$libvirtd"/task/*/children 2> /dev/null)" || return
        sleep 0.05
    done
}
settled() {
    udevadm settle
    quiet_virsh nodedev-event --event update --device ap_card04 > "$WORK/event.log" &
    listener=$! tries=0
    await listener_ended
    wait "$listener"
    await runs_nothing
}
# device UUID ADAPTER DOMAIN: the description of a mediated device, in a file of the UUID's name.
device() {
    cat > "/run/$1.xml" << XML
<device>
  <parent>ap_matrix</parent>
  <capability type='mdev'>
    <type id='vfio_ap-passthrough'/>
    <uuid>$1</uuid>
    <attr name='assign_adapter' value='$2'/>
    <attr name='assign_domain' value='$3'/>
  </capability>
</device>
XML
}
matrix_of() {
    echo "matrix of $1: $(cat "/sys/devices/vfio_ap/matrix/$1/matrix")"
}

await quiet_virsh uri
# At its start it reads /sys in the background.
await quiet_virsh nodedev-dumpxml ap_matrix
await quiet_virsh nodedev-dumpxml ap_06_00ff
settled

for capability in ap_card ap_queue ap_matrix mdev_types mdev; do
    virsh nodedev-list --cap $capability
done
virsh nodedev-dumpxml ap_card05
virsh nodedev-dumpxml ap_05_0004
virsh nodedev-dumpxml ap_matrix

echo "# A mediated device for the time being"
device $uuid 5 4
virsh nodedev-create /run/$uuid.xml
settled
echo "# ... whose queue is the host's"
echo -5 > /sys/bus/ap/apmask
virsh nodedev-create /run/$uuid.xml
settled
virsh nodedev-list --cap mdev
virsh nodedev-dumpxml "$(name $uuid)"
matrix_of $uuid
device $other 5 4
echo "# A queue that another one has"
virsh nodedev-create /run/$other.xml
settled
virsh nodedev-list --cap mdev
virsh nodedev-destroy "$(name $uuid)"
settled
virsh nodedev-list --cap mdev
echo "left: $(ls /sys/bus/mdev/devices)"

echo "# One that is defined"
device $other 5 0x47
virsh nodedev-define /run/$other.xml
settled
virsh nodedev-list --cap mdev
virsh nodedev-list --cap mdev --inactive
virsh nodedev-start "$(name $other)"
settled
virsh nodedev-list --cap mdev
matrix_of $other
virsh nodedev-autostart "$(name $other)"
settled
virsh nodedev-info "$(name $other)"
virsh nodedev-destroy "$(name $other)"
settled
virsh nodedev-list --cap mdev
virsh nodedev-undefine "$(name $other)"
settled
virsh nodedev-list --cap mdev --all

echo "# Devices that come and go by themselves"
apus se lpar remove adapter 6 --force
settled
virsh nodedev-list --cap ap_card
virsh nodedev-list --cap ap_queue
apus se lpar add adapter 6 --force
settled
virsh nodedev-list --cap ap_card
echo $uuid > /sys/devices/vfio_ap/matrix/mdev_supported_types/vfio_ap-passthrough/create
settled
virsh nodedev-list --cap mdev
echo 1 > /sys/devices/vfio_ap/matrix/$uuid/remove
settled
virsh nodedev-list --cap mdev
