"""Processes that a killed driver left behind: those of this study, found by a mark in their environment.

Whatever a driver starts inherits its environment, so Ray's daemons and workers carry the study's id. The journal's
lock tells that no other driver of the study lives on this machine; hence what still carries its id is an orphan.
On another machine than the driver's, Ray itself ends what belongs to a driver that is gone.
"""

import os
from contextlib import suppress
from typing import Final

import psutil

MARK: Final = "DISENTANGLE_STUDY"
PATIENCE = 5.0  # seconds between asking a process to end and ending it


def mark(study_id: str) -> None:
    """Marks everything that this process starts from now on as the study's."""
    os.environ[MARK] = study_id


def end_orphans(study_id: str) -> list[int]:
    """Ends the processes that an earlier driver of the study left on this machine; returns their ids.

    To be called by who holds the study's journal, before he starts anything.
    """
    own = psutil.Process()
    spared = {own.pid, *(parent.pid for parent in own.parents())}
    found = [process for process in psutil.process_iter() if process.pid not in spared and _carries(process, study_id)]
    for process in found:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, stubborn = psutil.wait_procs(found, timeout=PATIENCE)
    for process in stubborn:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=PATIENCE)
    return sorted(process.pid for process in found)


def _carries(process: psutil.Process, study_id: str) -> bool:
    try:
        return process.environ().get(MARK) == study_id
    except (psutil.Error, OSError):  # it has ended meanwhile, or is another user's
        return False
