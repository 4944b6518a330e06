# SPDX-License-Identifier: MIT
"""libvirt runs a guest with a mediated device, with the files of examples/libvirt, on a copy of this computer's /dev,
/run and /etc."""

import os
import shutil
import subprocess
import sys

import pytest

from conftest import BUILD, HERE, TOP

sys.path.append(str(HERE.parent))
from reachable import AS_OTHER, closed  # noqa: E402

APUS = BUILD / "src" / "cli" / "apus"
DEVICE = '"mdev":"9c1b3b6a-8f0c-4b1e-9a53-2d1c7e7f0001"'
EXPECTED = f"""$ virsh define guest1.xml
$ virsh start Guest1
device: {DEVICE}
1
05.0004
card05
$ virsh detach-device Guest1 hostdev.xml --live
device: none
1
$ virsh attach-device Guest1 hostdev.xml --live
device: {DEVICE}
1
05.0004
card05
$ virsh destroy Guest1
device: none
$ virsh undefine Guest1
"""


@pytest.mark.parametrize("who", ["root", "user"])
def test_a_domain(public, who):
    if os.geteuid() != 0:
        pytest.skip("needs root to make a computer of its own")
    for program, package in (("libvirtd", "libvirt-daemon"), ("virsh", "libvirt-clients")):
        if not shutil.which(program):
            pytest.skip(f"{program} is not there (apt-get install {package})")
    if who == "user" and (closed(APUS) or closed(HERE)):
        pytest.skip("another user cannot read the checkout")
    env = {key: value for key, value in os.environ.items() if not key.startswith("APUS_")}
    env.update(APUS_CACHE=str(public), LC_ALL="C", HOME="/tmp")
    done = subprocess.run([HERE.parent / "system-run" / "computer", *(AS_OTHER if who == "user" else []), APUS, "run", "--",
                           HERE / "libvirt.sh", TOP / "examples" / "libvirt", BUILD / "linux" / "linux-exec",
                           public / "kernel", public / "image"],
                          env=env, cwd="/", text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=600)
    assert done.stdout == EXPECTED, done.stderr
