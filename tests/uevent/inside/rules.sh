#!/bin/bash
# SPDX-License-Identifier: MIT
# udev rules as written by administrators and chzdev take effect.
set -eu
# shellcheck source-path=SCRIPTDIR source=services.sh
. "$(dirname "$0")/services.sh"

own_directories
mkdir -p /run/udev/rules.d /run/fired
cat > /run/udev/rules.d/90-test.rules << 'RULES'
SUBSYSTEM=="ap", ACTION=="change", DEVPATH=="/devices/ap", ENV{BINDINGS}=="complete", ENV{COMPLETECOUNT}=="2", RUN+="/bin/touch /run/fired/complete-2"
SUBSYSTEM=="ap", ACTION=="change", ENV{DEVTYPE}=="ap_card", ENV{CONFIG}=="0", RUN+="/bin/touch /run/fired/standby-%k"
SUBSYSTEM=="ap", ACTION=="change", ENV{DEVTYPE}=="ap_queue", ENV{ONLINE}=="0", ATTR{online}=="0", RUN+="/bin/touch /run/fired/offline-%k"
SUBSYSTEM=="ap", ACTION=="bind", DRIVER=="vfio_ap", ENV{MODE}=="cca", RUN+="/bin/touch /run/fired/passed-%k"
SUBSYSTEM=="ap", ACTION=="add", ENV{DEVTYPE}=="ap_card", ENV{MODALIAS}=="ap:t0B", ENV{SYNTH_UUID}=="?*", RUN+="/bin/touch /run/fired/coldplug-%k"
RULES
start_udevd
fired() {
    udevadm settle
    echo "$1: $(cd /run/fired && echo *)"
    rm -f /run/fired/*
}

fired "nothing yet"
echo -0x47 > /sys/bus/ap/aqmask
fired "aqmask"
apus se adapter 5 off
fired "adapter 5 off"
apus se adapter 5 on
fired "adapter 5 on"
echo 0 > /sys/devices/ap/card06/06.0004/online
fired "06.0004 offline"
udevadm trigger --settle --subsystem-match=ap --action=add
fired "trigger"
