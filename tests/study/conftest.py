import pytest

from study.config import StudyConfig
from study.desk import Desk
from study.scales import SCALES
from study.storage.provenance import describe
from study.storage.store import Store, create
from trainables.config import DataConfig, LearnedConfig, VaeGanConfig
from trainables.report import Said

MODEL = {"parameters": 10, "device": "cpu", "manifold_digest": "abc"}


def tiny(**changes):
    """A study too small to mean anything."""
    scale = SCALES["smoke"]
    data = DataConfig(n_train=20, n_validation=10, n_test=10)
    values = {"name": "tiny", "scale": "smoke", "data": data, "steps": scale.steps, "epochs": 2, "n_attacked": 10}
    return StudyConfig(**values | {"trials": 3, "seeds": 2} | changes)


def models(**changes):
    """A study of a space of manifolds, as small."""
    data = DataConfig(dataset="mnist", source="nowhere", n_train=60, n_validation=40, n_test=30)
    learned = LearnedConfig(model=VaeGanConfig(width=1 / 32, updates=4, images="n"))
    values = {"space": "manifold", "architectures": ("vaegan",), "widths": {"vaegan": 1 / 32}, "data": data}
    return tiny(**values | {"manifold": "learned", "learned": learned} | changes)


def begin(folder, make=tiny, **changes):
    config = make(**changes)
    return create(folder / config.name, describe(config, command="python -m study.launch", data_fingerprint="f00d"))


def said(epoch, error, robust_error, **changes):
    """An `EpochReport` as a dictionary."""
    report = {
        "epoch": epoch, "train_loss": 1.0, "error": error, "robust_error": robust_error,
        "robust_error_at": {} if robust_error is None else {"0.075": error, "0.3": robust_error},
        "on_manifold_error": None, "affine_error": None, "success_rate": None, "on_manifold_success_rate": None,
        "reconstruction_l2": None, "label_disagreement": None, "attack_success": None, "hypotheses": {},
        "gradient_evaluations": 100 * epoch, "forward_passes": 200 * epoch, "seconds": 0.5 * epoch, "at_chance": False,
        "infeasible": None, "of_epoch": None, "picks": {},
    }  # fmt: skip
    return report | changes


def tell(desk, trial, *report, checkpoint=None, **changes):
    """Lets a trial say something after an epoch; returns what is decided on it."""
    return desk.hear(trial.trial_id, Said(report=said(*report, **changes), model=MODEL, checkpoint=checkpoint))


def fail(desk, trial, why):
    return desk.hear(trial.trial_id, Said(failed=why))


def work(desk, error, robust_error, **changes):
    """Takes the next trial and ends it with these errors."""
    trial = desk.next()
    tell(desk, trial, 1, 0.9, None)
    tell(desk, trial, 2, error, robust_error, **changes)
    return desk.end(trial.trial_id)


def under_attack(error, flags=()):
    """What strong attacks find, as a dictionary: the same error in all curves, from the radius of the study on."""

    def threat(radius):
        radii = [part * radius for part in (0, 0.25, 0.5, 0.75, 1.0)]
        curve = {kind: [0.1, *4 * [error]] for kind in ("worst", "white_box", "black_box", "paper")}
        return {"radius": radius, "mean_error": error, "success_rate": 0.5, "curve": {"radii": radii, **curve}}

    return {
        "threats": {"pixel": threat(0.3), "manifold": threat(0.2)},
        "flags": [{"name": name, "evidence": "it was planted"} for name in flags],
        "strength": {"name": "fast", "steps": 20, "restarts": 1, "targets": 3, "queries": 300, "attempts": 1},
    }


LEDGER = [
    {
        "threat": "pixel", "attack": attack, "white_box": attack == "apgd-ce", "radius": 0.3, "attacked": 8, "lost": 4,
        "restarts": 1, "gradient_evaluations": 160, "forward_passes": 168, "seconds": 0.5,
        "queries": None if attack == "apgd-ce" else 168, "error_alone": 0.6, "error_worst": 0.7,
    }
    for attack in ("apgd-ce", "square")
]  # fmt: skip


@pytest.fixture
def store(tmp_path):
    with begin(tmp_path) as store:
        yield store


@pytest.fixture
def desk(store):
    return Desk(store)


def reopened(store: Store) -> Store:
    """Opens a study again that was closed."""
    return Store(store.run_dir)
