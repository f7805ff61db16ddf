"""The store of learned manifolds: what is in it, how good it is, and what may go.

python -m study.manifolds list
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from study.arguments import EPSILON, ETA, add_data
from study.data_options import read_data
from study.errors import Refused
from study.options import shown
from study.parsing import Parser, real, whole
from study.scales import SCALES
from study.talking import say
from trainables.config import FEWEST, DataConfig, LearnedConfig, ThreatModel, VaeGanConfig

if TYPE_CHECKING:
    from trainables.manifolds.store import Entry, ManifoldStore

DONE, REFUSED, INTERRUPTED = 0, 2, 130
ROOT = str(Path("runs") / "manifolds")
DESCRIPTION = """\
Learns manifolds of images by VAE-GANs, and keeps them for all studies that ask for the same one.

A manifold is named by the hash of everything that determines it; a name may be cut short where that is unambiguous."""
EPILOG = """\
examples:
  python -m study.manifolds train --dataset mnist --data-root data --scale laptop
  python -m study.manifolds list
  python -m study.manifolds inspect 3fa9 --data-root data     how good it is, with pictures
  python -m study.manifolds prune 3fa9                        takes it away

exit status: 0 done; 2 something is wrong, one line on stderr says what; 130 stopped by Ctrl-C"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit status."""
    try:
        options = vars(_parser().parse_args(arguments))
        run: Callable[[dict[str, Any]], None] = options.pop("run")
        run(options)
    except (Refused, ValueError, OSError) as reason:
        _complain(f"study.manifolds: {' '.join(str(reason).split())}")
        return REFUSED
    except KeyboardInterrupt:
        _complain("\nstopped; what was being learned is not kept")
        return INTERRUPTED
    return DONE


# -- commands --------------------------------------------------------------------------------------------------------


def _train(options: dict[str, Any]) -> None:
    from study.monitoring.learning import shown_progress  # torch takes seconds that --help need not wait for
    from trainables.allocation import ready_to_compute
    from trainables.provision import learning, load_data, name_of

    ready_to_compute()
    model, of, store, console = _model(options), _data(options), _store(options), Console()
    data = load_data(of)
    name = name_of(model, of, data)
    with shown_progress(console) as watch:
        for told in learning(model, of, data, options.get("manifolds", ROOT)):
            if isinstance(told, str):
                console.print(told, highlight=False, soft_wrap=True)
            else:
                watch(told)
    console.print(f"manifold {name[:12]} is in {store}; how good it is says", highlight=False, soft_wrap=True)
    console.print(f"  python -m study.manifolds inspect {name[:12]}", highlight=False, soft_wrap=True)


def _list(options: dict[str, Any]) -> None:
    store, table = _store(options), Table(box=None, padding=(0, 2, 0, 0))
    for title in ("name", "of", "images", "width", "gamma", "updates", "seconds", "MB"):
        table.add_column(title, justify="left" if title in ("name", "of") else "right")
    for entry in _manifolds(store):
        recipe = entry.description["recipe"]
        model, data = recipe["model"], recipe["data"]
        what = f"{data['dataset']}, {'all classes as one' if model['agnostic'] else 'each class'}"
        seconds, images = entry.description["seconds"], entry.description["images"]
        numbers = (f"{images:,}", f"{model['width']:g}", f"{model['gamma']:g}", str(model["updates"]))
        table.add_row(entry.name[:12], what, *numbers, f"{seconds:.0f}", f"{entry.size / 1e6:.1f}")
    Console().print(table if table.row_count else f"there is no manifold in {store} yet")
    if damaged := store.damaged():
        say(f"{len(damaged)} damaged one(s) set aside; `prune --damaged` takes them away")


def _inspect(options: dict[str, Any]) -> None:
    from analysis.pictures import draw_pictures
    from trainables.appraisal import appraise
    from trainables.provision import learned, load_data, name_of

    store, console, root = _store(options), Console(), options.get("manifolds", ROOT)
    entry = _find(_manifolds(store), options["name"], store)
    known = entry.description["of"]
    of = _data({**known, "n_test": options.get("n_test", known["n_test"]), **options})
    model = VaeGanConfig(**entry.description["recipe"]["model"])
    data = load_data(of)
    if name_of(model, of, data) != entry.name:
        raise Refused(
            f"a manifold is measured on the data that it was learned from, by the code that learned it; got other data "
            f"or newer code than those of {entry.name[:12]}; give its --data-root or --fonts-dir, or train it anew"
        )
    manifold = learned(LearnedConfig(model=model), of, data, root)
    norm = options.get("norm", "linf")
    threat_model = ThreatModel(norm=norm, epsilon=EPSILON[norm], eta=options.get("eta", ETA))
    console.print("measuring; two classifiers are trained for that the first time")
    found = appraise(manifold, of, data, threat_model, store, attacked=options.get("n_attacked", 1000))
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    assert found.quality is not None, "it was learned"
    for name, value in asdict(found.quality).items():
        table.add_row(name.replace("_", " "), "none" if value is None else f"{value:.4g}")
    console.print(table)
    out = Path(options.get("out", f"manifold-{entry.name[:12]}.png"))
    out.write_bytes(draw_pictures({name: images.numpy() for name, images in found.pictures.items()}))
    console.print(f"pictures: {shown(out.absolute())}")


def _prune(options: dict[str, Any]) -> None:
    store = _store(options)
    known = store.entries()
    entries = known if "all" in options else [_find(known, name, store) for name in options["names"]]
    damaged = store.damaged() if "damaged" in options or "all" in options else []
    if not entries and not damaged and not {"all", "damaged"} & options.keys():
        raise Refused("prune takes away what is named, --damaged or --all; got none of these")
    for name in [*(entry.name for entry in entries), *damaged]:
        store.delete(name)
        say(f"took away {name if name in damaged else name[:12]}")


# -- their parts -----------------------------------------------------------------------------------------------------


def _store(options: dict[str, Any]) -> "ManifoldStore":
    from trainables.manifolds.store import ManifoldStore

    return ManifoldStore(options.get("manifolds", ROOT))


def _complain(text: str) -> None:
    print(text, file=sys.stderr)


def _find(entries: list["Entry"], name: str, store: "ManifoldStore") -> "Entry":
    found = [entry for entry in entries if entry.name.startswith(name)]
    if len(found) != 1:
        raise Refused(
            f"a name begins that of one entry in {store}; got {name!r}, which begins {len(found)}; "
            "python -m study.manifolds list shows them"
        )
    return found[0]


def _manifolds(store: "ManifoldStore") -> list["Entry"]:
    return [entry for entry in store.entries() if "model" in entry.description["recipe"]]


def _model(options: dict[str, Any]) -> VaeGanConfig:
    given = {field.name: options[field.name] for field in fields(VaeGanConfig) if field.name in options}
    return replace(SCALES[options.get("scale", "laptop")].manifold, **given)


def _data(options: dict[str, Any]) -> DataConfig:
    scale = SCALES[options.get("scale", "laptop")]
    counts = {name: options.get(name, getattr(scale, name)) for name in ("n_train", "n_validation", "n_test")}
    return read_data(options, counts, options.get("seed", 0))


# -- options ---------------------------------------------------------------------------------------------------------


def _parser() -> Parser:
    made = Parser(
        prog="python -m study.manifolds",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = made.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[dict[str, Any]], None], says: str) -> argparse._ArgumentGroup:
        parser = commands.add_parser(
            name, help=says, description=says, argument_default=argparse.SUPPRESS, allow_abbrev=False
        )
        parser.set_defaults(run=run)
        group = parser.add_argument_group("options")
        group.add_argument("--manifolds", metavar="DIR|URL", help=f"where manifolds lie (default: {ROOT})")
        return group

    command("list", _list, "show what is there")
    _add_training(command("train", _train, "learn a manifold, unless it is there"))
    inspect = command("inspect", _inspect, "say how good a manifold is, and draw what it makes")
    inspect.add_argument("name", metavar="NAME", help="of the manifold, or how it begins")
    _add_inspection(inspect)
    prune = command("prune", _prune, "take manifolds away")
    prune.add_argument("names", nargs="*", default=[], metavar="NAME", help="of a manifold, or how it begins")
    prune.add_argument("--damaged", action="store_true", help="also what was damaged and set aside")
    prune.add_argument("--all", action="store_true", help="everything, the classifiers that inspect trains included")
    return made


def _add_training(group: argparse._ArgumentGroup) -> None:
    add_data(group)
    add = group.add_argument
    add("--scale", choices=list(SCALES), help="gives what is not said here, and numbers of images (default: laptop)")
    add("--images", choices=("all", "n"), help="learn from all training images, or from a study's own (default: all)")
    add("--n-train", type=whole(least=FEWEST), metavar="N", help="images that a study trains on")
    add("--n-validation", type=whole(least=FEWEST), metavar="N", help="images that are kept from learning")
    add("--n-test", type=whole(least=FEWEST), metavar="N", help="test images to measure it on")
    add("--agnostic", action="store_true", help="one model for all classes (default: one for each)")
    add("--latent", type=whole(least=1), metavar="N", help="numbers in a code (default: 10)")
    add("--width", type=real(above=0), metavar="F", help="factor of all channels; 1 is the paper's")
    add("--updates", type=whole(least=1), metavar="N", help="of every class's model")
    add("--gamma", type=real(above=0, or_equal=True), metavar="G", help="weight of the discriminator (default: 1)")
    add("--reconstruction", type=real(above=0), metavar="L", help="weight of the L1 distance, lambda (default: 3)")
    add("--batch-size", type=whole(least=2), metavar="N", help="images of a class an update")
    add("--learning-rate", type=real(above=0), metavar="R", help="at the beginning")
    add("--decay", type=real(above=0), metavar="F", help="what is left of it at the end (default: .05)")
    add("--seed", type=whole(least=0), metavar="N", help="of weights, order and noise, and of the data (default: 0)")


def _add_inspection(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    sources = group.add_mutually_exclusive_group()
    sources.add_argument("--data-root", metavar="DIR", help="where the data is, as for study.launch")
    sources.add_argument("--fonts-dir", metavar="DIR", help="a folder of .ttf and .otf files")
    add("--norm", choices=list(EPSILON), help="of the on-manifold attack (default: linf)")
    add("--eta", type=real(above=0), metavar="H", help="its radius (default: .3)")
    add("--n-test", type=whole(least=FEWEST), metavar="N", help="test images to measure on (default: as when trained)")
    add("--n-attacked", type=whole(least=FEWEST), metavar="N", help="of these that are attacked (default: 1000)")
    add("--out", metavar="FILE", help="for the pictures (default: manifold-NAME.png)")


if __name__ == "__main__":
    sys.exit(main())
