#!/bin/bash
# SPDX-License-Identifier: MIT
# Prints the output of `udevadm monitor` while the arguments are executed, one after the other.
set -eu
log=$WORK/monitor

setpriv --pdeathsig KILL udevadm monitor --kernel --property > "$log" &
# It is ready when there is a netlink socket for uevents (15) in the kernel's group.
for ((i = 0; i < 1200; i++)); do
    awk '$2 == 15 && $4 == "00000001" { found = 1 } END { exit !found }' /proc/net/netlink && break
    sleep 0.05
done
for line; do
    bash -euc "$line"
done
# After this last one all earlier ones have arrived.
echo "change 00000000-0000-4000-8000-00000000000e THE=END" > /sys/devices/ap/uevent
for ((i = 0; i < 1200; i++)); do
    grep -q SYNTH_ARG_THE=END "$log" && break
    sleep 0.05
done
kill %1
wait %1 || true
cat "$log"
