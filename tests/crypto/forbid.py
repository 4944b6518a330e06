# SPDX-License-Identifier: MIT
"""forbid.py CALL... -- PROGRAM ARG...: runs the program under a seccomp filter that fails these system calls of x86-64
with EPERM, as the filter of a container does."""

import ctypes
import os
import struct
import sys

NUMBERS = {"move_pages": 279, "process_vm_readv": 310, "process_vm_writev": 311, "ptrace": 101, "unshare": 272, "mount": 165,
           "open_tree": 428, "move_mount": 429}
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
EPERM = 1
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, MODE_FILTER = 22, 38, 2


def instruction(code, value, if_true=0, if_false=0):
    return struct.pack("<HBBI", code, if_true, if_false, value)


def install(calls):
    code = instruction(LOAD, 0)
    for call in calls:
        code += instruction(EQUAL, NUMBERS[call], 0, 1) + instruction(RETURN, ERRNO | EPERM)
    code += instruction(RETURN, ALLOW)
    text = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("@HxxxxxxP", len(code) // 8, ctypes.addressof(text))
    libc = ctypes.CDLL(None, use_errno=True)
    if (libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or
            libc.prctl(PR_SET_SECCOMP, MODE_FILTER, ctypes.create_string_buffer(program, len(program)), 0, 0)):
        sys.exit(os.strerror(ctypes.get_errno()))


at = sys.argv.index("--")
install(sys.argv[1:at])
os.execvp(sys.argv[at + 1], sys.argv[at + 1:])
