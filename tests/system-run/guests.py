# SPDX-License-Identifier: MIT
"""A machine with a guest, and programs in it."""

import subprocess

from runs import USER, binary

UUID = "11111111-2222-4333-8444-555555555555"

SETUP = f"""
set -e
echo -5,-6 > /sys/bus/ap/apmask
m=/sys/devices/vfio_ap/matrix
echo {UUID} > $m/mdev_supported_types/vfio_ap-passthrough/create
echo 5 > $m/{UUID}/assign_adapter
echo 4 > $m/{UUID}/assign_domain
apus guest start G {UUID}
set +e
echo up
"""


# The library that is preloaded without a mount comes before the sanitizer's of a test build.
PRELOADED = {"ASAN_OPTIONS": "verify_asan_link_order=0"}


class Machine:
    """A running machine with a guest G that has 05.0004; its shell reads further commands."""

    def __init__(self, runs, as_user=False, options=()):
        self.runs = runs
        self.prefix = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"] if as_user else []
        self.shell = subprocess.Popen([*self.prefix, binary(), "run", *options, "--", "bash"], text=True, cwd="/",
                                      env=runs.environment(**PRELOADED), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.say(SETUP) == "up\n"

    def say(self, line):
        """Sends a command to the machine's shell; returns its output, one line."""
        self.shell.stdin.write(line + "\n")
        self.shell.stdin.flush()
        return self.shell.stdout.readline()

    def exec(self, *program, options=(), **settings):
        """Runs it as from another terminal."""
        return self.runs.command(*self.prefix, binary(), "guest", "exec", *options, "G", "--", *program,
                                 **{"cwd": "/", "env": PRELOADED, **settings})

    def bash(self, script, **settings):
        return self.exec("bash", "-c", script, **settings)

    def start(self, script, **settings):
        return subprocess.Popen([*self.prefix, binary(), "guest", "exec", "G", "bash", "-c", script],
                                env=self.runs.environment(**PRELOADED), text=True, cwd="/",
                                **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **settings})

    def stop(self):
        self.shell.stdin.close()
        self.shell.stdout.close()
        assert self.shell.wait(60) == 0
