# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2016,SC2154 # variables of the prelude, typed as a user types them
run udevadm info -p /devices/ap/card05
run udevadm info -p /devices/ap/card05/05.0004
run udevadm info -q path /sys/bus/ap/devices/06.0047
run udevadm info -a -p /devices/ap/card05/05.0004
line 'echo $uuid1 > $T/create'
run udevadm info -p "/devices/vfio_ap/matrix/$uuid1"
run udevadm info -p /devices/vfio_ap/matrix
