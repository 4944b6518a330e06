#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes to every attribute "uevent" of the machine's directories, and prints results and uevents."""

import os

from netlink import Listener, write

UUID = b"12345678-9ABC-def0-1234-56789abcdef0"
MDEV = "69aa1a8a-0000-4000-8000-000000000001"
TREES = ["bus/ap", "bus/matrix", "bus/mdev", "class/mdev_bus", "class/zcrypt", "devices/ap",
         "devices/vfio_ap", "devices/virtual/zcrypt"]


def attributes():
    for tree in TREES:
        for directory, below, files in os.walk(f"/sys/{tree}"):
            below.sort()
            if "uevent" in files:
                yield f"{directory}/uevent"


def show(listener, path, data):
    error = write(path, data)
    heard = listener.hear(b"/")
    heard = [event for event in heard if event[1][8:].startswith(path[4:-7].encode())]
    print(f"  {data.decode()}: {error or 'taken'}")
    for event in heard:
        print("   ", *(variable.decode() for variable in event))


def main():
    write("/sys/devices/vfio_ap/matrix/mdev_supported_types/vfio_ap-passthrough/create", MDEV.encode())
    write("/sys/class/zcrypt/create", b"mine")
    listener = Listener()
    for path in attributes():
        print(path)
        show(listener, path, b"add")
        show(listener, path, b"change " + UUID + b" KEY=VAL N=2")
        show(listener, path, b"bogus")


main()
