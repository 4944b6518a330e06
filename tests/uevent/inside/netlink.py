# SPDX-License-Identifier: MIT
"""Receives uevents and writes attributes, without an external tool."""

import errno
import os
import socket

NETLINK_KOBJECT_UEVENT = 15
SO_RCVBUFFORCE = 33


class Listener:
    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_KOBJECT_UEVENT)
        try:  # room for those of the whole computer, where other tests mount
            self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        except PermissionError:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind((0, 1))

    def hear(self, prefix):
        """The uevents since the last call whose DEVPATH has this prefix: lists of bytes, without SEQNUM."""
        found = []
        while True:
            try:
                data, (sender, _) = self.socket.recvfrom(8192, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return found
            title, *variables = data.split(b"\0")[:-1]
            if variables[1].startswith(b"DEVPATH=" + prefix):
                assert sender == 0
                action, path = variables[0][7:], variables[1][8:]
                assert title == action + b"@" + path and variables[-1].startswith(b"SEQNUM=")
                found.append(variables[:-1])


def write(path, data):
    """One write(2): the name of the errno, or None."""
    fd = os.open(path, os.O_WRONLY)
    try:
        assert os.write(fd, data) == len(data)
        return None
    except OSError as error:
        return errno.errorcode[error.errno]
    finally:
        os.close(fd)
