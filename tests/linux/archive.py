# SPDX-License-Identifier: MIT
"""A small Debian archive over HTTP. The test decides which files it serves."""

import collections
import hashlib
import http.server
import pathlib
import subprocess
import threading

ARCHITECTURE = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        archive, name = self.server.archive, pathlib.Path(self.path).name
        archive.requests.append(name)
        if archive.failures[name]:
            archive.failures[name] -= 1
            self.close_connection = True  # the connection is closed without an answer
            return
        content = None if name in archive.holes else archive.content.get(self.path.replace("%2b", "+"))
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *_):
        pass


class Archive:
    """add() packages, publish(), then use url."""

    def __init__(self, place):
        self.place = place
        self.content = {}  # by path
        self.suites = collections.defaultdict(lambda: collections.defaultdict(list))
        self.holes, self.requests, self.failures = set(), [], collections.Counter()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.archive = self
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/debian"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def add(self, suite, name, version, architecture="s390x", depends="", path=None):
        """Adds a package with one file, which names suite and version; returns the package's file name."""
        tree = self.place / "tree" / suite / f"{name}_{version}_{architecture}"
        control = (f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: nobody <nobody@localhost>\n"
                   + (f"Depends: {depends}\n" if depends else ""))
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN" / "control").write_text(control + "Description: for a test\n")
        file = tree / (path or f"usr/share/{name}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{suite} {version}\n")
        package = self.place / f"{tree.name}.deb"
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "-b", tree, package], check=True, stdout=subprocess.DEVNULL)
        data = package.read_bytes()
        base = "/debian-security" if suite.endswith("-security") else "/debian"
        self.content[f"{base}/pool/{suite}/{package.name}"] = data
        self.suites[suite][architecture].append(
            control + f"Filename: pool/{suite}/{package.name}\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n"
            "Description: for a test\n")
        return package.name

    def publish(self):
        for suite, packages in self.suites.items():
            base = f"/debian{'-security' * suite.endswith('-security')}/dists/{suite}"
            release = (f"Suite: {suite}\nCodename: {suite}\nArchitectures: {ARCHITECTURE} s390x\nComponents: main\n"
                       "Date: Sat, 21 Nov 2026 09:15:44 UTC\nSHA256:\n")
            for architecture in {ARCHITECTURE, "s390x"}:
                text = "\n".join(packages[architecture]).encode()
                name = f"main/binary-{architecture}/Packages"
                release += f" {hashlib.sha256(text).hexdigest()} {len(text)} {name}\n"
                self.content[f"{base}/{name}"] = text
            self.content[f"{base}/Release"] = release.encode()
