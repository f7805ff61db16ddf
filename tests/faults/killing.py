"""Real studies whose parts are killed at random moments, and what is left of them."""

import random
import signal
import threading
import time
from collections import Counter
from contextlib import suppress

import psutil

from analysis import load
from study.storage.journal import read
from tests.study.processes import PATIENCE, Driver, wait_for

KINDS = ("driver", "worker", "node", "mid-write")
TRIALS = 40
KEPT = 5  # events, for a kill
OFTEN = 0.002  # seconds between two looks: a fast machine writes an event every few hundredths


def study(trials=TRIALS, concurrency=1):
    """Returns the options of a study of so many tiny trials, real ones."""
    many = ("--concurrency", str(concurrency)) if concurrency else ()
    return [
        *("--scale", "smoke", "--architectures", "mlp", "--n-train", "40", "--n-validation", "40", "--n-test", "100"),
        *("--n-attacked", "10", "--epochs", "4", "--grace", "1", "--seeds", "1", "--sampler", "random"),
        *("--trials", str(trials), *many),
    ]


MEASURED = ("trial_id", "label", "state", "seed", "signature", "gradient_evaluations", "forward_passes", "stopped_at")


class Reader(threading.Thread):
    """Reads a study's tables again and again while it runs, as a user's notebook would."""

    def __init__(self, run_dir):
        super().__init__(daemon=True)
        self.run_dir, self.reads, self.complaints, self.over = run_dir, 0, [], threading.Event()

    def run(self):
        while not self.over.wait(0.05):
            if not (self.run_dir / "results" / "confirmations.parquet").is_file():
                continue
            try:
                load(self.run_dir)
                self.reads += 1
            except Exception as error:
                self.complaints.append(repr(error))

    def stop(self):
        self.over.set()
        self.join()
        return self.complaints


def kill_until_done(run_dir, kills, seed, events):
    """Starts a study, kills its parts so many times, and lets it finish; returns how many of each kind died.

    Kills are spread over what is left of the study, at random; `events` is about how many there are in its journal.
    Some are kept for every kill to come: two must pass before it, and more do until it has happened.
    """
    rng, done = random.Random(seed), Counter()
    driver = Driver(*study(), "--runs", run_dir.parent, "--name", run_dir.name)
    while (left := kills - sum(done.values())) > 0:
        kind, here = rng.choice(KINDS), written(run_dir)
        spare = max(events - here - KEPT * left, 0)
        if not _reached(driver, run_dir, here + 2 + rng.uniform(0, 2 * spare / (left + 1))):
            assert driver.process.returncode != 0, f"the study was done before so many kills: {dict(done)}"
            driver = _again(driver, run_dir)
            continue
        time.sleep(rng.uniform(0, 0.1))
        done[kind] += _kill(kind, driver, run_dir)
        if kind != "worker":
            driver = _again(driver, run_dir)
    return driver.finish(), done


def _again(driver, run_dir):
    """Waits for the end of a driver that has lost something it needs, and starts another."""
    with suppress(Exception):
        driver.process.communicate(timeout=PATIENCE)
    if driver.process.poll() is None:
        raise AssertionError("a driver neither went on nor ended after its node was killed")
    return Driver("--resume", run_dir, "--concurrency", 1)


def _reached(driver, run_dir, events):
    """Waits until a study's journal has so many events; False where its driver has ended instead."""
    wait_for(lambda: driver.process.poll() is not None or written(run_dir) >= events, PATIENCE, OFTEN)
    return driver.process.poll() is None


def written(run_dir):
    """Counts the events in a study's journal."""
    return sum(path.read_bytes().count(b"\n") for path in (run_dir / "journal").glob("*.jsonl"))


def _kill(kind, driver, run_dir):
    """Kills one thing; returns whether it was there to be killed. Nothing happens while its parts are looked for."""
    if kind == "mid-write":
        wait_for(lambda: any(run_dir.rglob(".*.*[0-9]")), 2, OFTEN)
    with suppress(ProcessLookupError):
        driver.process.send_signal(signal.SIGSTOP)
    victims = {
        "driver": lambda: [driver.process.pid],
        "mid-write": lambda: [driver.process.pid],
        "worker": lambda: named(driver, "ray::"),
        "node": lambda: named(driver, "raylet") + named(driver, "ray::"),
    }[kind]()
    killed = 0
    for pid in victims:
        with suppress(ProcessLookupError):
            psutil.Process(pid).send_signal(signal.SIGKILL)
            killed += 1
    with suppress(ProcessLookupError):
        driver.process.send_signal(signal.SIGCONT)
    return killed > 0


def named(driver, start):
    """Returns those of a study's processes whose program or title begins so."""
    found = []
    for pid in driver.processes():
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            title = " ".join(process.cmdline())
            if title.startswith(start) or process.name().startswith(start):
                found += [] if "Agent" in title else [pid]
    return found


def final(run_dir, table):
    """Returns a table's measurements, without times and places."""
    rows = getattr(load(run_dir), table).to_pylist()
    kept = [
        {key: value for key, value in row.items() if key in MEASURED or key.startswith(("val_", "test_", "config."))}
        for row in rows
    ]
    return sorted(kept, key=lambda row: (row["trial_id"], row.get("epoch", 0)))


def ends(run_dir):
    """Returns how often every trial was asked for, and how often it ended, by the journal."""
    events = list(read(run_dir / "journal"))
    asked = Counter(event["trial_id"] for event in events if event["kind"] == "asked")
    return asked, Counter(event["trial_id"] for event in events if event["kind"] == "finished")
