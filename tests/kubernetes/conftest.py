# SPDX-License-Identifier: MIT
import pathlib
import shutil
import tempfile

import pytest

pytest.importorskip("grpc", reason="needs python3-grpcio")
pytest.importorskip("google.protobuf", reason="needs python3-protobuf")

from kubelet import Kubelet  # noqa: E402
from node import NODES  # noqa: E402


@pytest.fixture
def folder():
    """Short, since it has sockets."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="apus-kube-", dir="/tmp"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def kubelet(folder):
    here = Kubelet(folder)
    yield here
    here.close()


@pytest.fixture(params=NODES)
def node(request, folder, kubelet):
    here = NODES[request.param](folder)
    yield here
    here.close()
