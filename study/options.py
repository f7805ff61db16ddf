"""The command line's options, and the study that they describe."""

import os
import shlex
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from study.arguments import DEFAULT_SCALE, EPSILON, ETA, ETA_AGNOSTIC, parser
from study.config import StudyConfig
from study.constraints import Constraint
from study.data_options import read_data
from study.errors import Refused
from study.grids import cells, grid_numbers
from study.kinds import KINDS
from study.manifold_kinds import is_learned, usual
from study.reproduction import Reproduction, again
from study.resources import Override
from study.scales import SCALES
from study.scheduling.pareto_halving import usual_grace
from study.storage.pull import pull_beginning
from study.storage.remote import child, files_at, is_folder, name_of, parent, reachable
from study.storage.store import recall, refuse_existing
from study.strong_config import StrongConfig
from trainables.checks import must
from trainables.config import (
    DATASETS,
    VAEGAN,
    LearnedConfig,
    ThreatModel,
    VaeGanConfig,
)
from trainables.files import is_address, redacted

SEARCH = (
    *("sampler", "scheduler", "halving", "grace", "factor", "replicates"),
    *("checkpoint", "attack_precision", "backend", "slots"),
)
PER_TRIAL = {"cpus": "cpus_per_trial", "gpus": "gpus_per_trial", "memory_gib": "memory_per_trial"}
STRONG = {"strength": "strong", "images": "strong_images", "seeds": "strong_seeds", "of": "strong_of"}
WITH_RESUME = (
    *("resume", "manifolds", "address", "concurrency", *PER_TRIAL.values(), "no_confirm", "accept_changes"),
    *STRONG.values(),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody wants done.

    Attributes:
        run_dir: absolute; holds the study, or will.
        remote: where the study lies if not in a folder; `run_dir` is then this machine's copy.
        manifolds: where learned manifolds lie, or will: a folder or an address, with its keys.
        resume: whether it has begun already.
        address: of a Ray cluster, or None for a local one.
        concurrency: trials at a time, or None for as many as there is room for.
        per_trial: what a trial takes of a node, where that is not to be measured.
        confirm: whether to retrain candidates after the search.
        strong: what is said of strong attacks on these, by the fields of `StrongConfig`.
        download: whether to fetch the data first.
        accept_changes: whether a study may go on with other code, data or another space than it began with.
        command: what was typed.
    """

    config: StudyConfig
    run_dir: Path
    remote: str | None
    manifolds: str
    resume: bool
    address: str | None
    concurrency: int | None
    per_trial: Override
    confirm: bool
    strong: Mapping[str, Any]
    dry_run: bool
    download: bool
    accept_changes: bool
    command: str

    @property
    def place(self) -> str:
        """Where the study lies, as one would type it to continue; without keys."""
        return str(shown(self.run_dir)) if self.remote is None else redacted(self.remote)


def read_options(arguments: Sequence[str] | None = None) -> Request | Reproduction:
    """Turns a command line into a request.

    Raises:
        Refused: if it makes no sense.
        SystemExit: with status 0, after `--help`.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _read(given)
    except OSError as error:
        raise Refused(
            f"folders must be ones that can be looked at; {error.filename or 'the current one'}: {error.strerror}; "
            "give others, or change to a folder that is there"
        ) from error


def _read(given: list[str]) -> Request | Reproduction:
    options = vars(parser().parse_args(given))
    if "reproduce" in options:
        return again(options, partial(_manifolds, options))
    if "out" in options:
        raise Refused("--out is for a trial that is trained once more; got it without --reproduce; leave it out")
    command = shlex.join(["python", "-m", "study.launch", *map(redacted, given)])
    rest: dict[str, Any] = {
        "address": options.get("address"),
        "concurrency": options.get("concurrency"),
        "per_trial": _per_trial(options),
        "confirm": "no_confirm" not in options,
        "strong": _strong(options),
        "accept_changes": "accept_changes" in options,
        "command": command,
    }
    if "resume" in options:
        return _resumed(options, rest)
    if rest["accept_changes"]:
        raise Refused("--accept-changes is for a study that goes on; got it without --resume; leave it out")
    try:
        config = _config(options)
    except ValueError as error:
        raise Refused(f"{error}; see python -m study.launch --help") from error
    runs = options.get("runs", "runs")
    run_dir, remote = _place(runs, config.name)
    refuse_existing(run_dir)
    place: dict[str, Any] = {"run_dir": run_dir, "remote": remote, "manifolds": _manifolds(options, runs)}
    dry_run, download = "dry_run" in options, "download" in options
    return Request(config=config, resume=False, dry_run=dry_run, download=download, **place, **rest)


def _strong(options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what is said of strong attacks, by the fields of their budget."""
    return {name: options[option] for name, option in STRONG.items() if option in options}


def _per_trial(options: dict[str, Any]) -> Override:
    try:
        return Override(**{name: options.get(option) for name, option in PER_TRIAL.items()})
    except ValueError as error:
        raise Refused(f"{error}; see python -m study.launch --help") from error


def _resumed(options: dict[str, Any], rest: dict[str, Any]) -> Request:
    others = [_spelt(name) for name in options if name not in WITH_RESUME]
    if others:
        raise Refused(
            f"a study goes on as it began; got {' '.join(others)} beside --resume, which takes only "
            f"{', '.join(_spelt(name) for name in WITH_RESUME[1:])}; leave them out, or start another study"
        )
    config, run_dir, remote = _recalled(options["resume"])
    try:
        strong = config.strong.changed(_strong(options), images=config.data.n_test, seeds=config.seeds)
        if remote is None:  # of a study at an address only the beginning is known here
            strong.must_be_made(_strong(options))
    except ValueError as error:
        raise Refused(f"{error}; see python -m study.launch --help") from error
    runs = str(run_dir.parent) if remote is None else parent(remote)
    place: dict[str, Any] = {"run_dir": run_dir, "remote": remote, "manifolds": _manifolds(options, runs)}
    return Request(config=config, resume=True, dry_run=False, download=False, **place, **rest)


def _place(runs: str, name: str) -> tuple[Path, str | None]:
    """Returns a study's folder on this machine, and its address where it has one."""
    if not is_address(runs):
        return Path(runs).absolute() / name, None
    remote, here = child(runs, name), _local(name)
    files_at(remote)  # an address that makes no sense is refused before anything starts
    return here, None if is_folder(remote, here) else remote


def _recalled(address: str) -> tuple[StudyConfig, Path, str | None]:
    """Asks a folder or an address what study it holds, and changes nothing: another driver may be at work."""
    if not is_address(address):
        run_dir = Path(address).absolute()
        return recall(run_dir), run_dir, None
    with reachable(address), tempfile.TemporaryDirectory() as folder:
        pull_beginning(files_at(address), Path(folder))
        here = _local(name_of(address))
        return recall(Path(folder)), here, None if is_folder(address, here) else address


def _local(name: str) -> Path:
    return Path(os.environ.get("DISENTANGLE_CACHE") or "runs").absolute() / name


def _spelt(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _config(options: dict[str, Any]) -> StudyConfig:
    scale = options.get("scale", DEFAULT_SCALE)
    numbers = {name: options.get(name, value) for name, value in asdict(SCALES[scale]).items()}
    norm, seed, space = options.get("norm", "linf"), options.get("seed", 0), options.get("space", "tradeoff")
    kind = KINDS[space]
    must(kind.grid or "sizes" not in options, f"--sizes are those of a grid, of --space claims; got them for {space}")
    numbers |= grid_numbers(scale, options.get("dataset", DATASETS[0]), options) if kind.grid else {}
    must(not kind.grid or "no_confirm" not in options, "a grid has no confirmation; got --no-confirm; leave it out")
    _must_have_effect(options, numbers)
    data = read_data(options, {name: numbers.pop(name) for name in ("n_train", "n_validation", "n_test")}, seed)
    model = SCALES[scale].manifold
    del numbers["manifold"], numbers["strong"]
    preset = [name for name in numbers.pop("architectures") if name in kind.architectures] or kind.architectures
    widths = {VAEGAN: model.width, **numbers.pop("widths")}
    if not kind.moves:
        options = {"manifold": ["learned"], **options}
        must("gamma" not in options, f"the space {space} searches gamma; got --gamma; leave it out")
    attacks = SCALES[scale].strong if kind.moves and not kind.grid else StrongConfig()
    strong = attacks.changed(_strong(options), images=data.n_test, seeds=numbers["seeds"])
    strong.must_be_made(_strong(options))
    kinds = options.get("manifold", [])
    learned = _learned(options, kinds, model, seed)
    if kind.grid:
        must(len(kinds) <= 1, f"a grid moves along one manifold; got --manifold {' '.join(kinds)}; name one")
        numbers["trials"] = options.get("trials", cells(numbers, kinds[0] if kinds else usual(data)))
        data = replace(data, subset="first" if scale == "paper" else "random")  # the paper's way
    eta = ETA_AGNOSTIC if kinds[:1] == ["learned-agnostic"] else ETA
    return StudyConfig(
        name=options.get("name", f"{space}-{data.dataset}-{datetime.now():%Y%m%d-%H%M%S}"),
        space=space,
        scale=scale,
        architectures=tuple(options.get("architectures", preset)),
        widths={name: factor for name, factor in widths.items() if name in kind.architectures},
        threat_model=ThreatModel(norm=norm, epsilon=options.get("epsilon", EPSILON[norm]), eta=options.get("eta", eta)),
        data=data,
        manifold=kinds[0] if kinds else None,
        others=tuple(kinds[1:]),
        learned=learned,
        seed=seed,
        constraints=tuple(str(Constraint.parse(text)) for text in options.get("constraint", ())),
        strong=strong,
        warm_start=str(Path(options["warm_start"]).absolute()) if "warm_start" in options else None,
        **{"grace": usual_grace(numbers["epochs"])} | {name: options[name] for name in SEARCH if name in options},
        **numbers,
    )


def _must_have_effect(options: Mapping[str, Any], numbers: Mapping[str, Any]) -> None:
    """Makes sure that nothing is asked for in vain.

    Raises:
        ValueError: if something is.
    """
    halving = [_spelt(name) for name in ("halving", "grace", "factor") if name in options]
    must(
        options.get("scheduler") != "none" or not halving,
        f"--scheduler none stops no trial; got {' '.join(halving)} beside it; leave one out",
    )
    must(
        options.get("grace", 0) < numbers["epochs"],
        f"trials are first compared before their last epoch, {numbers['epochs']}; got --grace {options.get('grace')}; "
        "choose less, or --scheduler none",
    )


def _manifolds(options: dict[str, Any], runs: str) -> str:
    """Returns the root of the store of learned manifolds."""
    root: str = options.get("manifolds", child(runs, "manifolds") if is_address(runs) else f"{runs}/manifolds")
    if not is_address(root):
        return str(Path(root).absolute())
    files_at(root)  # an address that makes no sense is refused before anything starts
    return root


def _learned(options: dict[str, Any], kinds: Sequence[str], model: VaeGanConfig, seed: int) -> LearnedConfig | None:
    """Returns what the manifolds share that are to be learned, by the scale's model, or None."""
    grid, images = KINDS[options.get("space", "tradeoff")].grid, options.get("dataset", DATASETS[0]) != "fonts"
    judged = grid and images  # by classifiers that lie where manifolds do
    own = ("manifold_train", "latent_box", "gamma", *(() if judged else ("manifolds",)))
    if not any(map(is_learned, kinds)):
        given = [_spelt(name) for name in own if name in options]
        must(not given, f"{', '.join(given)} is for a manifold that is learned; got it without --manifold learned")
        return None
    must(
        "latent_box" not in options or is_learned(kinds[0]),
        f"--latent-box is where errors are measured; got it with --manifold {' '.join(kinds)}, of which the first is "
        "not learned; leave it out: trials choose a box for themselves",
    )
    images, gamma = options.get("manifold_train", "all"), options.get("gamma", 1.0)
    own_model = replace(model, agnostic=kinds[0] == "learned-agnostic", images=images, gamma=gamma, seed=seed)
    return LearnedConfig(model=own_model, box=options.get("latent_box", "minmax"))


def shown(path: Path) -> Path:
    """Returns a path as one would type it here: relative where it lies below the current folder."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
