#!/bin/bash
# SPDX-License-Identifier: MIT
# plan.sh FOLDER SCRIPT...: inside `apus run --uevents`, a libvirtd with the node device driver only. Two devices are defined
# as they are, then the scripts of FOLDER run. The folder gets what the machine is afterwards.
set -eu
# shellcheck source-path=SCRIPTDIR/../uevent/inside source=services.sh
. "$(dirname "$0")/../uevent/inside/services.sh"
folder=$1
shift

own_directories /etc/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt
own_mdevctl
start_udevd
mkdir /run/drivers
ln -s /usr/lib/*/libvirt/connection-driver/libvirt_driver_nodedev.so /run/drivers
export LIBVIRT_DRIVER_DIR=/run/drivers LIBVIRT_DEFAULT_URI=nodedev:///system
printf '%s\n' 'listen_tls = 0' 'auth_unix_ro = "none"' 'auth_unix_rw = "none"' 'unix_sock_group = "root"' > /run/libvirtd.conf
start libvirtd libvirtd -f /run/libvirtd.conf
await virsh -q uri
# At its start it reads /sys in the background.
await virsh -q nodedev-dumpxml ap_matrix
for uuid in $DEFINED; do
    mdevctl define --uuid "$uuid" --parent matrix --jsonfile "$folder/$uuid.json"
    await virsh -q nodedev-info "mdev_${uuid//-/_}_matrix"
done
defined() {
    local uuid
    for uuid in $DEFINED; do
        virsh -q nodedev-info "mdev_${uuid//-/_}_matrix" | grep -q '^Persistent: *yes' || return
    done
}
await defined

for script; do
    YES=1 bash "$folder/$script"
done
"$APUS" export > "$folder/after.ini"
mdevctl list -d --dumpjson > "$folder/defined.json"
for device in /sys/bus/mdev/devices/*; do
    echo 1 > "$device/remove"
done
mdevctl start-parent-mdevs matrix
"$APUS" export > "$folder/booted.ini"
