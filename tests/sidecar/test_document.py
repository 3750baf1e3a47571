"""The document and the server say the same: schemathesis makes requests of the document and holds the answers against it."""

import contextlib
import os
import socket
import subprocess
import tempfile
import threading
import unittest

from engine import HERE, WithEngine

EXAMPLES_PER_OPERATION = "100"
SECONDS = 240


class Document(WithEngine):
    @unittest.skipUnless("SCHEMATHESIS" in os.environ, "schemathesis is not there")
    def test_the_server_does_what_the_document_says(self):
        with Bridge(self.engine.socket) as url, tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [
                    os.environ["SCHEMATHESIS"],
                    f"--config-file={HERE / 'schemathesis.toml'}",
                    "run",
                    f"{url}/v1/openapi.json",
                    "--checks=all",
                    "--phases=examples,coverage,fuzzing",
                    f"--max-examples={EXAMPLES_PER_OPERATION}",
                    # Requests that are made anew in each run would fail at random in somebody else's.
                    "--seed=1",
                    "--workers=2",
                    "--suppress-health-check=all",
                    "--generation-database=:memory:",
                    "--no-color",
                ],
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=SECONDS,
            )
        self.assertEqual(0, done.returncode, done.stdout[-8000:] + done.stderr[-2000:])
        self.assertIn("7 selected / 7 total", done.stdout)


class Bridge:
    """Loopback to the unix socket: schemathesis speaks TCP alone."""

    def __init__(self, path):
        self.path = str(path)

    def __enter__(self) -> str:
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.accept, daemon=True).start()
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def __exit__(self, *_):
        self.listener.close()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            far = socket.socket(socket.AF_UNIX)
            far.connect(self.path)
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=pump, args=(source, sink), daemon=True).start()


def pump(source, sink):
    try:
        while some := source.recv(65536):
            sink.sendall(some)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        # The other side is gone, and this one must hear of it.
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    unittest.main()
