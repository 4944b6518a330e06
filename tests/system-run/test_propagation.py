# SPDX-License-Identifier: MIT
"""Where the tree of a daemon in another mount namespace is visible."""

import os

import pytest

from runs import binary

DAEMON = """
mkdir -p "$APUS_RUNTIME_DIR/tree" && mount -t tmpfs none "$APUS_RUNTIME_DIR/tree" && mount --make-$1 "$APUS_RUNTIME_DIR/tree" &&
mkdir "$APUS_RUNTIME_DIR/tree/sys" || exit 1
"$0" daemon --mount "$APUS_RUNTIME_DIR/tree/sys" --socket "$APUS_RUNTIME_DIR/socket" > "$APUS_RUNTIME_DIR/out" &
until grep -q ready "$APUS_RUNTIME_DIR/out"; do sleep 0.05; kill -0 $! || exit 1; done
kill $!; wait $!; rm -f "$APUS_RUNTIME_DIR/out"; umount "$APUS_RUNTIME_DIR/tree"; rmdir "$APUS_RUNTIME_DIR/tree"
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount")
@pytest.mark.parametrize("propagation, warned", [("private", 1), ("slave", 1), ("shared", 0)])
def test_a_warning_where_nobody_else_will_see_it(runs, propagation, warned):
    result = runs.command("unshare", "-m", "bash", "-c", DAEMON, binary(), propagation)
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("only this mount namespace will see the tree") == warned
