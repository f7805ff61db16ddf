"""One trial trained once more from what is recorded of it, and its numbers beside those of then.

Equal means to the last bit, which is promised on the same processor, versions and number of threads. Nothing is written
into the study: a look at test data that is repeated shows the same images to the same model.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from study.arguments import PROTOTYPES
from study.errors import Refused
from study.storage import provenance
from study.storage.journal import read
from study.storage.models import digest
from study.storage.state import Model, State, Trial, folded
from study.storage.store import finite, recall
from study.talking import say
from trainables.files import is_address, redacted
from trainables.report import ALONE

if TYPE_CHECKING:
    from trainables.runs import Run

EQUAL, DIFFERENT = 0, 1
MEASURED_ANEW = ("seconds",)  # of a report: never the same twice
OPTIONS = ("reproduce", "seed", "out", "data_root", "fonts_dir", "manifolds")
SHOWN = 5  # trials that a message names


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """What somebody wants to see again.

    Attributes:
        run_dir: of the study.
        trial_id: of one of its trials.
        seed: of its confirmation, or None for the trial itself.
        where: the data lies now, if elsewhere: `data_root` or `fonts_dir`.
        manifolds: root of the store of learned ones.
        out: where the model is to lie, or None.
    """

    run_dir: Path
    trial_id: str
    seed: int | None
    where: Mapping[str, str]
    manifolds: str
    out: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a study knows of one training.

    Attributes:
        config: of the trial.
        reports: by epoch.
        model: where it was trained.
        sha256: of the weights that it left, where they were kept.
    """

    name: str
    config: dict[str, Any]
    reports: Mapping[int, Mapping[str, Any]]
    model: Model
    sha256: str | None


def again(options: Mapping[str, Any], manifolds: Callable[[str], str]) -> Reproduction:
    """Reads what is to be trained once more from the options of a command line.

    Args:
        options: that were given.
        manifolds: returns the root of the store of learned ones, given the folder of studies.

    Raises:
        Refused: if they do not go together.
    """
    others = [f"--{name.replace('_', '-')}" for name in options if name not in OPTIONS]
    if others:
        raise Refused(f"a trial is trained once more as it was; got {' '.join(others)} with --reproduce; leave it out")
    folder, trial_id = options["reproduce"]
    if is_address(folder):
        raise Refused(f"--reproduce takes a study's folder; got {redacted(folder)}; fetch it, or give its copy")
    run_dir = Path(folder).absolute()
    return Reproduction(
        run_dir=run_dir,
        trial_id=trial_id,
        seed=options.get("seed"),
        where={name: options[name] for name in ("data_root", "fonts_dir") if name in options},
        manifolds=manifolds(str(run_dir.parent)),
        out=Path(options["out"]).absolute() if "out" in options else None,
    )


def reproduce(asked: Reproduction) -> int:
    """Trains it again, says what is equal, and returns the exit status: 0 equal, 1 different.

    Raises:
        Refused: if the study has no record of it, or its data cannot be had.
    """
    study_config, state = recall(asked.run_dir), folded(read(asked.run_dir / "journal"))
    record = _recorded(asked, state, asdict(study_config.confirmation()))
    _must_lie_outside(asked)
    threads, backend = record.model.threads or 1, record.model.backend or ALONE
    say(f"training {record.name} again, {backend}, with {threads} thread(s)")
    reports, weights = _trained(record, asked, threads)
    differences = _told(record, reports, weights)
    if asked.out:
        _keep(asked.out, record, weights)
    if not differences:
        say("equal: every recorded number, to the last bit")
        return EQUAL
    say(f"different: {', '.join(differences)}")
    others = [*provenance.departures(state.study), *_threads(record)]
    say(f"what else differs: {'; '.join(others) or 'nothing that is recorded'}")
    return DIFFERENT


# -- what was recorded -----------------------------------------------------------------------------------------------


def _recorded(asked: Reproduction, state: State, confirmation: Mapping[str, Any]) -> Record:
    """Returns what the study knows of the training that is asked for.

    Raises:
        Refused: if it knows nothing of it.
    """
    trial = state.trials.get(asked.trial_id)
    if trial is None:
        names = list(state.trials)
        raise Refused(
            f"what is reproduced is a trial of the study; {asked.run_dir} has no {asked.trial_id}; it has "
            f"{', '.join(names[:SHOWN]) or 'none yet'}{f' and {len(names) - SHOWN} more' if len(names) > SHOWN else ''}"
        )
    if asked.seed in (None, trial.config["seed"]):
        return _of_search(trial)
    seed = int(asked.seed or 0)
    known = state.confirmations.get((trial.trial_id, seed))
    if known is None or known.report is None:
        seeds = [own for name, own in state.confirmations if name == trial.trial_id]
        raise Refused(
            f"--seed is one that the trial was confirmed with; got {seed}; {trial.trial_id} has "
            f"{', '.join(map(str, seeds)) or 'none'}; leave --seed out for the trial of the search"
        )
    return Record(
        name=f"{trial.trial_id} with seed {seed}",
        config=trial.config | {"seed": seed, "evaluation": dict(confirmation)},
        reports={known.report["epoch"]: known.report},
        model=known.model,
        sha256=known.sha256,
    )


def _of_search(trial: Trial) -> Record:
    if not trial.curve:
        raise Refused(
            f"what is reproduced has numbers; {trial.trial_id} has none: {trial.message or trial.state.lower()}; "
            "choose another trial"
        )
    reports = {report["epoch"]: report for report in trial.curve}
    return Record(name=trial.trial_id, config=trial.config, reports=reports, model=trial.model, sha256=None)


def _must_lie_outside(asked: Reproduction) -> None:
    """Makes the folder for the model.

    Raises:
        Refused: if it lies in the study, or cannot be made.
    """
    if asked.out is None:
        return
    if asked.out.resolve().is_relative_to(asked.run_dir.resolve()):
        raise Refused(f"nothing is written into a study; got --out {asked.out} inside of it; give another folder")
    try:
        asked.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"--out is a folder that can be made; {asked.out}: {error.strerror}; give another") from error


# -- what comes of it now --------------------------------------------------------------------------------------------


def _trained(record: Record, asked: Reproduction, threads: int) -> tuple[dict[int, dict[str, Any]], bytes]:
    """Trains as far as was recorded, and returns the reports by epoch, and the weights.

    Raises:
        Refused: if it was trained on a GPU, and there is none.
    """
    here = record.model.device or "cpu"
    if here == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # it would be taken, where there is one
    import torch  # takes seconds that a wrong option need not wait for

    from trainables.allocation import own_device, ready_to_compute
    from trainables.packing import pack_weights

    if str(own_device()) != here:
        raise Refused(
            f"a trial is trained again where it was trained, on {here}; this machine has none; take one that has"
        )
    torch.set_num_threads(threads)
    ready_to_compute()
    run = _prepared(record, asked)
    reports, last = {}, max(record.reports)
    for report in _reported(run, record.model):
        reports[report["epoch"]] = json.loads(json.dumps(finite(report)))
        if report["epoch"] >= last:
            break
    return reports, pack_weights(run.weights())


def _reported(run: "Run", model: Model) -> Iterator[dict[str, Any]]:
    """Yields the reports of a run on the backend of then: in a slot of as many, whose neighbours change no bit."""
    from trainables.engine import Engine
    from trainables.pipeline import ClassifierRun

    slots = (model.backend or "").partition("fused-")[2]
    if not (slots and isinstance(run, ClassifierRun)):
        yield from map(asdict, run.reports())
        return
    engine = Engine("", slots=int(slots), device=model.device or "cpu")
    engine.admit(run)
    for news in engine.run():
        if news.said is None or news.said.failed is not None:
            raise Refused(f"the trial cannot be trained as it was: {news.note or (news.said and news.said.failed)}")
        if news.said.report is not None:  # else it is a checkpoint alone
            yield news.said.report


def _prepared(record: Record, asked: Reproduction) -> "Run":
    from trainables.config import trial_from_dict
    from trainables.trials import prepared

    data = record.config["data"] | _source(record.config["data"]["dataset"], asked.where)
    try:
        return prepared(trial_from_dict(record.config | {"data": data}), asked.manifolds)
    except (ValueError, TypeError, OSError, RuntimeError) as error:
        raise Refused(
            f"{error}; --data-root or --fonts-dir say where the data lies now, --manifolds where learned manifolds do"
        ) from error


def _source(dataset: str, where: Mapping[str, str]) -> dict[str, str]:
    if "fonts_dir" in where:
        return {"source": str(Path(where["fonts_dir"]).absolute())}
    if "data_root" not in where:
        return {}
    root = Path(where["data_root"]).absolute()
    return {"source": str(root / PROTOTYPES if dataset == "fonts" else root)}


def _told(record: Record, reports: Mapping[int, Mapping[str, Any]], weights: bytes) -> list[str]:
    """Prints what is recorded beside what came of it now, and returns what of it differs."""
    differences = []
    for epoch, recorded in record.reports.items():
        now = reports.get(epoch, {})
        differs = [name for name in recorded if name not in MEASURED_ANEW and recorded[name] != now.get(name)]
        differences += [f"{name} after epoch {epoch}" for name in differs]
    epoch, recorded = max(record.reports.items())
    now = reports.get(epoch, {})
    say(f"after epoch {epoch}, {'':>20}{'recorded':>24}{'reproduced':>24}")
    anew = dict(_numbers(now))
    for name, value in _numbers(recorded):
        say(f"  {name:<32}{value:>24.12g}{_number(anew.get(name)):>24}")
    if record.sha256 is not None:
        again = digest(weights)
        say(f"  {'SHA-256 of the weights':<32}{record.sha256[:16]:>24}{again[:16]:>24}")
        differences += ["the weights"] if again != record.sha256 else []
    return differences


def _numbers(report: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yields the measured numbers of a report, those of its parts too."""
    for name, value in report.items():
        if isinstance(value, Mapping):
            yield from _numbers({f"{name.removesuffix('_at')} {part}": each for part, each in value.items()})
        elif isinstance(value, int | float) and not isinstance(value, bool) and name not in ("epoch", *MEASURED_ANEW):
            yield name.removeprefix("hypotheses "), value


def _number(value: Any) -> str:
    return "none" if value is None else f"{value:.12g}"


def _threads(record: Record) -> list[str]:
    return [] if record.model.threads else ["how many threads it was trained with is not recorded; one was taken now"]


def _keep(out: Path, record: Record, weights: bytes) -> None:
    name = record.name.replace(" with seed ", "-")
    (out / f"{name}.json").write_text(json.dumps(record.config, indent=2))
    (out / f"{name}.safetensors").write_bytes(weights)
    say(f"written: {out / name}.safetensors")
