#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The same random writes to a real kernel's attribute "uevent", that of lo in our network namespace,
and to one of ours: both must accept or refuse the same, with the same uevents."""

import os
import random
import subprocess
import sys
import tempfile

from netlink import Listener, write

UUID = b"12345678-9ABC-def0-1234-56789abcdef0"
ACTIONS = [b"add", b"remove", b"change", b"move", b"online", b"offline", b"bind", b"unbind"]
ODD = [b"", b" ", b"  ", b"\n", b"\0", b"\t", b"=", b"A", b"adds", b"ad", b"ADD", b"0", b"A=", b"=B",
       b"A=1=2", b"A_B=1", b"K=\xe4", b"\xd7=1", b"\xc0\xff=\xdf", b"\xaa=1", UUID[:-1], UUID + b"0",
       UUID.replace(b"-", b"_"), UUID.lower(), b"z" + UUID[1:]]


def pair(r):
    letters = b"abzAZ0189"
    word = [bytes(r.choices(letters, k=r.randint(1, 4))) for _ in range(2)]
    return b"=".join(word)


def text(r):
    words = [r.choice(ACTIONS)]
    if r.random() < 0.8:
        words.append(UUID)
    words += [pair(r) for _ in range(r.choice([0, 0, 1, 2, 5, 40, 54, 58, 59, 70]))]
    if r.random() < 0.1:
        # Far from the limit at which the number of digits of SEQNUM matters.
        words.append(b"L=" + b"x" * r.choice([500, 1500, 1800, 1975, 2100]))
    for _ in range(r.choice([0, 0, 1, 2])):
        words.insert(r.randint(0, len(words)), r.choice(ODD))
    data = b" ".join(words)
    if r.random() < 0.3:
        data += r.choice([b"\n", b"\0", b"\n\n", b" ", b"\0\n"])
    if r.random() < 0.2:
        at = r.randrange(len(data))
        data = data[:at] + r.randbytes(1) + data[at + r.randint(0, 1):]
    return data


def synthetic(events):
    return [[event[0]] + [v for v in event if v.startswith(b"SYNTH_")] for event in events]


def main():
    seed, count = int(sys.argv[1]), int(sys.argv[2])
    real = tempfile.mkdtemp(dir=os.environ["WORK"])
    mounted = subprocess.run(["mount", "-t", "sysfs", "sysfs", real], check=False).returncode == 0
    if not mounted or not os.access(f"{real}/class/net/lo/uevent", os.W_OK):
        print("no device of a real kernel may be written to here")
        return
    r, listener = random.Random(seed), Listener()
    taken = refused = 0
    for _ in range(count):
        data = text(r)
        theirs = write(f"{real}/class/net/lo/uevent", data)
        their_event = synthetic(listener.hear(b"/devices/virtual/net/lo"))
        ours = write("/sys/devices/ap/uevent", data)
        our_event = synthetic(listener.hear(b"/devices/ap"))
        # lo has two more variables than our device.
        if theirs == "ENOMEM" and ours is None and data.count(b"=") in (58, 59):
            continue
        assert (theirs, their_event) == (ours, our_event), (seed, data, theirs, ours, their_event,
                                                            our_event)
        taken, refused = taken + (ours is None), refused + (ours is not None)
    subprocess.run(["umount", real], check=True)
    os.rmdir(real)
    print(f"{taken} taken, {refused} refused")


main()
