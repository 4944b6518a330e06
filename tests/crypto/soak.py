# SPDX-License-Identifier: MIT
"""What the soak's processes do. They begin anew when the daemon has been killed; what cannot be excused by that is raised
and ends the process with 1."""

import asyncio
import contextlib
import ctypes
import errno
import json
import multiprocessing
import os
import random
import socket
import threading
import time
import traceback
from pathlib import Path

# What a file, or a connection, of a daemon that was killed ends with; ENOENT until the next one has mounted.
GONE = {errno.ENOTCONN, errno.ENODEV, errno.ECONNABORTED, errno.ECONNREFUSED, errno.ENOENT, errno.ECONNRESET, errno.EPIPE}
# An answer that comes later is lost. On a machine that does other things the daemon's own time counts; if it has none, that
# is not awaited for ever.
PATIENCE, OWN, LONGEST = 90, 20, 600
# A line of the control protocol is shorter than that here. A stream reads ahead twice as much, then the daemon has to wait for
# its subscriber: 2,000 of them that are behind have 500 MB at most.
LINE = 1 << 17


class Shared:
    """What all processes see: where the daemon is, until when, how often it was killed, what was done."""

    NAMES = ["replies", "refused connections", "subscribers cut off", "files read", "turns"]

    def __init__(self, root, socket):
        self.root, self.socket = Path(root), str(socket)
        self.over = multiprocessing.RawValue(ctypes.c_bool, False)
        self.resting = multiprocessing.RawValue(ctypes.c_bool, False)  # control clients stay away
        # Odd while it is being killed and started again.
        self.kills = multiprocessing.RawValue(ctypes.c_uint, 0)
        self.pid = multiprocessing.RawValue(ctypes.c_int, 0)  # of the daemon
        self.counts = {name: multiprocessing.Value(ctypes.c_ulong, 0) for name in self.NAMES}

    def count(self, name, more=1):
        with self.counts[name].get_lock():
            self.counts[name].value += more

    @contextlib.contextmanager
    def excused(self):
        """Errors for which there is a reason: a kill before or during what is done."""
        before = self.kills.value
        try:
            yield
        except (OSError, EOFError) as error:
            number = getattr(error, "errno", None)
            if self.kills.value == before and before % 2 == 0 or number not in GONE | {None}:
                raise
            time.sleep(0.05)


def run(function, *arguments):
    try:
        function(*arguments)
    except BaseException:
        os.write(2, traceback.format_exc().encode())  # not what pytest has in place of sys.stderr
        os._exit(1)
    os._exit(0)


def start(function, *arguments):
    process = multiprocessing.get_context("fork").Process(target=run, args=(function, *arguments))
    process.start()
    return process


# Control clients: many that come, ask, and go.


def own_seconds(pid):
    """The processor time of the daemon; of one that has gone, more than any."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return float("inf")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Lost(Exception):
    """No error of a connection, which a kill would excuse."""


class Resting(Exception):
    """This client goes, whatever it is still owed."""


async def line_of(shared, reader):
    """A line that the daemon owes us. EOFError: it has cut us off, be it in the middle of one."""
    pid, begin = shared.pid.value, time.monotonic()
    limit = own_seconds(pid) + OWN
    line = asyncio.ensure_future(reader.readline())
    while True:
        done, _ = await asyncio.wait([line], timeout=1)
        if shared.resting.value:
            line.cancel()
            raise Resting
        if done:
            if not line.result().endswith(b"\n"):
                raise EOFError
            return line.result()
        if time.monotonic() - begin < PATIENCE:
            continue
        if own_seconds(pid) >= limit or time.monotonic() - begin > LONGEST:
            line.cancel()
            raise Lost(f"no answer for {time.monotonic() - begin:.0f} s")


async def ask(shared, reader, writer, command, number):
    writer.write(json.dumps({"execute": command, "id": number}).encode() + b"\n")
    await writer.drain()
    while True:
        reply = json.loads(await line_of(shared, reader))
        if "event" not in reply:
            break
    assert reply.get("id") == number and "return" in reply, reply
    return reply["return"]


async def talk(shared, reader, writer, r):
    """False: it has subscribed, and was too slow for its events, which have a bound for all clients together."""
    subscribed = False
    for number in range(r.randrange(1, 8)):
        if shared.resting.value:
            break
        command = r.choice(["status", "guest-list", "se-show", "fault-list", "subscribe"])
        try:
            await ask(shared, reader, writer, command, number)
        except (OSError, EOFError):
            if not subscribed:
                raise
            shared.count("subscribers cut off")
            return False
        subscribed |= command == "subscribe"
        shared.count("replies")
        await asyncio.sleep(r.random() / 4)
    return True


async def visit(shared, r):
    """False: there were too many clients, or too many that wait to be accepted."""
    own = socket.socket(socket.AF_UNIX)
    own.setblocking(False)
    try:
        own.connect(shared.socket)
    except BlockingIOError:
        own.close()
        shared.count("refused connections")
        return False
    except OSError:
        own.close()
        raise
    reader, writer = await asyncio.open_unix_connection(sock=own, limit=LINE)
    try:
        greeting = json.loads(await line_of(shared, reader))
        if "error" in greeting:
            assert greeting["error"]["class"] == "TooManyClients", greeting
            shared.count("refused connections")
            return False
        return await talk(shared, reader, writer, r)
    finally:
        writer.close()


async def client(shared, seed):
    r = random.Random(seed)
    while not shared.over.value:
        if shared.resting.value:
            await asyncio.sleep(r.random() * 4)
            continue
        before = shared.kills.value
        try:
            served = await visit(shared, r)
        except Resting:
            served = False
        except (OSError, EOFError):
            if shared.kills.value == before and before % 2 == 0:
                raise
            served = False
        await asyncio.sleep(r.random() * (1 if served else 4))


def control_clients(shared, count, seed):
    async def all_of_them():
        await asyncio.gather(*(client(shared, f"{seed} {i}") for i in range(count)))

    asyncio.run(all_of_them())


# Threads that open, read and close.

ALWAYS = {"bus/ap/ap_max_domain_id": b"255\n", "devices/ap/card00/hwtype": b"11\n", "bus/ap/ap_domain": b"0\n"}


def read_one(shared, name):
    with shared.excused():
        fd = os.open(shared.root / name, os.O_RDONLY)
        try:
            content = os.read(fd, 4096)
        finally:
            os.close(fd)
        assert content == ALWAYS[name], (name, content)
        shared.count("files read")


def reader(shared, seed, failed):
    r = random.Random(seed)
    try:
        while not shared.over.value:
            read_one(shared, r.choice([*ALWAYS]))
    except BaseException:
        os.write(2, traceback.format_exc().encode())
        failed.append(True)


def readers(shared, count, seed):
    failed = []
    threads = [threading.Thread(target=reader, args=(shared, f"{seed} {i}", failed)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
