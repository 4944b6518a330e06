# SPDX-License-Identifier: MIT
"""Class zcrypt: nodes with masks of their own [zcrypt-class]."""

import os
import signal
import subprocess
import time

import pytest

from harness import ONES, ZEROS, Daemon, apus_binary, mask, worked_example

CLASS = "class/zcrypt"
MASKS = ("ioctlmask", "apmask", "aqmask", "admask")


@pytest.fixture
def host(apus):
    return apus(worked_example())


def nodes(host):
    return [name for name in host.names(CLASS) if host.path(f"{CLASS}/{name}").is_dir()]


def test_a_new_node_can_do_nothing(host):
    assert nodes(host) == []
    assert host.w(f"{CLASS}/create", "web") == "OK"
    assert nodes(host) == ["web"]
    assert {name: host.value(f"{CLASS}/web/{name}") for name in MASKS} == dict.fromkeys(MASKS, ZEROS)
    assert {host.mode(f"{CLASS}/web/{name}") for name in MASKS} == {0o644}
    assert host.path(f"{CLASS}/web").resolve() == host.path("devices/virtual/zcrypt/web")


def test_its_masks_have_the_grammar_of_the_bus(host):
    assert host.w(f"{CLASS}/create", "web") == "OK"
    assert host.w(f"{CLASS}/web/apmask", "+5") == "OK"
    assert host.value(f"{CLASS}/web/apmask") == mask(5)
    assert host.w(f"{CLASS}/web/aqmask", "0x0") == "OK"
    assert host.w(f"{CLASS}/web/admask", "0x0X") == "EINVAL"
    everything = "+" + ",+".join(map(str, range(256)))
    assert host.w(f"{CLASS}/web/ioctlmask", everything) == "OK"
    assert host.value(f"{CLASS}/web/ioctlmask") == ONES
    assert host.value("bus/ap/apmask") == ONES


def test_names(host):
    create = f"{CLASS}/create"
    assert host.w(create, "  spaced\t") == "OK"
    assert host.w(create, "x" * 40) == "OK"
    assert host.w(create, "") == "OK"
    assert host.w(create, "spaced") == "EEXIST"
    found = nodes(host)
    assert "spaced" in found and "x" * 31 in found
    assert [name for name in found if name.startswith("zcrypt_")] == ["zcrypt_2"]


def test_a_name_cannot_be_a_path(host):
    before = host.dump()
    for name, shown in (("a/b", ["a!b"]), ("/", ["!"]), ("..", []), (".", [])):
        assert host.w(f"{CLASS}/create", name) == "OK"
        assert nodes(host) == shown
        assert host.w(f"{CLASS}/create", name) == "EEXIST"
        assert host.w(f"{CLASS}/destroy", shown[0] if shown else name) == "OK"
    assert host.w(f"{CLASS}/destroy", "a/b") == "ENOENT"
    assert host.dump() == before


def test_a_name_takes_any_other_character(host):
    for name in ("two words", "two\nlines", "\x01", "-n"):
        assert host.w(f"{CLASS}/create", name) == "OK"
        assert nodes(host) == [name]
        assert host.w(f"{CLASS}/destroy", name) == "OK"


def test_a_name_is_cut_before_blanks_go(host):
    assert host.w(f"{CLASS}/create", "x" * 30 + " yz") == "OK"
    assert nodes(host) == ["x" * 30]


def test_destroy(host):
    assert host.w(f"{CLASS}/create", "web") == "OK"
    assert host.w(f"{CLASS}/destroy", "nobody") == "ENOENT"
    assert host.w(f"{CLASS}/destroy", "web") == "OK"
    assert nodes(host) == []
    assert host.w(f"{CLASS}/destroy", "web") == "ENOENT"


def test_create_and_destroy_are_for_writing_only(host):
    for name in ("create", "destroy"):
        assert host.mode(f"{CLASS}/{name}") == 0o600 or host.mode(f"{CLASS}/{name}") == 0o200
        assert host.r(f"{CLASS}/{name}") == "EACCES" or host.mode(f"{CLASS}/{name}") == 0o600


def test_all_minors(host):
    for number in range(256):
        assert host.w(f"{CLASS}/create", f"n{number}") == "OK"
    assert host.w(f"{CLASS}/create", "one-more") == "ENOSPC"
    assert host.w(f"{CLASS}/create", "n77") == "EEXIST"  # which is asked first
    assert host.w(f"{CLASS}/destroy", "n77") == "OK"
    assert host.w(f"{CLASS}/create", "one-more") == "OK"


def test_opening_a_device_node(host):
    host.w(f"{CLASS}/create", "one-more")
    names = os.listdir(host.path("dev"))
    assert sorted(names) == ["one-more", "z90crypt"]
    for name in names:
        os.close(os.open(host.path(f"dev/{name}"), os.O_RDWR))


@pytest.mark.parametrize("end", (signal.SIGTERM, signal.SIGKILL))
def test_links_to_nodes_lead_into_the_mounted_tree(tmp_path, end):
    """--dev-links: they come and go with the nodes, leave alone what is there, and end with the daemon."""
    folder = tmp_path / "links"
    folder.mkdir()
    (folder / "other").write_text("mine")
    os.symlink("nowhere", folder / "taken")
    host = Daemon(tmp_path, worked_example(), arguments=["--dev-links", folder])
    for name in ("web", "gone", "taken", "other"):
        assert host.w(f"{CLASS}/create", name) == "OK"
    assert host.w(f"{CLASS}/destroy", "gone") == "OK"
    assert sorted(os.listdir(folder)) == ["other", "taken", "web", "z90crypt"]
    for name in ("web", "z90crypt"):
        assert os.readlink(folder / name) == str(host.path(f"dev/{name}")) and (folder / name).exists()
    second = subprocess.run([apus_binary(), "daemon", "--mount", host.root, "--socket", host.socket, "--dev-links", folder],
                            capture_output=True, text=True, check=False)
    assert second.returncode == 1 and "another daemon" in second.stderr
    assert sorted(os.listdir(folder)) == ["other", "taken", "web", "z90crypt"], "they are the first one's"
    host.process.send_signal(end)
    host.process.wait()
    host.abandon()
    deadline = time.monotonic() + 10
    while sorted(os.listdir(folder)) != ["other", "taken"] and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sorted(os.listdir(folder)) == ["other", "taken"]
    assert os.readlink(folder / "taken") == "nowhere" and (folder / "other").read_text() == "mine"


def test_links_cannot_be_in_the_tree(tmp_path):
    (tmp_path / "sys").mkdir()
    (tmp_path / "alias").symlink_to("sys")
    for folder in ("sys", "alias"):
        result = subprocess.run([apus_binary(), "daemon", "--mount", "sys", "--socket", "socket", "--dev-links", folder],
                                cwd=tmp_path, capture_output=True, text=True, timeout=20, check=False)
        assert result.returncode == 2 and "--dev-links" in result.stderr and "--mount sys" in result.stderr


def test_a_directory_of_links_that_became_the_tree(tmp_path):
    """The name leads elsewhere meanwhile: the links are where they were, and nobody waits."""
    (tmp_path / "links").mkdir()
    host = Daemon(tmp_path, worked_example(), arguments=["--dev-links", tmp_path / "links"])
    (tmp_path / "links").rename(tmp_path / "moved")
    (tmp_path / "links").symlink_to(host.root)
    assert host.w(f"{CLASS}/create", "web") == "OK"
    assert os.readlink(tmp_path / "moved/web") == str(host.path("dev/web"))
    host.stop()
    assert os.listdir(tmp_path / "moved") == []
