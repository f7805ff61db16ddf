"""Made-up studies, and machines that mirror them."""

from study.desk import Desk
from study.storage.checkpoints import Checkpoints
from study.storage.lease import Pace
from study.storage.mirror import Mirror
from study.storage.store import Store
from tests.study.conftest import begin, work
from trainables.files import Files

QUICK = Pace(push=0.05, heartbeat=0.05, stale=0.4, settle=0.01, patience=0.5, silence=60)


class Machine:
    """A folder that a driver works in, and what it was told."""

    def __init__(self, folder, address, pace=QUICK):
        self.runs, self.run_dir, self.remote, self.pace = folder, folder / "tiny", Files(address), pace
        self.said = []

    def mirror(self, *, resume=True):
        return Mirror(self.run_dir, self.remote, resume=resume, say=self.said.append, pace=self.pace)

    def begin(self):
        """Begins the study, works off a trial and ends cleanly."""
        with self.mirror(resume=False) as mirror:
            with begin(self.runs) as store:
                work(Desk(store), 0.25, 0.5)
            return mirror.finish()

    def go_on(self):
        """Continues the study by a trial and ends cleanly."""
        with self.mirror() as mirror:
            with Store(self.run_dir) as store:
                work(Desk(store), 0.5, 0.75)
            return mirror.finish()

    def work_alone(self):
        """Continues the study without the address, as a driver does that dies before it has copied anything."""
        with Store(self.run_dir) as store:
            store.note("alone")
            work(Desk(store), 0.5, 0.75)

    def trials(self):
        with Store(self.run_dir) as store:
            return len(store.state.trials)

    def checkpoints(self):
        return Checkpoints(self.run_dir / "checkpoints")
