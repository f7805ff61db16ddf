"""Sets our worst case beside AutoAttack's, and our PGD beside Foolbox's.

    pip install pyautoattack foolbox
    python benchmarks/attack_strength.py --data-root DIR --models-dir DIR [--models fonts-regadv ...] [--norms linf]

Each model is trained on 1000 images (kept in the folder, and trained once) and attacked on test images under L-inf and
L2, at the radius where a cheap attack leaves an error of about a half. `own` is what `study.evaluate --strength
standard` makes at one radius, without the images from another network; AutoAttack is Croce and Hein 2020 (arXiv
2003.01690), its standard version as pyautoattack has it. Both take turns, a batch each, on one thread. Passes are
counted by the same wrapped model; seconds are those of the processor, which other work on the machine stretches less.
Foolbox's PGD and ours start at the image and make 20 steps of a tenth of the radius; their last iterates are compared.
In pairs the other's stands first and ours second; `speed` is how many times as many images a second we attack.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import foolbox
import pyautoattack
import torch
from hardware import describe
from safetensors.torch import load_file
from torch import Tensor, nn

from trainables.attacks.attack import look
from trainables.attacks.gradient import PGD
from trainables.attacks.objectives import cross_entropy
from trainables.classifiers import build
from trainables.config import DataConfig, EvaluationConfig, ThreatModel, TrialConfig, digest
from trainables.evaluation.asked import Subject
from trainables.evaluation.autoattack import NAMES, contained, counted
from trainables.evaluation.ensemble import STRENGTHS, Strength, black_box, white_box, worst_case
from trainables.evaluation.measure import pixel_threats
from trainables.evaluation.tally import Cost, Tally, costed
from trainables.geometry import NORMS
from trainables.packing import pack_weights
from trainables.pipeline import prepare
from trainables.provision import load_once
from trainables.seeding import stream
from trainables.strategies import STRATEGIES


@dataclass(frozen=True, slots=True)
class Recipe:
    """A model of the table."""

    dataset: str
    strategy: str
    architecture: str = "conv"
    width: float = 1.0


MODELS = {
    "fonts-regadv": Recipe("fonts", "RegAdv"),
    "fonts-reg-ontrue": Recipe("fonts", "Reg+OnTrue"),
    "fonts-regadv-full": Recipe("fonts", "RegAdv full"),
    "fashion-regadv": Recipe("fashion", "RegAdv"),
    "fashion-reg-advtrans": Recipe("fashion", "Reg+AdvTrans"),
    "fashion-resnet-regadv": Recipe("fashion", "RegAdv", "resnet", 0.25),
}
EPOCHS, STEPS, PAPER_STEPS = 20, 10, 40
UNMEASURED = EvaluationConfig(split="test", n_attacked=2, steps=1, paper_attempts=0, radii=(1.0,), only_last=True)
CHEAP, TRIED, BISECTIONS = Strength(steps=20), 100, 8
LEAST, MOST = 0.3, 0.7  # of AutoAttack's error
LARGEST = {"linf": 0.5, "l2": 5.0}
TOLERANCE = 0.005
FOOLBOX_STEPS, FOOLBOX_STEP = 20, 0.1
HEADER = (
    *("model", "norm", "radius", "clean", "error", "gradients", "forwards"),
    *("seconds", "speed", "PGD", "differ", "holds"),
)


def trial(recipe: Recipe, root: Path) -> TrialConfig:
    """The paper's strategy in a quarter of its attack steps, each four times as long."""
    strategy = STRATEGIES[recipe.strategy].under(ThreatModel())
    times = PAPER_STEPS / STEPS
    source = root / "FONTS" / "prototypes.npz" if recipe.dataset == "fonts" else root
    return TrialConfig(
        architecture=recipe.architecture,
        width=recipe.width,
        data=DataConfig(dataset=recipe.dataset, source=str(source), subset="first", n_train=1000, n_test=10_000),
        clean_weight=strategy.clean_weight,
        roles=tuple(replace(role, steps=STEPS, step_size=times * role.step_size) for role in strategy.roles),
        fused_steps=STEPS,
        epochs=EPOCHS if recipe.architecture == "conv" else EPOCHS // 2,
        evaluation=UNMEASURED,
    )


def subject(name: str, root: Path, folder: Path) -> Subject:
    """Returns a trained model, from the folder where it lies there."""
    config = trial(MODELS[name], root)
    plain = config.to_dict()
    del plain["data"]["source"]
    path = folder / f"{name}-{digest(plain)[:10]}.safetensors"
    splits = load_once(config.data).splits
    if not path.exists():
        run = prepare(config)
        *_, last = run.reports()
        print(f"{name}: trained in {last.seconds:.0f} s, test error {last.error:.3f}", file=sys.stderr, flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pack_weights(run.weights()))
    classifier, weights = build(config.architecture, splits.image_shape, splits.classes, config.width), load_file(path)
    folded = classifier.fold(weights, weights)
    return Subject(classifier=classifier, folded=folded, split=splits.test, tally=Tally())


# -- at one radius ---------------------------------------------------------------------------------------------------


class Place(NamedTuple):
    """Where a model is attacked.

    Attributes:
        norm: its name.
        wrong: which of the first test images are misclassified without an attack.
    """

    subject: Subject
    norm: str
    wrong: Tensor


def own(place: Place, radius: float, rows: Tensor, strength: Strength, *, blind: bool = True) -> Tensor:
    """Returns which of some images fall to our ensemble, or are wrong without it."""
    members = white_box(strength, 10) if blind else white_box(strength, 10)[:1]
    members += black_box(strength) if blind else ()
    threat, spared = pixel_threats(place.subject.split, NORMS[place.norm]), torch.ones_like(place.wrong)
    spared[rows] = place.wrong[rows]
    (lost,), _ = worst_case(
        place.subject, members, threat, [radius], spared, stream(0, "attack strength"), name=place.norm
    )
    return lost[rows]


def theirs(place: Place, radius: float, rows: Tensor) -> Tensor:
    """Returns which of some images fall to AutoAttack, or are wrong without it."""
    split, ball = place.subject.split, pixel_threats(place.subject.split, NORMS[place.norm])(rows, torch.tensor(radius))
    attack = pyautoattack.AutoAttack(counted(place.subject), eps=radius, norm=NAMES[place.norm], seed=0)
    with contained():
        images, _ = attack.run_standard_evaluation(ball.anchor, split.labels[rows], batch_size=len(rows))
    return place.subject.wrong(rows, ball.render(ball.project(images - ball.anchor)))


def radius_of(place: Place) -> float:
    """Returns the radius at which a cheap attack leaves an error of a half, or halfway from the clean one to most."""
    rows, low, high = torch.arange(min(TRIED, len(place.wrong))), 0.0, LARGEST[place.norm]
    aim = max((LEAST + MOST) / 2, (place.wrong[rows].double().mean().item() + MOST) / 2)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        error = own(place, middle, rows, CHEAP, blind=False).double().mean().item()
        low, high = (middle, high) if error < aim else (low, middle)
    return float(f"{high:.3g}")


def compared(place: Place, radius: float, batch: int) -> dict[str, tuple[float, Cost]]:
    """Attacks all images both ways, in alternation, and returns each one's error and cost."""
    ways: dict[str, Callable[[Tensor], Tensor]] = {
        "theirs": partial(theirs, place, radius),
        "own": lambda rows: own(place, radius, rows, STRENGTHS["standard"]),
    }
    lost: dict[str, list[Tensor]] = {name: [] for name in ways}
    costs = {name: Cost(0, 0, 0.0) for name in ways}
    for number, rows in enumerate(torch.split(torch.arange(len(place.wrong)), batch)):
        for name in sorted(ways, reverse=bool(number % 2)):
            started = time.process_time()
            fallen, cost = costed(place.subject.tally, partial(ways[name], rows))
            cost = cost._replace(seconds=time.process_time() - started)
            lost[name].append(fallen)
            costs[name] = Cost(*(sum(pair) for pair in zip(costs[name], cost, strict=True)))
    return {name: (torch.cat(lost[name]).double().mean().item(), costs[name]) for name in ways}


# -- PGD -------------------------------------------------------------------------------------------------------------


def our_pgd(place: Place, radius: float) -> Tensor:
    """Returns which images our PGD ends with misclassified, started at the images."""
    rows = torch.arange(len(place.wrong))
    ball = pixel_threats(place.subject.split, NORMS[place.norm])(rows, torch.tensor(radius))
    objective = cross_entropy(place.subject.classifier, place.subject.folded, place.subject.split.labels[rows])
    delta = torch.zeros_like(ball.anchor)
    for _ in range(FOOLBOX_STEPS):
        seen = look(objective, ball, delta, climbs=True, alone=True)
        delta = ball.project(PGD().move(seen, None, ball, torch.tensor(FOOLBOX_STEP))[0])
    return look(objective, ball, delta, climbs=False, alone=True).wrong


class Wrapped(nn.Module):
    """A model as Foolbox takes it."""

    def __init__(self, subject: Subject) -> None:
        super().__init__()
        self._subject = subject

    def forward(self, images: Tensor) -> Tensor:
        return self._subject.classifier.logits(self._subject.folded, images)


def foolbox_pgd(place: Place, radius: float) -> Tensor:
    """Returns the same of Foolbox's."""
    kind = {"linf": foolbox.attacks.LinfPGD, "l2": foolbox.attacks.L2PGD}[place.norm]
    attack = kind(rel_stepsize=FOOLBOX_STEP, steps=FOOLBOX_STEPS, random_start=False)
    rows = torch.arange(len(place.wrong))
    images, labels = place.subject.split.images(rows), place.subject.split.labels[rows]
    model = foolbox.PyTorchModel(Wrapped(place.subject).eval(), bounds=(0, 1), device="cpu")
    _, _, fooled = attack(model, images, labels, epsilons=radius)
    return fooled


# -- the table -------------------------------------------------------------------------------------------------------


def line(name: str, place: Place, batch: int) -> list[str]:
    """Returns the cells of one model and norm."""
    radius, examples = radius_of(place), len(place.wrong)
    found = compared(place, radius, batch)
    (their_error, their_cost), (our_error, our_cost) = found["theirs"], found["own"]
    pgd, foolboxes = our_pgd(place, radius), foolbox_pgd(place, radius)
    differ = int((pgd != foolboxes).sum())
    holds = {
        "range": LEAST <= their_error <= MOST,
        "error": our_error >= their_error - TOLERANCE,
        "gradients": our_cost.gradient_evaluations <= their_cost.gradient_evaluations,
        "PGD": abs(int(pgd.sum()) - int(foolboxes.sum())) <= examples / 500,
    }
    return [
        name,
        place.norm,
        f"{radius:g}",
        f"{place.wrong.double().mean().item():.3f}",
        f"{their_error:.3f} / {our_error:.3f}",
        *(f"{getattr(their_cost, kind):,} / {getattr(our_cost, kind):,}" for kind in Cost._fields[:2]),
        f"{their_cost.seconds:.0f} / {our_cost.seconds:.0f}",
        f"{their_cost.seconds / our_cost.seconds:.2f}",
        " / ".join(f"{mask.double().mean().item():.3f}" for mask in (foolboxes, pgd)),
        str(differ),
        ", ".join(f"not {what}" for what, so in holds.items() if not so) or "yes",
    ]


def show(cells: Sequence[str]) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", type=Path, required=True, help="as of study.launch")
    parser.add_argument("--models-dir", type=Path, required=True, help="keeps trained models")
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--norms", nargs="+", choices=list(NORMS), default=list(NORMS))
    parser.add_argument("--examples", type=int, default=500, help="test images, the first ones")
    parser.add_argument("--batch", type=int, default=250, help="images that one attacks before it is the other's turn")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{describe()}; {arguments.examples} test images, in turns of {arguments.batch}", flush=True)
    show(HEADER)
    show(["---"] * len(HEADER))
    for name in arguments.models:
        model = subject(name, arguments.data_root, arguments.models_dir)
        everyone = torch.arange(arguments.examples)
        wrong = model.wrong(everyone, model.split.images(everyone))
        for norm in arguments.norms:
            show(line(name, Place(model, norm, wrong), arguments.batch))


if __name__ == "__main__":
    sys.exit(main())
