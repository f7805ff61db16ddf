"""Models that were trained before, under the strongest attacks."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from safetensors.torch import load

from trainables.allocation import own_device
from trainables.classifiers import build
from trainables.config import TrialConfig
from trainables.data.split import Splits
from trainables.differentiation import Tensors
from trainables.evaluation.asked import Subject
from trainables.evaluation.ensemble import STRENGTHS, Strength
from trainables.evaluation.ledger import ledger_rows
from trainables.evaluation.quality import Network
from trainables.evaluation.questions import Questions, in_step, most_on
from trainables.evaluation.strong import Evaluation, evaluating
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


Examined = tuple[Model, Sequence[Model]]
"""A model that is attacked, and others of the same data, to transfer images from."""


def examined(
    models: Sequence[Examined], strength: str, manifolds: str, *, attacked: int, seed: int
) -> list[dict[str, Any] | Exception]:
    """Measures models on their test images as `trainables.evaluation.strong.evaluating` does, together on a GPU.

    Args:
        models: of one architecture and width, on the same data, under the same threat model.
        strength: its name.
        manifolds: the store of learned ones.
        attacked: test images under attack, the first ones.
        seed: of the attacks' noise.

    Returns:
        of each as plain values: `found`, the evaluation, with all that its `strength` means; and `ledger`, its rows.
        In the place of what there cannot be, the exception that says why: a `ValueError`, in one sentence, if weights
        are not what a config says, or data or a manifold is missing; a `SafetensorError` if they are not in the format.
    """
    begun = [partial(_examining, model, STRENGTHS[strength], manifolds, attacked, seed) for model in models]
    found = in_step(begun, min(len(models), most_on(own_device())))
    how = {"name": strength, **asdict(STRENGTHS[strength])}
    return [
        each
        if isinstance(each, Exception)
        else {"found": {**each.to_dict(), "strength": how}, "ledger": ledger_rows(each)}
        for each in found
    ]


def _examining(
    model: Examined, strength: Strength, manifolds: str, attacked: int, seed: int, clock: Callable[[], float]
) -> Questions[Evaluation]:
    victim, others = model
    config, splits = victim.config, load_once(victim.config.data).splits
    device = own_device()
    own, *more = (each.network(splits).to(device) for each in (victim, *others))
    found = yield from evaluating(
        Subject(classifier=own.classifier, folded=own.folded, split=splits.test, tally=Tally()),
        provide(config.manifold, config.data, manifolds),
        config.threat_model,
        strength,
        seed,
        attacked=attacked,
        surrogates=more,
        clock=clock,
    )
    return found
