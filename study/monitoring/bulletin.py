"""What other threads have to say while a study runs, told when the study's own thread looks up."""

from pathlib import Path
from queue import Empty, SimpleQueue
from typing import final

from study.cluster import Cluster
from study.monitoring.watch import Ended, Watch
from study.storage.state import State, Trial
from study.talking import say


@final
class Bulletin(Watch):
    """Takes texts from any thread: printed at once before and after the study, shown in its picture meanwhile."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[str] = SimpleQueue()
        self._picture: Watch | None = None

    def __call__(self, text: str) -> None:
        """Says something."""
        if self._picture is None:
            say(text)
        else:
            self._waiting.put(text)

    def beside(self, picture: Watch) -> Watch:
        """Shows what is said in this picture from now on, until the study has ended; returns itself."""
        self._picture = picture
        return self

    def tick(self) -> None:
        while self._picture is not None:
            try:
                self._picture.notice(self._waiting.get_nowait())
            except Empty:
                return

    def ended(self) -> None:
        self.tick()
        self._picture = None

    def began(self, state: State, cluster: Cluster, run_dir: Path) -> None: ...

    def trial_began(self, trial: Trial) -> None: ...

    def trial_ended(self, trial: Trial) -> None: ...

    def stage(self, name: str, jobs: int, done: int) -> None: ...

    def job_began(self, stage: str, trial: Trial, seed: int) -> None: ...

    def job_ended(self, ended: Ended) -> None: ...

    def notice(self, text: str) -> None: ...
