"""The command line of an evaluation, and what it asks for."""

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from study.arguments import EPSILON, ETA, add_data
from study.data_options import read_data
from study.errors import Refused
from study.parsing import Parser, real, whole
from trainables.config import FEWEST, DataConfig, ThreatModel, TrialConfig

STRENGTHS = ("standard", "fast")
ALSO = ("apgd-dlr", "carlini-wagner")
WEIGHTS = ".safetensors"
ATTACKED = 250
ROOT = str(Path("runs") / "manifolds")
COUNTS = ("n_train", "n_validation", "n_test")
DESCRIPTION = """\
Measures how robust a model is: APGD on two losses, the Square Attack and images from another network, worst case over
all of them, at radii from 0 to where everything is lost; the same on the manifold and under transformations; and says
what makes these numbers doubtful: masked gradients, random predictions, a model that is broken.

MODEL is a .safetensors file of a study (its configuration lies beside it), or package.module:function: a function,
importable from the current folder, that returns a model: what maps images (batch, channel, height, width) in [0, 1] to
logits. Nothing is unpickled."""
EPILOG = """\
examples:
  python -m study.evaluate runs/NAME/models/t0001-0.safetensors
  python -m study.evaluate mine:network --dataset mnist --data-root data --epsilon 0.3 --strength fast

exit status:
  0    done; flags are in the table, in evaluation.json and under the figure
  1    the model failed while it was attacked; one line on stderr says how
  2    something is wrong before that; one line on stderr says what
  130  stopped by Ctrl-C; nothing is kept"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody wants evaluated.

    Attributes:
        model: as it was given.
        trial: of a study's model; None of a function.
        data: whose test images are taken.
        manifolds: where learned ones lie.
        sources: models of studies, to transfer images from; without any, a network is trained for that.
        attacked: test images under attack.
        strength: its name.
        autoattack: whether AutoAttack is made, too.
        also: names of further attacks of our own.
        seed: of the attacks.
        out: folder for what comes of it.
        command: what was typed.
    """

    model: str
    trial: TrialConfig | None
    data: DataConfig
    threat_model: ThreatModel
    manifolds: str
    sources: tuple[str, ...]
    attacked: int
    strength: str
    autoattack: bool
    also: tuple[str, ...]
    seed: int
    out: Path
    command: str

    @property
    def name(self) -> str:
        """The model's, for people."""
        return _name(self.model)

    @property
    def run_dir(self) -> Path | None:
        """The folder of the study that the model is of, if it lies there."""
        folder = Path(self.model).absolute().parent.parent
        return folder if self.trial and (folder / "study.json").is_file() else None


def read_options(given: Sequence[str]) -> Request:
    """Turns a command line into a request.

    Raises:
        Refused: if it makes no sense.
        ValueError: likewise.
        SystemExit: with status 0, after `--help`.
    """
    options = vars(_parser().parse_args(given))
    model: str = options["model"]
    trial = _trial(model)
    data = _data(options, trial)
    attacked = options.get("n_attacked", min(ATTACKED, data.n_test))
    if attacked > data.n_test:
        raise Refused(f"attacked are some of the {data.n_test} test images; got {attacked}; lower --n-attacked")
    out = Path(options.get("out", Path("evaluation") / _name(model)))
    if out.exists() and not out.is_dir():
        raise Refused(f"what comes of it goes into a folder; {out} is none; give another --out")
    threat_model, also = _threat_model(options, trial), tuple(dict.fromkeys(options.get("also", ())))
    if "carlini-wagner" in also and threat_model.norm != "l2":
        raise Refused(f"carlini-wagner looks for the smallest L2 distance; got norm {threat_model.norm}; add --norm l2")
    return Request(
        model=model,
        trial=None if trial is None else replace(trial, data=data),
        data=data,
        threat_model=threat_model,
        manifolds=options.get("manifolds", _manifolds(model) if trial else ROOT),
        sources=tuple(options.get("transfer_from", ())),
        attacked=attacked,
        strength=options.get("strength", STRENGTHS[0]),
        autoattack="autoattack" in options,
        also=also,
        seed=options.get("seed", 0),
        out=out.absolute(),
        command=shlex.join(["python", "-m", "study.evaluate", *given]),
    )


def _name(model: str) -> str:
    return Path(model).stem if model.endswith(WEIGHTS) else model.replace(":", "-")


def _trial(model: str) -> TrialConfig | None:
    """Returns how a study's model was trained; None for a function.

    Raises:
        Refused: if it is neither.
    """
    if model.endswith(WEIGHTS):
        from study.subjects import read_trial  # torch takes seconds that --help need not wait for

        return read_trial(Path(model))
    module, _, function = model.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), function)):
        raise Refused(
            f"MODEL is a {WEIGHTS} file of a study or package.module:function; got {model!r}; other files are not "
            "opened, since opening some runs what is in them: write a function that returns the model"
        )
    return None


def _data(options: dict[str, Any], trial: TrialConfig | None) -> DataConfig:
    if trial is None:
        usual = DataConfig()
        counts = {name: options.get(name, getattr(usual, name)) for name in COUNTS}
        return read_data(options, counts, options.get("seed", 0))
    own = trial.data
    if options.get("dataset", own.dataset) != own.dataset or options.get("variant", own.variant) != own.variant:
        raise Refused(
            f"a study's model is measured on what it was trained on, {own.dataset}; got another data set: "
            "leave --dataset and --variant out"
        )
    counts = {name: options.get(name, getattr(own, name)) for name in COUNTS}
    if not {"data_root", "fonts_dir"} & options.keys():
        return replace(own, **counts)
    same = {"dataset": own.dataset} | ({} if own.variant is None else {"variant": own.variant})
    return replace(read_data({**options, **same, **counts}, counts, own.seed), subset=own.subset)


def _threat_model(options: dict[str, Any], trial: TrialConfig | None) -> ThreatModel:
    """Returns the one asked for; a study's model has its study's, as far as nothing else is asked for."""
    known = trial.threat_model if trial else ThreatModel(norm="linf", epsilon=EPSILON["linf"], eta=ETA)
    norm = options.get("norm", known.norm)
    usual = known.epsilon if norm == known.norm else EPSILON[norm]
    return ThreatModel(norm=norm, epsilon=options.get("epsilon", usual), eta=options.get("eta", known.eta))


def _manifolds(model: str) -> str:
    """Returns where the manifolds of a study's models usually lie: beside the study."""
    return str(Path(model).absolute().parent.parent.parent / "manifolds")


def _parser() -> Parser:
    made = Parser(
        prog="python -m study.evaluate",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    made.add_argument("model", metavar="MODEL", help=f"a {WEIGHTS} file, or package.module:function")
    group = made.add_argument_group("options (a study's model brings its own data and threat model)")
    add_data(group)
    add = group.add_argument
    add("--norm", choices=list(EPSILON), help="how the adversary's changes are measured (default: linf)")
    add("--epsilon", type=real(above=0), metavar="E", help="his radius in images (default: .3; l2: 1.5)")
    add("--eta", type=real(above=0), metavar="H", help="his radius on manifolds and of transformations (default: .3)")
    add("--n-train", type=whole(least=FEWEST), metavar="N", help="images that the network to transfer from learns from")
    add("--n-validation", type=whole(least=FEWEST), metavar="N", help="images that are kept from it")
    add("--n-test", type=whole(least=FEWEST), metavar="N", help="test images for the error without an attack")
    add("--n-attacked", type=whole(least=1), metavar="N", help=f"of these that are attacked (default: {ATTACKED})")
    add("--strength", choices=STRENGTHS, help="of the attacks: AutoAttack's, or a cheap one (default: standard)")
    add(
        "--autoattack",
        action="store_true",
        help="on the image, make AutoAttack's standard set after this one, whatever the strength (needs pyautoattack: "
        'pip install ".[eval]"; without it the own set is used alone)',
    )
    add(
        "--also",
        nargs="+",
        choices=ALSO,
        metavar="ATTACK",
        help=f"on the image, make further attacks after these, which seldom find more: {', '.join(ALSO)} (the smallest "
        "L2 distance: with --norm l2)",
    )
    add("--manifolds", metavar="DIR|URL", help="where learned manifolds lie (default: beside the study)")
    add(
        "--transfer-from",
        action="append",
        metavar="FILE",
        help=f"a {WEIGHTS} file of a study of the same data, whose adversarial images are shown to MODEL; may be given "
        "several times, of which the strength says how many are taken (default: a network that is trained now)",
    )
    seeds = whole(least=0, most=2**31 - 1)
    add("--seed", type=seeds, metavar="N", help="of the attacks, and of the data of a function (default: 0)")
    add("--out", metavar="DIR", help="for what comes of it (default: evaluation/NAME)")
    return made
