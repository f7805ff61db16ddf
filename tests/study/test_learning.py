"""What trials share: which manifolds are learned, and who must see them."""

import pytest

from study.learning import _placed, _sharing
from study.manifold_kinds import to_learn
from study.visibility import complaint, sees
from tests.study.conftest import models, tiny
from trainables.config import LearnedConfig, VaeGanConfig, trial_from_dict
from trainables.trials import shared

LEARNED = LearnedConfig(model=VaeGanConfig(latent=3, width=1 / 32, updates=2, batch_size=4, images="n"))
FOR_ALL = LearnedConfig(model=VaeGanConfig(latent=3, width=1 / 32, updates=2, batch_size=4, images="n", agnostic=True))


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (("known",), ()),
        (("known", "affine"), ()),
        (("learned",), (LEARNED,)),
        (("affine", "learned-agnostic"), (FOR_ALL,)),
        (("learned-agnostic", "known", "learned"), (FOR_ALL, LEARNED)),
    ],
)
def test_every_learned_kind_is_learned_once_in_the_order_of_the_kinds(kinds, expected):
    assert to_learn(LEARNED, kinds) == expected


def test_all_of_them_are_in_the_store_when_it_is_done(tmp_path):
    config = tiny(manifold="known", others=("learned", "affine", "learned-agnostic"), learned=LEARNED)
    said = [told for trial in _sharing(config) for told in shared(trial_from_dict(trial), str(tmp_path))]

    assert len(list(tmp_path.glob("*/*.safetensors"))) == 2
    assert [told.split(", ")[1] for told in said if isinstance(told, str)] == [
        "a model for each class", "one model for all classes"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("nodes", "learns", "takes"),
    [
        ([{"CPU": 4}], True, (4, 0)),
        ([{"CPU": 64}, {"CPU": 4, "GPU": 1}], True, (4, 1)),
        ([{"CPU": 64}, {"CPU": 4, "GPU": 1}], False, (8, 0)),
        ([{"CPU": 2, "GPU": 0.5}], True, (2, 0)),
        ([{}], True, (1, 0)),
    ],
)
def test_what_learns_has_a_gpu_where_there_is_one(monkeypatch, nodes, learns, takes):
    monkeypatch.setattr("study.learning.ray.nodes", lambda: [{"Alive": True, "Resources": node} for node in nodes])

    placed = _placed("learn", learns=learns)

    assert (placed["num_cpus"], placed["num_gpus"]) == takes


def test_trials_that_learn_manifolds_share_what_they_are_judged_by():
    (trial,) = _sharing(models())

    assert trial["architecture"] == "vaegan"


# -- who must see the folder -------------------------------------------------------------------------------------------


def test_where_all_nodes_see_the_folder_there_is_nothing_to_complain_of():
    assert complaint("/shared/manifolds", {"a": True, "b": True}) is None
    assert complaint("/shared/manifolds", {}) is None


@pytest.mark.parametrize(
    ("answers", "says", "not_said"),
    [
        ({"head": True, "far": False}, "far did not see", "head"),
        ({"a": False, "b": False, "c": True}, "a, b did not see", "c did"),
        ({"head": True, "far": "no answer within 180 seconds"}, "far: no answer within", "did not see"),
        ({"far": False, "dead": "it died"}, "far did not see what the driver wrote there; dead: it died", "dead did"),
    ],
)
def test_a_node_that_does_not_see_the_folder_is_named_with_what_helps(answers, says, not_said):
    told = complaint("/shared/manifolds", answers)

    assert says in told
    assert not_said not in told
    assert "/shared/manifolds" in told
    assert "--manifolds" in told
    assert "\n" not in told


def test_a_file_that_is_there_is_seen_at_once_and_another_is_waited_for(tmp_path):
    (tmp_path / "marker").touch()

    assert sees(str(tmp_path / "marker"), 0)
    assert not sees(str(tmp_path / "nothing"), 0.5)
    assert not sees(str(tmp_path / "marker" / "below"), 0)
