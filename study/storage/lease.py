"""Who works on a study at an address: a small file there that its driver writes anew all the time.

Clocks of two machines are never compared. How old the file is, is the difference of two times of the address's own
clock: its own, and that of a file just written beside it. A file that looks old is watched before it is taken over: a
driver that lives counts on in it.
"""

import json
import os
import platform
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from study.errors import StudyBusy
from trainables.files import Files

NAME = "driver.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often and how long, all in seconds.

    Attributes:
        push: between two copies of what is new.
        heartbeat: between two signs of life.
        stale: without a sign of life after which a driver on another machine counts as dead.
        settle: given to two drivers that start at once to see each other.
        patience: spent on the last copy where the address does not answer.
        silence: of a copy at the end before it says how far it is.
    """

    push: float = 10.0
    heartbeat: float = 10.0
    stale: float = 60.0
    settle: float = 1.0
    patience: float = 60.0
    silence: float = 2.0


class Lease:
    """This driver's claim to a study at an address.

    Attributes:
        lost: whether another driver has taken the study over.
    """

    def __init__(self, remote: Files, pace: Pace) -> None:
        self._remote, self._pace = remote, pace
        self._me = _identity()
        self._beat = 0
        self.lost = False

    def take(self) -> None:
        """Claims the study.

        Raises:
            StudyBusy: if another driver works on it.
        """
        other = self._seen()
        if other is not None:
            self._refuse_living(other)
        self._write()
        time.sleep(self._pace.settle)
        if not self._mine(self._seen()):
            raise self._busy(self._seen() or {}, "has just begun")

    def confirm(self) -> None:
        """Notices whether the study is another driver's now."""
        self.lost = self.lost or not self._mine(self._seen())

    def refresh(self) -> None:
        """Gives a sign of life, unless the study is another driver's now."""
        self.confirm()
        if not self.lost:
            self._write()

    def release(self) -> None:
        """Lets go of the study."""
        self.confirm()
        if not self.lost:
            self._remote.delete(NAME)

    def _refuse_living(self, other: dict[str, Any]) -> None:
        if _same_machine(other, self._me):
            if _alive(other):
                raise self._busy(other, "runs on this machine")
            return
        age = self._age()
        if age is not None and abs(age) < self._pace.stale:
            why = f"gave a sign of life {abs(age):.0f} s ago, and counts as dead after {self._pace.stale:g} s"
            raise self._busy(other, why)
        time.sleep(1.5 * self._pace.heartbeat)
        if self._seen() != other:
            raise self._busy(other, "still counts on")

    def _age(self) -> float | None:
        probe = f"driver-{self._me['token']}.probe"
        self._remote.write(probe, b"")
        try:
            now, then = self._remote.written_at(probe), self._remote.written_at(NAME)
        finally:
            self._remote.delete(probe)
        return None if now is None or then is None else now - then

    def _busy(self, other: dict[str, Any], why: str) -> StudyBusy:
        who = f"{other.get('host', 'another one')} (process {other.get('pid', 'unknown')})"
        return StudyBusy(
            f"one driver works on a study at a time; the one on {who} holds {self._remote}: it {why}; "
            "wait for it or stop it"
        )

    def _seen(self) -> dict[str, Any] | None:
        content = self._remote.read(NAME)
        if content is None:
            return None
        try:
            plain = json.loads(content)
        except ValueError:
            return {}
        return plain if isinstance(plain, dict) else {}

    def _mine(self, seen: dict[str, Any] | None) -> bool:
        return seen is not None and seen.get("token") == self._me["token"]

    def _write(self) -> None:
        self._beat += 1
        self._remote.write(NAME, json.dumps(self._me | {"heartbeat": self._beat}).encode())


def _identity() -> dict[str, Any]:
    return {
        "host": platform.node(),
        "pid": os.getpid(),
        "started": _started(os.getpid()),
        "boot": _text(Path("/proc/sys/kernel/random/boot_id")),
        "processes": _link(Path("/proc/self/ns/pid")),  # a container on this machine has ids of its own
        "token": uuid.uuid4().hex,
    }


def _same_machine(one: dict[str, Any], other: dict[str, Any]) -> bool:
    known = ("boot", "processes")
    return all(one.get(key) is not None and one.get(key) == other.get(key) for key in known)


def _alive(other: dict[str, Any]) -> bool:
    started = _started(other.get("pid"))
    return started is not None and started == other.get("started")


def _started(pid: object) -> str | None:
    """Returns when a process began, in ticks since the machine did, or None where there is none."""
    text = _text(Path(f"/proc/{pid}/stat"))
    return None if text is None else text.rpartition(")")[2].split()[19]


def _text(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None


def _link(path: Path) -> str | None:
    try:
        return os.readlink(path)
    except OSError:
        return None
