#!/bin/bash
# SPDX-License-Identifier: MIT
# mdevctl's udev rules start a defined mediated device when its parent is announced.
set -eu
# shellcheck source-path=SCRIPTDIR source=services.sh
. "$(dirname "$0")/services.sh"
uuid=69aa1a8a-0000-4000-8000-000000000001

own_directories
own_mdevctl
mkdir -p /run/udev/rules.d
# Debian's rules name a program in /usr/sbin that Debian installs in /usr/bin.
sed 's,/usr/sbin/mdevctl,/usr/bin/mdevctl,' /lib/udev/rules.d/60-mdevctl.rules \
    > /run/udev/rules.d/60-mdevctl.rules
start_udevd

echo -5 > /sys/bus/ap/apmask
mdevctl define -u $uuid -p matrix -t vfio_ap-passthrough --auto
mdevctl modify -u $uuid --addattr=assign_adapter --value=5
mdevctl modify -u $uuid --addattr=assign_domain --value=0x47
echo "before: $(mdevctl list)"
udevadm trigger --settle --action=add /sys/devices/vfio_ap/matrix
echo "after: $(mdevctl list)"
cat /sys/devices/vfio_ap/matrix/$uuid/matrix
udevadm settle
# udevd has also processed the new device.
udevadm info --query=property /sys/devices/vfio_ap/matrix/$uuid | grep -v '^USEC_INITIALIZED='
mdevctl stop -u $uuid
echo "stopped: $(mdevctl list)"
