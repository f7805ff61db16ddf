"""The options that a command line may have, and what `--help` says of them."""

import argparse
from pathlib import Path

from study.choices import HALVINGS, MOST_GP, SAMPLERS, SCHEDULERS
from study.constraints import METRICS
from study.kinds import KINDS
from study.manifold_kinds import MANIFOLDS
from study.parsing import Parser, real, whole
from study.places import add_again, add_where
from study.scales import SCALES
from study.strong_config import STRENGTHS, WHOM
from trainables.config import ARCHITECTURES, CHECKPOINTS, DATASETS, FEWEST, PRECISIONS, VARIANTS

DEFAULT_SCALE = "demo"
PROTOTYPES = Path("FONTS") / "prototypes.npz"
DATA_ROOT = "data"  # of images, where none is given
EPSILON = {"linf": 0.3, "l2": 1.5}  # the paper's
ETA = 0.3
ETA_AGNOSTIC = 0.1  # smaller, since no class's decoder keeps the label

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
  python -m study.launch --space manifold --dataset mnist --data-root data     search for a good learned manifold
  python -m study.launch --dataset mnist --manifold learned affine             also search what to train along
  python -m study.launch --space claims --scale laptop --data-root data        test the paper's four claims
  python -m study.launch --resume runs/NAME               continue after a Ctrl-C or a crash
  python -m analysis.report runs/NAME                     draw the report again

exit status:
  0    done
  1    failed after the first trial had started; what is done is kept and can be resumed
  2    something is wrong before a trial starts; one line on stderr says what
  130  stopped by Ctrl-C (or SIGTERM); what is done is kept and can be resumed; a second Ctrl-C ends at once"""


def parser() -> argparse.ArgumentParser:
    """Returns the parser; an option that is not given is absent from what it returns."""
    made = Parser(
        prog="python -m study.launch",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    _add_what(made.add_argument_group("what is studied"))
    searching = made.add_argument_group("how it is searched")
    _add_search(searching)
    _add_halving(searching)
    _add_size(made.add_argument_group("how large it is (numbers change the scale's)"))
    add_where(made.add_argument_group("where it runs"))
    add_again(made.add_argument_group("one trial once more"))
    return made


def _add_what(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--space",
        choices=list(KINDS),
        help="the search space. tradeoff: how classifiers are trained, for low error and low robust error; manifold: "
        "the VAE-GANs that learn a manifold, for near reconstructions and adversarial examples that keep their labels; "
        "claims: no search but a grid of strategies, training sizes and seeds, measured on test, which says how the "
        "paper's claims fare (default: tradeoff)",
    )
    add_data(group)
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
        type=real(above=0),
        metavar="E",
        help="his radius in images of range [0, 1] (default: .3; l2: 1.5)",
    )
    add(
        "--eta",
        type=real(above=0),
        metavar="H",
        help="his radius on the manifold, and of transformations, in every measurement; that of training is searched, "
        "from .2 to 1.2 times this (default: .3; learned-agnostic: .1)",
    )
    _add_manifold(group)
    add("--seed", type=whole(least=0, most=2**31 - 1), metavar="N", help="of the whole study (default: 0)")


def _add_manifold(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--manifold",
        nargs="+",
        choices=MANIFOLDS,
        metavar="KIND",
        help="what the second adversary moves along: known (fonts), learned or learned-agnostic (by VAE-GANs, a model "
        "for each class or one for all), or affine transformations; of several, each trial trains along one, with a "
        "latent box and a radius of its own, and all are measured on the first (default: known for fonts, else affine)",
    )
    add(
        "--manifold-train",
        choices=("all", "n"),
        help="learn the manifold from all training images, as the paper does, or from the trials' own (default: all)",
    )
    add(
        "--latent-box",
        choices=("minmax", "2.0"),
        help="codes stay between the extremes of the training codes, or in [-2, 2]; with several kinds, where errors "
        "are measured (default: minmax)",
    )
    add("--gamma", type=real(above=0, or_equal=True), metavar="G", help="weight of the discriminator (default: 1)")
    add(
        "--manifolds",
        metavar="DIR|URL",
        help="where learned manifolds are kept for all studies; all nodes of a cluster must see it (default: "
        "RUNS/manifolds)",
    )


def add_data(group: argparse._ArgumentGroup) -> None:
    """Adds what says which data set it is, and where."""
    add = group.add_argument
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


def _add_halving(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--scheduler",
        choices=SCHEDULERS,
        help="pareto-halving stops trials early that too many others dominate; none lets all run to their end "
        "(default: pareto-halving)",
    )
    add(
        "--halving",
        choices=HALVINGS,
        help="stop: who is behind at a rung ends; pause: everybody waits at a rung until he is promoted; observe: all "
        "run on, and the end says what stopping would have cost (default: stop)",
    )
    add(
        "--grace",
        type=whole(least=1),
        metavar="N",
        help="epochs before the first rung (default: .15 of all, at least 2)",
    )
    add(
        "--factor",
        type=real(above=1),
        metavar="F",
        help="of those that reach a rung one in F goes on; the next rung is F times as far (default: 2)",
    )


def _add_search(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--sampler",
        choices=SAMPLERS,
        help="who proposes trials: tpe models the best against the rest, nsga2 breeds them, gp fits Gaussian processes "
        f"and takes at most {MOST_GP} trials per architecture, random is what they must beat (default: tpe)",
    )
    add(
        "--constraint",
        action="append",
        metavar="C",
        help=f"METRIC<NUMBER (or <=, >, >=), the metric being {', '.join(METRICS)}: trials that violate it are on no "
        'front; quote it, as in --constraint "val_error<0.2"; may be given several times',
    )
    add(
        "--checkpoint",
        choices=CHECKPOINTS,
        help="the epoch that a model is of, in the search and in the confirmation: its last, or the one of the lowest "
        "error, or robust error, on validation; best-robust attacks after every epoch, which takes time (default: "
        "last)",
    )
    add(
        "--attack-precision",
        choices=PRECISIONS,
        help="of the network inside training's attacks, while updates and all measuring stay in float32; bfloat16 is "
        "faster where a processor multiplies it (AVX512_BF16, AMX) or a GPU does (default: float32)",
    )
    add(
        "--warm-start",
        metavar="DIR",
        help="tell the sampler of the complete trials of an earlier study in DIR, of the same space, threat model and "
        "data; they are copied, and count neither as trials nor in the front",
    )


def _add_size(group: argparse._ArgumentGroup) -> None:
    sizes = "; ".join(
        f"{name}: {s.trials} trials of {s.epochs} epochs for each of {', '.join(s.architectures)}"
        for name, s in SCALES.items()
    )
    add = group.add_argument
    add("--scale", choices=list(SCALES), help=f"{sizes} (default: {DEFAULT_SCALE})")
    add("--trials", type=whole(least=1), metavar="N", help="per architecture, baselines included: those come first")
    add(
        "--replicates",
        type=whole(least=0),
        metavar="N",
        help="then give points near the front up to N further seeds, beyond --trials, and order them by their means "
        "(default: 0)",
    )
    add("--seeds", type=whole(least=1), metavar="N", help="fresh seeds in the confirmation, or of every cell of a grid")
    add(
        "--sizes",
        nargs="+",
        type=whole(least=FEWEST),
        metavar="N",
        help="--space claims: numbers of examples to train on, rising (default: the scale's); some, or the "
        "smallest, also for as many updates as the largest",
    )
    add("--n-train", type=whole(least=FEWEST), metavar="N", help="examples to train on")
    add("--n-validation", type=whole(least=FEWEST), metavar="N", help="examples that the search chooses by")
    add("--n-test", type=whole(least=FEWEST), metavar="N", help="examples that candidates are confirmed on")
    add("--n-attacked", type=whole(least=FEWEST), metavar="N", help="examples of these that are attacked")
    add("--epochs", type=whole(least=1), metavar="N", help="of every trial; --space manifold: parts of its updates")
    _add_strong(group)
    add("--no-confirm", action="store_true", help="stop after the search; --resume confirms later")


def _add_strong(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    usual = "; ".join(f"{name}: {scale.strong.strength}" for name, scale in SCALES.items())
    add(
        "--strong",
        choices=STRENGTHS,
        help="attack confirmed models as study.evaluate does, cheaply (fast) or as AutoAttack (standard); --resume "
        f"takes these four options too ({usual})",
    )
    add("--strong-images", type=whole(least=1), metavar="N", help="test images that they are attacked on")
    add("--strong-seeds", type=whole(least=1), metavar="N", help="fresh seeds of each candidate that are attacked")
    add("--strong-of", choices=WHOM, help="; ".join(f"{name}: {said}" for name, said in WHOM.items()))
