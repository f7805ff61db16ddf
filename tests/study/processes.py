"""Real studies in processes of their own, recognised by a mark in their environment."""

import ipaddress
import os
import signal
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from pathlib import Path

from study.storage.journal import read

MARK = "DISENTANGLE_TEST_MARK"
PATIENCE = 250  # seconds for what happens at once, but on a machine that stands still


class Driver:
    """A study that was started from the command line, in a process group of its own as a shell would start it."""

    def __init__(self, *arguments, stdout=subprocess.PIPE):
        self.mark = uuid.uuid4().hex
        self.process = subprocess.Popen(
            [sys.executable, "-m", "study.launch", *map(str, arguments)],
            env={**os.environ, MARK: self.mark},
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def finish(self):
        """Waits for its end and returns status, stdout and stderr; ends all of it where a test's patience ends."""
        try:
            out, err = self.process.communicate(timeout=1200)
        except BaseException:
            self.kill()
            raise
        return self.process.returncode, out, err

    def kill(self):
        """Ends all of its processes, whatever they are at."""
        for process in self.processes():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self.process.communicate()

    def strike(self, number):
        """Sends a signal as a terminal does: to the whole group."""
        os.killpg(self.process.pid, number)

    def processes(self):
        """Returns the ids of all processes that carry the mark, Ray's included."""
        mark = f"{MARK}={self.mark}".encode()
        return [
            int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and mark in _environ(entry)
        ]

    def gone(self, within):
        """Tells whether all of its processes end within so many seconds."""
        return wait_for(lambda: not self.processes(), within)

    def listening(self):
        """Returns the addresses that its processes listen on."""
        inodes = {inode for process in self.processes() for inode in _sockets(process)}
        return {address for inode, address in _listeners() if inode in inodes}


def wait_for(condition, within=PATIENCE, every=0.1):
    """Waits until a condition holds, looking every so many seconds; tells whether it came to hold."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(every)
    return False


def ended(run_dir, kind="finished"):
    """Counts the events of a kind in a study's journal."""
    journal = run_dir / "journal"
    return sum(event["kind"] == kind for event in read(journal)) if journal.is_dir() else 0


def _environ(entry):
    try:
        return (entry / "environ").read_bytes()
    except OSError:  # gone, or not ours
        return b""


def _sockets(process):
    folder = Path(f"/proc/{process}/fd")
    try:
        links = [os.readlink(link) for link in folder.iterdir()]
    except OSError:
        return []
    return [link[8:-1] for link in links if link.startswith("socket:[")]


def _listeners():
    for family in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{family}").read_text().splitlines()[1:]:
            columns = line.split()
            if columns[3] == "0A":  # the kernel's number for listening
                yield columns[9], _address(columns[1].partition(":")[0])


def _address(text):
    """Decodes the kernel's notation: hexadecimal words of four bytes, each in the machine's order."""
    words = [bytes.fromhex(text[start : start + 8])[::-1] for start in range(0, len(text), 8)]
    address = ipaddress.ip_address(b"".join(words))
    return getattr(address, "ipv4_mapped", None) or address
