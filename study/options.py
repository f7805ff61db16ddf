"""The command line's options, and the study that they describe."""

import argparse
import math
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from study.config import SAMPLERS, SCALES, SPACES, StudyConfig
from study.errors import Refused
from study.storage.store import recall, refuse_existing
from trainables.checks import must
from trainables.config import ARCHITECTURES, DATASETS, FEWEST, TEST_SIZES, VARIANTS, DataConfig, Dataset, ThreatModel

DEFAULT_SCALE = "demo"
PROTOTYPES = Path("FONTS") / "prototypes.npz"
DATA_ROOT = "data"  # of images, where none is given
EPSILON = {"linf": 0.3, "l2": 1.5}  # the paper's
ETA = 0.3
WITH_RESUME = ("resume", "address", "concurrency", "no_confirm")

DESCRIPTION = """\
Searches for classifiers that generalize and resist adversarial examples, and draws the front between the two.

Trials train a classifier on a mixture of clean, adversarial and on-manifold adversarial examples. Those that no other
trial dominates are trained anew with fresh seeds and measured on test data that the search has never seen."""

EPILOG = """\
examples:
  python -m study.launch                                  the demo: about ten minutes on two cores
  python -m study.launch --dry-run --scale laptop         what a larger study would cost; starts nothing
  python -m study.launch --data-root data --trials 24     more typefaces, more trials
  python -m study.launch --dataset fashion --download     Fashion-MNIST, fetched into ./data if it is not there
  python -m study.launch --resume runs/NAME               continue after a Ctrl-C or a crash
  python -m analysis.report runs/NAME                     draw the report again

exit status:
  0    done
  1    failed after the first trial had started; what is done is kept and can be resumed
  2    something is wrong before a trial starts; one line on stderr says what
  130  stopped by Ctrl-C (or SIGTERM); what is done is kept and can be resumed; a second Ctrl-C ends at once"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody wants done.

    Attributes:
        run_dir: absolute; holds the study, or will.
        resume: whether it has begun already.
        address: of a Ray cluster, or None for a local one.
        concurrency: trials at a time, or None for one a processor.
        confirm: whether to retrain candidates after the search.
        download: whether to fetch the data first.
        command: what was typed.
    """

    config: StudyConfig
    run_dir: Path
    resume: bool
    address: str | None
    concurrency: int | None
    confirm: bool
    dry_run: bool
    download: bool
    command: str


class _Parser(argparse.ArgumentParser):
    """Says what is wrong on one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        raise Refused(f"{message}; see python -m study.launch --help")


def read_options(arguments: Sequence[str] | None = None) -> Request:
    """Turns a command line into a request.

    Raises:
        Refused: if it makes no sense.
        SystemExit: with status 0, after `--help`.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = vars(_parser().parse_args(given))
    command = shlex.join(["python", "-m", "study.launch", *given])
    rest: dict[str, Any] = {
        "address": options.get("address"),
        "concurrency": options.get("concurrency"),
        "confirm": "no_confirm" not in options,
        "command": command,
    }
    if "resume" in options:
        return _resumed(options, rest)
    try:
        config = _config(options)
    except ValueError as error:
        raise Refused(f"{error}; see python -m study.launch --help") from error
    run_dir = Path(options.get("runs", "runs")).absolute() / config.name
    refuse_existing(run_dir)
    dry_run, download = "dry_run" in options, "download" in options
    return Request(config=config, run_dir=run_dir, resume=False, dry_run=dry_run, download=download, **rest)


def _resumed(options: dict[str, Any], rest: dict[str, Any]) -> Request:
    others = [f"--{name.replace('_', '-')}" for name in options if name not in WITH_RESUME]
    if others:
        raise Refused(
            f"a study goes on as it began; got {' '.join(others)} beside --resume, which takes only --address, "
            "--concurrency and --no-confirm; leave them out, or start another study"
        )
    run_dir = Path(options["resume"]).absolute()
    return Request(config=recall(run_dir), run_dir=run_dir, resume=True, dry_run=False, download=False, **rest)


def _config(options: dict[str, Any]) -> StudyConfig:
    scale = options.get("scale", DEFAULT_SCALE)
    numbers = {name: options.get(name, value) for name, value in asdict(SCALES[scale]).items()}
    norm, seed, space = options.get("norm", "linf"), options.get("seed", 0), options.get("space", SPACES[0])
    data = _data(options, {name: numbers.pop(name) for name in ("n_train", "n_validation", "n_test")}, seed)
    architectures = options.get("architectures", numbers.pop("architectures"))
    return StudyConfig(
        name=options.get("name", f"{space}-{data.dataset}-{datetime.now():%Y%m%d-%H%M%S}"),
        space=space,
        scale=scale,
        architectures=tuple(architectures),
        threat_model=ThreatModel(norm=norm, epsilon=options.get("epsilon", EPSILON[norm]), eta=options.get("eta", ETA)),
        data=data,
        seed=seed,
        sampler=options.get("sampler", SAMPLERS[0]),
        **numbers,
    )


def _data(options: dict[str, Any], counts: dict[str, Any], seed: int) -> DataConfig:
    dataset: Dataset = options.get("dataset", DATASETS[0])
    source, variant = _source(options, dataset), options.get("variant")
    data = DataConfig(dataset=dataset, source=source, variant=variant, seed=seed, **counts)
    official = TEST_SIZES.get((dataset, data.variant), data.n_test)
    return data if "n_test" in options else replace(data, n_test=min(data.n_test, official))


def _source(options: dict[str, Any], dataset: Dataset) -> str | None:
    """Returns where the images or the typefaces are, or None for the bundled ones."""
    if dataset != "fonts":
        must("fonts_dir" not in options, f"--fonts-dir is for --dataset fonts; got it beside {dataset}")
        fetching = "download" in options and "dry_run" in options
        must(not fetching, "--dry-run writes nothing; got it beside --download, which fetches data; leave one out")
        return str(Path(options.get("data_root", DATA_ROOT)).absolute())
    must("download" not in options, "fonts are made of typefaces; got --download, which fetches images; leave it out")
    if "data_root" in options:
        return str(Path(options["data_root"]).absolute() / PROTOTYPES)
    return str(Path(options["fonts_dir"]).absolute()) if "fonts_dir" in options else None


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m study.launch",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    _add_what(parser.add_argument_group("what is studied"))
    _add_size(parser.add_argument_group("how large it is (numbers change the scale's)"))
    _add_where(parser.add_argument_group("where it runs"))
    return parser


def _add_what(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--space", choices=SPACES, help="the search space (default: tradeoff)")
    add(
        "--dataset",
        choices=DATASETS,
        help="what is classified: letters A to J in many typefaces, or images (default: fonts)",
    )
    variants = "; ".join(f"{name}: {', '.join(known)}" for name, known in VARIANTS.items())
    add("--variant", metavar="NAME", help=f"of a dataset that has several, the paper's being the default ({variants})")
    sources = group.add_mutually_exclusive_group()
    sources.add_argument(
        "--data-root",
        metavar="DIR",
        help=f"where the data is: DIR/{PROTOTYPES}, or images as torchvision lays them out, such as DIR/MNIST/raw "
        f"(default: the typefaces that are installed with this; for images ./{DATA_ROOT})",
    )
    sources.add_argument("--fonts-dir", metavar="DIR", help="take typefaces from a folder of .ttf and .otf files")
    add("--download", action="store_true", help="fetch the images first, with torchvision, as far as they are missing")
    add(
        "--architectures",
        nargs="+",
        choices=ARCHITECTURES,
        metavar="NAME",
        help=f"of {', '.join(ARCHITECTURES)} (default: the scale's)",
    )
    add("--norm", choices=list(EPSILON), help="how the adversary's changes are measured (default: linf)")
    add(
        "--epsilon",
        type=_real(above=0),
        metavar="E",
        help="his radius in images of range [0, 1] (default: .3; l2: 1.5)",
    )
    add(
        "--eta",
        type=_real(above=0),
        metavar="H",
        help="his radius on the manifold, and of transformations (default: .3)",
    )
    add("--sampler", choices=SAMPLERS, help="who proposes trials (default: tpe)")
    add("--seed", type=_whole(least=0), metavar="N", help="of the whole study (default: 0)")


def _add_size(group: argparse._ArgumentGroup) -> None:
    sizes = "; ".join(
        f"{name}: {s.trials} trials of {s.epochs} epochs for each of {', '.join(s.architectures)}"
        for name, s in SCALES.items()
    )
    add = group.add_argument
    add("--scale", choices=list(SCALES), help=f"{sizes} (default: {DEFAULT_SCALE})")
    add("--trials", type=_whole(least=1), metavar="N", help="per architecture, baselines included: those come first")
    add("--seeds", type=_whole(least=1), metavar="N", help="fresh seeds in the confirmation")
    add("--n-train", type=_whole(least=FEWEST), metavar="N", help="examples to train on")
    add("--n-validation", type=_whole(least=FEWEST), metavar="N", help="examples that the search chooses by")
    add("--n-test", type=_whole(least=FEWEST), metavar="N", help="examples that candidates are confirmed on")
    add("--n-attacked", type=_whole(least=FEWEST), metavar="N", help="examples of these that are attacked")
    add("--epochs", type=_whole(least=1), metavar="N", help="of every trial")
    add("--no-confirm", action="store_true", help="stop after the search; --resume confirms later")


def _add_where(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--name", help="of the study and its folder (default: space, dataset and time)")
    add("--runs", metavar="DIR", help="where studies lie (default: runs)")
    add("--resume", metavar="DIR", help="continue the study in DIR")
    add(
        "--address",
        metavar="A",
        help="auto or HOST:PORT of a Ray cluster (default: a local one, for this machine only)",
    )
    add("--concurrency", type=_whole(least=1), metavar="N", help="trials at a time; 1 repeats a study to the last bit")
    add("--dry-run", action="store_true", help="print the plan and what it would cost; start and write nothing")


def _whole(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise argparse.ArgumentTypeError(f"it is a whole number of at least {least}; got {text!r}")
        return number

    return parse


def _real(above: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not (above < number < math.inf):
            raise argparse.ArgumentTypeError(f"it is a number above {above:g}; got {text!r}")
        return number

    return parse


def shown(path: Path) -> Path:
    """Returns a path as one would type it here: relative where it lies below the current folder."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
