"""From the config of any trial to a run, and to what all trials of a study share."""

from collections.abc import Callable, Iterator

from trainables.config import AnyTrialConfig, LearnedConfig, ManifoldTrialConfig, TrialConfig
from trainables.evaluation.quality import Network
from trainables.judges import (
    judge,
    judges,
    reference_training,
    shared_reference,
    untrained_judge,
    untrained_judges,
    victim_training,
)
from trainables.manifold_run import ManifoldRun
from trainables.manifolds.manifold import Manifolds
from trainables.manifolds.store import ManifoldStore
from trainables.pipeline import prepare
from trainables.provision import Data, Told, learning, load_once, provide, untrained
from trainables.runs import Run


def prepared(config: AnyTrialConfig, root: str) -> Run:
    """Returns a trial that is ready to train.

    Args:
        config: of the trial.
        root: of the store that has what its study's trials share, or will have it then.

    Raises:
        ValueError: if the data is missing or damaged, or the store cannot be reached; in one sentence.
    """
    if isinstance(config, ManifoldTrialConfig):
        data = load_once(config.data)
        return ManifoldRun(config, data, judges(config.data, data, ManifoldStore(root)))
    return _classifier(
        config,
        lambda learned: provide(learned, config.data, root),
        lambda data: judge(shared_reference(config.data, data), data, ManifoldStore(root)),
    )


def rehearsed(config: AnyTrialConfig) -> Run:
    """Returns a trial as `prepared` does, but with what nobody has trained: as large and as slow, and at once."""
    if isinstance(config, ManifoldTrialConfig):
        data = load_once(config.data)
        return ManifoldRun(config, data, untrained_judges(config.data, data))
    return _classifier(
        config,
        lambda learned: untrained(learned, config.data),
        lambda data: untrained_judge(shared_reference(config.data, data), data),
    )


def _classifier(
    config: TrialConfig,
    manifolds: Callable[[LearnedConfig | None], Manifolds],
    reference: Callable[[Data], Network],
) -> Run:
    measured = manifolds(config.manifold)
    moved = measured if config.moved_on == config.manifold else manifolds(config.moved_on)
    return prepare(config, measured, moved, reference(load_once(config.data)) if _asks(config) else None)


def shared(config: AnyTrialConfig, root: str) -> Iterator[Told]:
    """Makes what all trials of a study share, unless its store has it, and tells how far it is.

    Args:
        config: of any of the trials.
        root: of the store.

    Yields:
        progress, and sentences about what somebody should know.

    Raises:
        ValueError: as `prepared` does.
    """
    data, store = load_once(config.data), ManifoldStore(root)
    if not isinstance(config, ManifoldTrialConfig):
        yield from learning(config.manifold.model, config.data, data, root) if config.manifold else ()
        judges_of = [shared_reference(config.data, data)] if _asks(config) else []
    else:
        judges_of = [reference_training(config.data, data), victim_training(config.data, data)]
    for how in judges_of:
        if not store.has(how.name):
            yield f"training the {how.what} that manifolds are judged by, or waiting for another who does"
            judge(how, data, store)


def _asks(config: TrialConfig) -> bool:
    """Tells whether a trial wants to know if a manifold that is not the data's own keeps labels."""
    known = config.manifold is None and "manifold" in config.data.manifolds
    return bool(config.evaluation.strong) and not known
