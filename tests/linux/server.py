# SPDX-License-Identifier: MIT
"""A server of the guest protocol for tests: a few adapters whose accelerators compute with pow().

It shares no code with the daemon and no code with the C codec, so that it also checks docs/guest-protocol.md.
"""

import collections
import os
import socket
import struct
import threading

HELLO, WELCOME, REFUSE, INSN, INSN_REPLY, SERVC, SERVC_REPLY, NOTIFY, RESET, RESET_REPLY = range(1, 11)
NQAP, DQAP, PQAP = 0xB2AD, 0xB2AE, 0xB2AF
AP, APFT, APQCI, APQI = 1, 2, 4, 8
ROLE_GUEST, ROLE_LPAR, ROLE_NONE = 1, 2, 3
NOTIFY_CONFIG, NOTIFY_DETACH, NOTIFY_INTERRUPT = 1, 2, 3
RC_NORMAL, RC_NOT_AVAILABLE, RC_DECONFIGURED, RC_NO_REPLY = 0x00, 0x01, 0x03, 0x10
SPECIFICATION = 6
LOW = 0xFFFFFFFF
DEPTH = 8
HWTYPE_CEX7 = 13
FUNCTIONS = {"A": 0xEA000000, "C": 0x92000000}  # S, N and M C A, or S, N and D


def mask(numbers):
    """256 bits, number 0 is the leftmost. Of a copy: a test may change them meanwhile."""
    return sum(1 << (255 - n) for n in list(numbers)).to_bytes(32, "big")


def frame(kind, number, payload=b""):
    return struct.pack(">IHHI", 12 + len(payload), kind, 0, number) + payload


class Machine:
    """Adapters {number: mode}, usage and control domains; every adapter has all usage domains."""

    def __init__(self, adapters, domains, control_domains=(), max_adapter=0x3F, max_domain=0x54):
        self.adapters = dict(adapters)
        self.domains = set(domains)
        self.control_domains = set(control_domains)
        self.standby = set()
        self.max_adapter, self.max_domain = max_adapter, max_domain
        self.queues = collections.defaultdict(collections.deque)
        self.resets = 0

    def qci(self):
        head = bytes([0xC0, 0, 0, 0, self.max_adapter, self.max_domain])
        return (head.ljust(16, b"\0") + mask(self.adapters) + mask(self.domains) +
                mask(self.control_domains)).ljust(128, b"\0")

    def response(self, apid, apqi):
        if apid not in self.adapters or apqi not in self.domains:
            return RC_NOT_AVAILABLE
        return RC_DECONFIGURED if apid in self.standby else RC_NORMAL

    def status_word(self, apid, apqi, rc):
        waiting = self.queues[apid, apqi]
        return (0x40000000 if waiting else 0x80000000) | rc << 16

    def info(self, apid):
        return FUNCTIONS[self.adapters[apid]] << 32 | HWTYPE_CEX7 << 24 | 0x55 << 16 | (DEPTH - 1)


def rsa(request):
    """The data of the reply to a type 50 request; None if the request is malformed."""
    kind = int.from_bytes(request[8:10], "big")
    size = {1: 128, 2: 256, 3: 512}.get(kind & 15)
    body = request[16:]
    number = lambda start, length: int.from_bytes(body[start:start + length], "big")
    if size and kind < 16 and len(body) == 3 * size:
        exponent, modulus, message = (number(i * size, size) for i in range(3))
        if modulus & 1 == 0:
            return None
        return pow(message, exponent, modulus).to_bytes(size, "big")
    if size and kind > 16 and len(body) == 7 * size // 2:
        half = size // 2
        p, q, dp, dq, u = (number(i * half, half) for i in range(5))
        message = number(5 * half, size)
        m1, m2 = pow(message, dp, p), pow(message, dq, q)
        return (m2 + q * (u * (m1 - m2) % p)).to_bytes(size, "big")
    return None


def answer(mode, request):
    if mode == "A" and request[1:2] == b"\x50":
        data = rsa(request)
        if data is not None:
            return struct.pack(">HHI8x", 0x0080, 16 + len(data), 0) + data
    if mode == "A":
        return bytes([0, 0x82, 0, 0, 0x22, 0, 0, 0])  # malformed request: the kernel does not retry
    return bytes([0, 0x88, 0, 0, 0x10, 0, 0, 0])  # not supported: the kernel tries another adapter


class Instruction:
    def __init__(self, payload):
        self.opcode, self.cpu, self.r1, self.r2, zero, *r = struct.unpack(">HHBBH7Q", payload[:64])
        assert zero == 0
        self.gr, self.p1, self.p2 = list(r[:3]), list(r[3:5]), list(r[5:])
        self.data = payload[64:]
        self.pgm = self.cc = self.address = 0
        self.out = b""

    def reply(self):
        if self.pgm:
            return struct.pack(">HBB8Q", self.pgm, 0, 0, *[0] * 8)
        return struct.pack(">HBB8Q", 0, self.cc, 0, *self.gr, *self.p1, *self.p2, self.address) + self.out

    def status(self, word):
        self.gr[1] = self.gr[1] & ~LOW | word
        self.cc = 3 if word >> 16 & 0xFF else 0


def execute_pqap(machine, i):
    function, apid, apqi = i.gr[0] >> 24 & 0xFF, i.gr[0] >> 8 & 0xFF, i.gr[0] & 0xFF
    if function == 4:
        i.address, i.out = i.gr[2], machine.qci()
        return
    rc = machine.response(apid, apqi)
    if function == 0:
        i.gr[2] = machine.info(apid) if rc != RC_NOT_AVAILABLE else 0
    elif function in (1, 2) and rc == RC_NORMAL:
        machine.queues[apid, apqi].clear()
        machine.resets += 1
    elif function not in (1, 2):
        i.pgm = SPECIFICATION
        return
    i.status(machine.status_word(apid, apqi, rc))


def execute_nqap(machine, i):
    apid, apqi = i.gr[0] >> 8 & 0xFF, i.gr[0] & 0xFF
    rc = machine.response(apid, apqi)
    if rc == RC_NORMAL:
        machine.queues[apid, apqi].append((i.p1, answer(machine.adapters[apid], i.data)))
    i.status(machine.status_word(apid, apqi, rc))


def execute_dqap(machine, i):
    apid, apqi = i.gr[0] >> 8 & 0xFF, i.gr[0] & 0xFF
    rc = machine.response(apid, apqi)
    waiting = machine.queues[apid, apqi]
    i.gr[2] = 0
    if rc == RC_NORMAL and not waiting:
        rc = RC_NO_REPLY
    elif rc == RC_NORMAL:
        i.p1, i.out = waiting.popleft()
        assert len(i.out) <= i.p2[1], "replies in parts are beyond this server"
        i.address = i.p2[0]
        i.p2 = [i.p2[0] + len(i.out), i.p2[1] - len(i.out)]
    i.status(machine.status_word(apid, apqi, rc))


def execute(machine, i):
    if i.opcode != PQAP and (i.r1 | i.r2) & 1:
        i.pgm = SPECIFICATION
    else:
        {PQAP: execute_pqap, NQAP: execute_nqap, DQAP: execute_dqap}[i.opcode](machine, i)


def servc(machine, command):
    apid, off = command >> 8 & 0xFF, command >> 16 == 0x001E
    if apid not in machine.adapters:
        return 0x09F0
    if (apid in machine.standby) == off:
        return 0x0120
    (machine.standby.add if off else machine.standby.remove)(apid)
    return 0x0020


class Server:
    """Serves each connection on a thread; a guest gets the machine of its name."""

    def __init__(self, path, machines, grant=AP | APFT | APQCI):
        self.path, self.machines, self.grant = str(path), machines, grant
        self.lock = threading.Lock()
        self.hellos, self.counts = [], collections.Counter()
        self.connections, self.listener = {}, None
        self.errors = []

    def start(self):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def stop(self):
        """As if killed: connections end without a REFUSE."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        os.unlink(self.path)
        with self.lock:
            for connection in self.connections:
                connection.shutdown(socket.SHUT_RDWR)

    def accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def notify(self, name, kind):
        with self.lock:
            for connection, owner in self.connections.items():
                if owner == name:
                    connection.sendall(frame(NOTIFY, 0, struct.pack(">BBHQ", kind, 0, 0, 0)))

    def serve(self, connection):
        try:
            self.converse(connection)
        except OSError:
            pass
        except Exception as error:  # tests check that this list is empty
            self.errors.append(error)
        finally:
            with self.lock:  # notify() and stop() are to meet no closed one
                self.connections.pop(connection, None)
            connection.close()

    def converse(self, connection):
        buffer = connection.makefile("rb")
        machine = role = None
        while head := buffer.read(12):
            length, kind, zero, number = struct.unpack(">IHHI", head)
            payload = buffer.read(length - 12)
            assert zero == 0 and len(payload) == length - 12
            if machine is None:
                assert kind == HELLO
                machine, role = self.greet(connection, payload)
                if machine is None:
                    return
                continue
            with self.lock:
                self.counts[kind] += 1
                connection.sendall(self.handle(machine, role, kind, number, payload))

    def greet(self, connection, payload):
        magic, version, role, zero, features = struct.unpack(">4sHBBI", payload[:12])
        assert magic == b"APGS" and version >= 1 and zero == 0
        name = payload[28:].decode()
        if role == ROLE_NONE:
            connection.sendall(frame(WELCOME, 0, struct.pack(">HHI", 1, 0, features & self.grant)))
            return None, None
        self.hellos.append((name, role, features, payload[12:28]))
        machine = self.machines.get(name)
        if machine is None:
            connection.sendall(frame(REFUSE, 0, struct.pack(">I", 19) + b"no such guest"))
            return None, None
        with self.lock:
            self.connections[connection] = name
            connection.sendall(frame(WELCOME, 0, struct.pack(">HHI", 1, 0, features & self.grant)))
        return machine, role

    def handle(self, machine, role, kind, number, payload):
        if kind == INSN:
            instruction = Instruction(payload)
            execute(machine, instruction)
            return frame(INSN_REPLY, number, instruction.reply())
        if kind == SERVC and role == ROLE_LPAR:
            code = servc(machine, int.from_bytes(payload, "big"))
            return frame(SERVC_REPLY, number, struct.pack(">HH", code, 0))
        assert kind == RESET
        for queue in machine.queues.values():
            queue.clear()
        return frame(RESET_REPLY, number)
