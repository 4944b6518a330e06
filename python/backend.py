# SPDX-License-Identifier: MIT
"""Builds the package (PEP 517) with nothing but Python, so that `pip install` needs no network."""

import base64
import hashlib
import re
import tarfile
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
PROJECT = (HERE / "pyproject.toml").read_text(encoding="utf-8")
VERSION = re.search(r'^version = "(.*)"', PROJECT, re.M)[1]
SUMMARY = re.search(r'^description = "(.*)"', PROJECT, re.M)[1]
INFO = f"apus-{VERSION}.dist-info"
METADATA = (f"Metadata-Version: 2.1\nName: apus\nVersion: {VERSION}\nSummary: {SUMMARY}\nLicense: MIT\n"
            f"Requires-Python: >=3.9\n")
WHEEL = "Wheel-Version: 1.0\nGenerator: apus\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
ENTRY_POINTS = "[pytest11]\napus = apus.pytest_plugin\n"


def contents():
    """Each file of the wheel by its name there."""
    files = {path.relative_to(HERE / "src").as_posix(): path.read_bytes()
             for path in sorted((HERE / "src").rglob("*")) if path.is_file() and "__pycache__" not in path.parts}
    for name, text in (("METADATA", METADATA), ("WHEEL", WHEEL), ("entry_points.txt", ENTRY_POINTS)):
        files[f"{INFO}/{name}"] = text.encode()
    return files


def record(files):
    """A line with its hash for each of them."""
    lines = []
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(data)}\n")
    return "".join(lines) + f"{INFO}/RECORD,,\n"


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    files = contents()
    name = f"apus-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(Path(wheel_directory) / name, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, data in {**files, f"{INFO}/RECORD": record(files).encode()}.items():
            wheel.writestr(zipfile.ZipInfo(path), data)
    return name


def build_sdist(sdist_directory, config_settings=None):
    name = f"apus-{VERSION}.tar.gz"
    with tarfile.open(Path(sdist_directory) / name, "w:gz") as archive:
        for path in ("pyproject.toml", "backend.py", "src"):
            archive.add(HERE / path, f"apus-{VERSION}/{path}", filter=lambda i: None if "__pycache__" in i.name else i)
    return name
