"""A real S3 server in a process of its own on loopback, behind a door that can be shut."""

import asyncio
import socket
import subprocess
import sys
import time

from pyarrow import fs

BUCKET = "studies"
WAIT = 200  # seconds for what a busy machine may be slow at: a server loads its parts when it is first asked
KEYS = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_REGION": "us-east-1",
}


class Server:
    """Moto's server, and a process that passes on to it what comes to `port`."""

    def __init__(self):
        self._inner, self.port = _free_port(), _free_port()
        self._processes = {"server": _start("-m", "moto.server", "-H", "127.0.0.1", "-p", self._inner)}
        _wait_for(self._inner)
        self.open()
        fs.S3FileSystem(
            access_key="key", secret_key="secret", region="us-east-1", scheme="http",
            endpoint_override=f"127.0.0.1:{self.port}", allow_bucket_creation=True,
            request_timeout=WAIT,
        ).create_dir(BUCKET)  # fmt: skip

    def address(self, name):
        return f"s3://{BUCKET}/{name}?endpoint_override=127.0.0.1:{self.port}&scheme=http"

    def open(self):
        self._processes["door"] = _start(__file__, self.port, self._inner)
        _wait_for(self.port)

    def shut(self):
        """Nobody listens at `port` any more; what had been stored stays."""
        _end(self._processes.pop("door"))

    def close(self):
        for process in self._processes.values():
            _end(process)


def _start(*arguments):
    command = [sys.executable, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _end(process):
    process.kill()
    process.wait()


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(port):
    end = time.monotonic() + WAIT
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


async def _pass_on(source, sink):
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()
    sink.close()


async def _serve(port, inner):
    async def connected(source, sink):
        answers, questions = await asyncio.open_connection("127.0.0.1", inner)
        await asyncio.gather(_pass_on(source, questions), _pass_on(answers, sink), return_exceptions=True)

    await (await asyncio.start_server(connected, "127.0.0.1", port)).serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2])))
