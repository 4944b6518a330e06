# SPDX-License-Identifier: MIT
"""Mediated devices through sysfs."""

MATRIX = "devices/vfio_ap/matrix"
TYPE_DIR = MATRIX + "/mdev_supported_types/vfio_ap-passthrough"


def uuid(number):
    return f"9d4c0f6e-0000-4000-8000-{number:012x}"


class Mdev:
    """A mediated device. Each method writes one attribute and returns "OK" or the errno's name."""

    def __init__(self, tree, number):
        self.tree = tree
        self.uuid = uuid(number)
        self.dir = f"{MATRIX}/{self.uuid}"

    def create(self):
        assert self.tree.w(f"{TYPE_DIR}/create", self.uuid) == "OK"
        return self

    def remove(self):
        return self.tree.w(f"{self.dir}/remove", 1)

    def exists(self):
        return self.tree.exists(self.dir)

    def w(self, attribute, value):
        return self.tree.w(f"{self.dir}/{attribute}", value)

    def r(self, attribute):
        return self.tree.r(f"{self.dir}/{attribute}")

    def assign(self, adapters=(), domains=(), control=()):
        """Assigns all of these; each write must succeed."""
        for attribute, ids in assignments(adapters, domains, control):
            for number in ids:
                assert self.w(f"assign_{attribute}", number) == "OK", (attribute, number)
        return self

    def unassign(self, adapters=(), domains=(), control=()):
        for attribute, ids in assignments(adapters, domains, control):
            for number in ids:
                assert self.w(f"unassign_{attribute}", number) == "OK", (attribute, number)
        return self

    def matrix(self):
        return self.r("matrix").splitlines()

    def guest_matrix(self):
        return self.r("guest_matrix").splitlines()

    def control_domains(self):
        return self.r("control_domains").splitlines()


def assignments(adapters, domains, control):
    return ("adapter", adapters), ("domain", domains), ("control_domain", control)
