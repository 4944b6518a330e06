# SPDX-License-Identifier: MIT
"""RSA through the node, called from Python; the openssl command makes the keys and the expected answers."""

import ctypes
import fcntl
import os
import re
import shutil
import struct
import subprocess

import pytest

ICARSAMODEXPO, ICARSACRT = 0xC0007A05, 0xC0007A06
ACCELERATOR, COPROCESSOR = 6, 5
PARTS = ["modulus", "privateExponent", "prime1", "prime2", "exponent1", "exponent2", "coefficient"]

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="there is no openssl command")


def openssl(*arguments, input=None):
    return subprocess.run(["openssl", *map(str, arguments)], input=input, capture_output=True, check=True).stdout


def parts(key):
    """The numbers of a key, by the names that openssl prints."""
    text = openssl("pkey", "-in", key, "-noout", "-text").decode()
    return {name: int(re.search(rf"^{name}:\n((?: +[0-9a-f:]+\n)+)", text, re.M)[1].replace(":", "").replace(" ", "")
                      .replace("\n", ""), 16) for name in PARTS}


def call(node, number, n, data, *operands):
    """Calls the ioctl with data, a buffer of n bytes, and the operands; returns the bytes written."""
    memory = [ctypes.create_string_buffer(bytes(o), len(o)) for o in (data, bytes(n), *operands)]
    at = [ctypes.addressof(m) for m in memory]
    argument = bytearray(struct.pack(f"=QI4xQI4x{len(operands)}Q", at[0], n, at[1], n, *at[2:]))
    fd = os.open(node, os.O_RDWR)
    try:
        fcntl.ioctl(fd, number, argument, True)
    finally:
        os.close(fd)
    return memory[1].raw


@pytest.mark.parametrize("bits", [512, 1024, 2048, 3072, 4096])
def test_sign_and_verify(crypto, tmp_path, bits):
    key, n, short, long = tmp_path / "key", bits // 8, bits // 16, bits // 16 + 8
    key.write_bytes(openssl("genrsa", bits))
    k = parts(key)
    data = b"\0\1" + os.urandom(n - 2)
    raw = ["-inkey", key, "-pkeyopt", "rsa_padding_mode:none"]
    signature = openssl("pkeyutl", "-decrypt", *raw, input=data)
    assert len(signature) == n
    crt = [(k["exponent1"], long), (k["exponent2"], short), (k["prime1"], long), (k["prime2"], short),
           (k["coefficient"], long)]
    for adapter in (ACCELERATOR, COPROCESSOR):
        crypto.only(adapter)
        modulus, node = k["modulus"].to_bytes(n, "big"), crypto.node()
        assert call(node, ICARSACRT, n, data, *(number.to_bytes(size, "big") for number, size in crt)) == signature
        assert call(node, ICARSAMODEXPO, n, data, k["privateExponent"].to_bytes(n, "big"), modulus) == signature
        assert call(node, ICARSAMODEXPO, n, signature, (65537).to_bytes(n, "big"), modulus) == data
        assert crypto.count(f"card{adapter:02x}") == 3
