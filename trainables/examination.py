"""Models that were trained before, under the strongest attacks."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from safetensors.torch import load

from trainables.allocation import own_device
from trainables.classifiers import build
from trainables.config import TrialConfig
from trainables.data.split import Splits
from trainables.differentiation import Tensors
from trainables.evaluation.asked import Subject
from trainables.evaluation.ensemble import STRENGTHS
from trainables.evaluation.ledger import ledger_rows
from trainables.evaluation.quality import Network
from trainables.evaluation.strong import Evaluation, evaluate
from trainables.evaluation.tally import Tally
from trainables.provision import load_once, provide
from trainables.seeding import stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A classifier that a study has trained.

    Attributes:
        config: of its training.
        weights: in the safetensors format.
    """

    config: TrialConfig
    weights: bytes

    def network(self, splits: Splits) -> Network:
        """Returns it ready to be asked about such images.

        Raises:
            ValueError: if the weights are those of another network.
            SafetensorError: if they are not in the format.
        """
        return network(self.config, load(self.weights), splits)


def network(config: TrialConfig, weights: Tensors, splits: Splits) -> Network:
    """Puts weights into the network that they were trained in.

    Args:
        config: of the training.
        weights: parameters and running statistics by name.
        splits: of the data.

    Raises:
        ValueError: if the weights are those of another network.
    """
    classifier = build(config.architecture, splits.image_shape, splits.classes, config.width)
    params, buffers = classifier.initialise(stream(0, "shapes"))
    wanted = {name: tuple(values.shape) for name, values in {**params, **buffers}.items()}
    held = {name: tuple(values.shape) for name, values in weights.items()}
    if held != wanted:
        other = sorted({*wanted.items()} ^ {*held.items()})[0][0]
        raise ValueError(
            f"a model has the weights of its configuration, {config.architecture} of width {config.width:g}; these "
            f"differ in {other!r}: {held.get(other)} instead of {wanted.get(other)}"
        )
    return Network(classifier=classifier, folded=classifier.fold(weights, weights))


def examined(
    model: Model, others: Sequence[Model], strength: str, manifolds: str, *, attacked: int, seed: int
) -> dict[str, Any]:
    """Does what `examine` does, and returns it as plain values.

    Returns:
        `found`, the evaluation, with all that its `strength` means; and `ledger`, its rows.
    """
    found = examine(model, others, strength, manifolds, attacked=attacked, seed=seed)
    how = {"name": strength, **asdict(STRENGTHS[strength])}
    return {"found": {**found.to_dict(), "strength": how}, "ledger": ledger_rows(found)}


def examine(
    model: Model, others: Sequence[Model], strength: str, manifolds: str, *, attacked: int, seed: int
) -> Evaluation:
    """Measures a model on its test images as `trainables.evaluation.strong.evaluate` does.

    Args:
        model: is attacked.
        others: of the same data, to transfer images from.
        strength: its name.
        manifolds: the store of learned ones.
        attacked: test images under attack, the first ones.
        seed: of the attacks' noise.

    Raises:
        ValueError: if weights are not what a config says, or data or a manifold is missing; in one sentence.
        SafetensorError: if weights are not in the format.
    """
    config, splits = model.config, load_once(model.config.data).splits
    device = own_device()
    own, *more = (each.network(splits).to(device) for each in (model, *others))
    return evaluate(
        Subject(classifier=own.classifier, folded=own.folded, split=splits.test, tally=Tally()),
        provide(config.manifold, config.data, manifolds),
        config.threat_model,
        STRENGTHS[strength],
        seed,
        attacked=attacked,
        surrogates=more,
    )
