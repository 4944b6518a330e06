# SPDX-License-Identifier: MIT
"""Guests through the control socket."""


class Guest:
    def __init__(self, daemon, name):
        self.daemon = daemon
        self.name = name

    def start(self, mdev=None, features=None):
        arguments = {"name": self.name}
        if mdev is not None:
            arguments["mdev"] = getattr(mdev, "uuid", mdev)
        if features is not None:
            arguments["features"] = list(features)
        self.daemon.execute("guest-start", **arguments)
        return self

    def stop(self):
        self.daemon.execute("guest-stop", name=self.name)

    def attach(self, mdev):
        self.daemon.execute("guest-attach", name=self.name, mdev=getattr(mdev, "uuid", mdev))

    def detach(self):
        self.daemon.execute("guest-detach", name=self.name)

    def migrate(self):
        return self.daemon.execute("guest-migrate", name=self.name)

    def show(self):
        return self.daemon.execute("guest-show", name=self.name)

    def apqns(self):
        """The queues that the guest can use now: a sorted list such as ["05.0004"]."""
        return sorted(self.show()["matrix"])

    def control_domains(self):
        """The numbers of the guest's control domains."""
        ids = self.show()["control_domains"]
        return sorted(i if isinstance(i, int) else int(i, 16) for i in ids)

    def run(self, *command):
        """The output of a program inside the guest."""
        result = self.daemon.cli("guest", "exec", self.name, "--", *command)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def read(self, path):
        return self.run("cat", path)

    def devices(self):
        """Cards and queues on the guest's own AP bus; none if it has no AP bus."""
        listing = "if test -d /sys/bus/ap/devices; then ls /sys/bus/ap/devices; fi"
        return self.run("bash", "-c", listing).split()
