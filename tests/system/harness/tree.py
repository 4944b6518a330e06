# SPDX-License-Identifier: MIT
"""Reads and writes attributes of a tree; errors are names of errno."""

import errno
import os
from pathlib import Path


class Tree:
    def __init__(self, root):
        self.root = Path(root)

    def path(self, relative):
        return self.root / relative

    def write(self, relative, data):
        """One write(2) of exactly data. Returns the number of bytes, the errno's name, or "open ERRNO"."""
        if isinstance(data, str):
            data = data.encode()
        try:
            fd = os.open(self.path(relative), os.O_WRONLY)
        except OSError as error:
            return "open " + errno.errorcode[error.errno]
        try:
            return os.write(fd, data)
        except OSError as error:
            return errno.errorcode[error.errno]
        finally:
            os.close(fd)

    def w(self, relative, value):
        """echo value > relative: "OK" or the errno's name."""
        result = self.write(relative, f"{value}\n")
        if isinstance(result, str):
            return result.removeprefix("open ")
        assert result == len(f"{value}\n"), f"short write to {relative}: {result}"
        return "OK"

    def r(self, relative):
        """cat relative: the content or the errno's name."""
        try:
            return self.path(relative).read_bytes().decode(errors="backslashreplace")
        except OSError as error:
            return errno.errorcode[error.errno]

    def value(self, relative):
        """The content without its newline; an error is raised."""
        text = self.path(relative).read_bytes().decode(errors="backslashreplace")
        assert text.endswith("\n"), f"{relative} does not end in a newline: {text!r}"
        return text[:-1]

    def exists(self, relative):
        return os.path.lexists(self.path(relative))

    def names(self, relative):
        return sorted(os.listdir(self.path(relative)))

    def mode(self, relative):
        return self.path(relative).stat().st_mode & 0o7777

    def link(self, relative):
        return os.readlink(self.path(relative))

    def drv(self, device):
        """The driver of a card or queue; empty if it has none."""
        try:
            return os.path.basename(self.link(f"bus/ap/devices/{device}/driver"))
        except FileNotFoundError:
            return ""

    def drivers(self, queues):
        return {queue: self.drv(queue) for queue in queues}

    def queues(self):
        return [name for name in self.names("bus/ap/devices") if "." in name]

    def dump(self):
        """Everything that a reader can see: mode, and content or target, of each entry."""
        seen = {}
        for folder, folders, files in os.walk(self.root):
            for name in folders + files:
                path = os.path.join(folder, name)
                seen[os.path.relpath(path, self.root)] = entry(path)
        return seen


def entry(path):
    status = os.lstat(path)
    if os.path.islink(path):
        return ("link", os.readlink(path))
    mode = status.st_mode & 0o7777
    if os.path.isdir(path):
        return ("dir", mode)
    if not mode & 0o444:
        return ("file", mode, None)
    try:
        with open(path, "rb") as file:
            return ("file", mode, file.read())
    except OSError as error:
        return ("file", mode, errno.errorcode[error.errno])
