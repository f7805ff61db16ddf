import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import analysis
from analysis.choices import chances_of, choices_of, comparisons_of, knee_of
from analysis.comparison import holm
from analysis.dominance import chances
from analysis.exports import front_csv
from analysis.front import confirmed_fronts
from analysis.summary import summary
from tests.analysis.pages import contents
from tests.analysis.synthetic import write_study

THREE = ("conv", "mlp", "resnet")


@pytest.fixture
def study(tmp_path: Path) -> analysis.Study:
    return analysis.load(write_study(tmp_path / "study", THREE, seeds=5))


def test_every_member_has_a_chance_with_an_interval(study: analysis.Study) -> None:
    found = summary(study)["architectures"]

    for front in confirmed_fronts(study):
        expected = dict(zip((c.trial_id for c in front.candidates), chances(front.values, front.most), strict=True))
        assert chances_of(front) == expected
        for member in found[front.architecture]["front"]:
            assert member["nondominated"] == expected[member["trial_id"]].to_dict()
            assert 0 <= member["nondominated"]["low"] <= member["nondominated"]["mean"] <= 1


def test_the_knee_is_a_member_of_the_front(study: analysis.Study) -> None:
    found = summary(study)["architectures"]

    fronts = confirmed_fronts(study)
    knees = [knee_of(front) for front in fronts]

    assert any(knees)
    for front, knee in zip(fronts, knees, strict=True):
        assert knee is None or knee in front.members
        assert found[front.architecture]["knee"] == (knee and knee.trial_id)


def test_a_choice_is_the_best_at_no_more_than_a_baseline_has(study: analysis.Study) -> None:
    front = confirmed_fronts(study)[0]
    baselines = {c.name: c.means for c in front.candidates if c.label}

    found = [choice.to_dict() for choice in choices_of(front)]

    assert len(found) == 2 * len(baselines)
    for choice in found:
        on = ["test_error", "test_robust_error"].index(choice["limited"])
        assert choice["limit"] == baselines[choice["no_more_than"]][on]
        within = [c.means for c in front.candidates if c.means[on] <= choice["limit"]]
        assert choice["value"] == min(means[1 - on] for means in within)


def test_networks_are_compared_in_pairs_on_shared_seeds(study: analysis.Study) -> None:
    found = summary(study)["comparisons"]

    assert [(each["one"], each["other"]) for each in found] == [("conv", "mlp"), ("conv", "resnet"), ("mlp", "resnet")]
    volumes = {front.architecture: front.hypervolume for front in confirmed_fronts(study)}
    for each in found:
        one, other = volumes[each["one"]], volumes[each["other"]]
        assert one is not None
        assert other is not None
        assert each["difference"]["mean"] == pytest.approx(one.mean - other.mean)
    assert [each["p_holm"] for each in found] == holm([each["p"] for each in found]).tolist()


def test_networks_of_other_seeds_are_not_compared(tmp_path: Path, rewrite: Callable[..., None]) -> None:
    folder = write_study(tmp_path, seeds=3)
    rewrite(folder, "confirmations", lambda row: {"seed": row["seed"] + 7 * (row["architecture"] == "mlp")})

    assert comparisons_of(confirmed_fronts(analysis.load(folder))) == ()


def test_the_page_says_which_networks_differ_and_where_the_knees_are(study: analysis.Study) -> None:
    found = contents(study)

    knees = [row["architecture"] for row in found["offers"] if "bends most" in " ".join(row["reasons"])]
    assert "conv" in knees
    assert len(set(knees)) == len(knees)
    differ = found["compared"]
    assert differ.startswith("Hypervolumes that differ at 5 % (paired over shared seeds by Student's t, 3 comparisons")
    assert "conv above mlp by 0." in differ
    assert {row["chance"].count("[") for row in found["members"]} == {1}


def test_equal_networks_do_not_differ(tmp_path: Path, rewrite: Callable[..., None]) -> None:
    folder = write_study(tmp_path, seeds=3)
    same = {"test_error": 0.3, "test_robust_error": 0.7}
    rewrite(folder, "confirmations", lambda _: same)

    assert contents(analysis.load(folder))["compared"] == (
        "No difference of hypervolumes was shown at 5 % (paired over shared seeds by Student's t)."
    )


@pytest.mark.parametrize("changes", [{"seeds": 0}, {"seeds": 1}, {"seeds": 2, "architectures": ("mlp",)}])
def test_a_small_study_is_told_all_the_same(tmp_path: Path, changes: dict[str, Any]) -> None:
    folder = write_study(tmp_path, **changes)

    found = json.loads(json.dumps(summary(analysis.load(folder)), allow_nan=False))
    assert found["comparisons"] == []
    assert set(found["architectures"]["mlp"]) >= {"knee", "choices", "optimism", "expectation"}


def test_the_table_of_the_front_has_the_chances(tmp_path: Path) -> None:
    found = summary(analysis.load(write_study(tmp_path, seeds=3)))
    rows = list(csv.DictReader(io.StringIO(front_csv(found))))

    assert all(0 <= float(row["nondominated_low"]) <= float(row["nondominated"]) <= 1 for row in rows)
