# SPDX-License-Identifier: MIT
"""Starts programs inside a namespace for tests that run outside. Each connection runs one program.

Even root outside may not access a FUSE mount of a user namespace, so there are requests for the tree, too: an object
with the name of a method of harness.Tree and its arguments.

Request: the command line as JSON, with the descriptors of standard output and error. Answers: the process id, and at
the end the return code, one line each. "quit" instead of a command line ends it.
"""

import array
import json
import os
import socket
import subprocess
import sys
import threading

from tree import Tree


def serve(connection):
    data, control, _, _ = connection.recvmsg(1 << 16, socket.CMSG_SPACE(2 * 4))
    request = json.loads(data)
    if request == "quit":
        os._exit(0)
    if isinstance(request, dict):
        result = getattr(Tree("/sys"), request["method"])(*request["arguments"])
        connection.sendall(json.dumps(result).encode())
        connection.close()
        return
    fds = array.array("i")
    fds.frombytes(control[0][2])
    process = subprocess.Popen(request, stdin=subprocess.DEVNULL, stdout=fds[0], stderr=fds[1])
    for fd in fds:
        os.close(fd)
    connection.sendall(f"{process.pid}\n".encode())
    try:
        connection.sendall(f"{process.wait()}\n".encode())
    except BrokenPipeError:
        pass
    connection.close()


def main():
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(sys.argv[1] + ".new")
    server.listen(256)
    os.rename(sys.argv[1] + ".new", sys.argv[1])
    while True:
        threading.Thread(target=serve, args=[server.accept()[0]], daemon=True).start()


main()
