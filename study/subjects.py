"""What is evaluated: a classifier that a study has trained, or a function of somebody's own. Nothing is unpickled."""

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from study.errors import Refused
from trainables.classifiers.foreign import Function, foreign, must_classify
from trainables.config import DataConfig, EvaluationConfig, TrialConfig, trial_from_dict
from trainables.data.split import Splits
from trainables.evaluation.quality import Network
from trainables.examination import network
from trainables.manifolds.manifold import Manifolds
from trainables.manifolds.store import ManifoldStore
from trainables.pipeline import prepare
from trainables.provision import Data, name_of, provide

TRIED = 4  # images that a function is tried on
SURROGATE_EPOCHS, SURROGATE_SEED = 10, 2**31 - 1  # of weights that no study's models have
UNMEASURED = EvaluationConfig(n_attacked=2, steps=1, paper_attempts=0, radii=(1.0,), only_last=True)


# -- of a study ------------------------------------------------------------------------------------------------------


def read_trial(path: Path) -> TrialConfig:
    """Reads how a study has trained a model, from the file beside it.

    Raises:
        Refused: if that cannot be read, or tells of something else than a classifier.
    """
    beside = path.with_suffix(".json")
    try:
        plain = json.loads(beside.read_bytes())
        config = trial_from_dict(plain)
    except OSError as error:
        raise Refused(
            f"a model of a study lies beside its configuration; {beside}: {error.strerror}; copy both, or give "
            "package.module:function"
        ) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Refused(
            f"the configuration beside a model is what this version's study wrote; {beside} is another thing: {error}; "
            "copy it anew, or use the version that wrote it"
        ) from error
    if not isinstance(config, TrialConfig):
        raise Refused(
            f"what is evaluated is a classifier; {path} is a manifold; python -m study.manifolds inspect looks at those"
        )
    return config


def of_study(path: Path, config: TrialConfig, splits: Splits) -> Network:
    """Reads a model's weights.

    Raises:
        Refused: if they cannot be read, or are those of another network.
    """
    try:
        return network(config, load_file(path), splits)
    except ValueError as error:
        raise Refused(f"{error}; copy {path} and its configuration anew") from error
    except (OSError, SafetensorError) as error:
        raise Refused(
            f"a model is a whole file in the safetensors format; {path} is none: {_in_one_line(error)}; copy it anew"
        ) from error


def moved_on(config: TrialConfig, data: Data, root: str) -> tuple[Manifolds, list[str]]:
    """Returns the manifolds that a trial's numbers refer to, and a sentence where the learned one is not at hand.

    Args:
        config: of the trial.
        data: that it was measured on.
        root: of the store of learned ones; nothing is learned here.
    """
    learned = config.manifold
    if learned is None or ManifoldStore(root).has(name_of(learned.model, config.data, data)):
        return provide(learned, config.data, root), []
    said = f"the manifold that this model's study learned is not in {root}: no on-manifold numbers (--manifolds)"
    return data.manifolds, [said]


# -- somebody's own --------------------------------------------------------------------------------------------------


def own(reference: str, splits: Splits) -> Network:
    """Calls what `package.module:function` names, for a model of somebody's own.

    Raises:
        Refused: if there is no such function, or it returns something else than a model.
    """
    function = _called(reference, _found(reference))
    images = splits.test.images(splits.test.labels.new_tensor(range(TRIED)))
    try:
        must_classify(function, images, splits.classes)
    except ValueError as error:
        raise Refused(f"{error}; mend what {reference} returns") from error
    return Network(classifier=foreign(function), folded={})  # whatever parameters it has, it keeps to itself


def _found(reference: str) -> Callable[[], Any]:
    module, _, name = reference.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Callable[[], Any] = getattr(importlib.import_module(module), name)
    except (Exception, SystemExit) as error:  # whatever somebody's own module may raise
        raise Refused(
            f"package.module:function names something that can be imported from here; {reference}: "
            f"{_in_one_line(error)}; check the name, and the folder that this is started in"
        ) from error
    return found


def _called(reference: str, make: Callable[[], Any]) -> Function:
    try:
        function = make()
    except Exception as error:  # whatever somebody's own function may raise
        raise Refused(
            f"{reference} is called without arguments and returns what maps images to logits; it raised "
            f"{_in_one_line(error)}"
        ) from error
    if isinstance(function, nn.Module):
        return function.eval().requires_grad_(requires_grad=False)
    if not callable(function):
        raise Refused(
            f"{reference} returns what maps images to logits, a function or a module; got {type(function).__name__}"
        )
    mapped: Function = function
    return mapped


# -- another network -------------------------------------------------------------------------------------------------


def source(path: Path, of: DataConfig, splits: Splits) -> Network:
    """Reads a study's model, to transfer adversarial images from.

    Raises:
        Refused: if it cannot be read, or is one of other data.
    """
    config = read_trial(path)
    if (config.data.dataset, config.data.variant) != (of.dataset, of.variant):
        raise Refused(
            f"images are transferred from a model of the same data, {of.dataset}; {path} is one of "
            f"{config.data.dataset}; give another"
        )
    return of_study(path, config, splits)


def surrogate(of: DataConfig) -> Network | None:
    """Trains the paper's network on the training images, to transfer adversarial images from; None if it collapses."""
    run = prepare(TrialConfig(data=of, epochs=SURROGATE_EPOCHS, evaluation=UNMEASURED, seed=SURROGATE_SEED))
    *_, last = run.reports()
    if last.infeasible:
        return None
    return Network(classifier=run.training.classifier, folded=run.training.folded())


def _in_one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
