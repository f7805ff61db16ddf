import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import analysis
from analysis.comparison import holm, paired_p
from analysis.front import confirmed_fronts
from analysis.load import StudyUnreadable
from analysis.report import main
from analysis.versus import Versus, lettered, unlike, versus, versus_json
from analysis.versus_page import versus_page
from tests.analysis.synthetic import write_study

THREAT = {"norm": "linf", "epsilon": 0.1, "eta": 0.3}


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A study of three networks and one of two of them, on the same three fresh seeds."""
    one = write_study(tmp_path / "one", ("conv", "mlp", "resnet"), seeds=3, name="one", sampler="tpe")
    return one, write_study(tmp_path / "other", seeds=3, seed=5, name="other", sampler="random")


def found_in(*folders: Path) -> tuple[Versus, ...]:
    return versus(lettered([analysis.load(folder) for folder in folders]))


def test_studies_are_compared_where_both_confirmed_a_network(pair: tuple[Path, Path]) -> None:
    found = found_in(*pair)

    assert [(each.architecture, each.one, each.other) for each in found] == [("conv", "A", "B"), ("mlp", "A", "B")]


def test_differences_and_p_values_are_those_of_the_volumes_seed_by_seed(pair: tuple[Path, Path]) -> None:
    found = found_in(*pair)
    volumes = [{f.architecture: f.volumes for f in confirmed_fronts(analysis.load(folder))} for folder in pair]
    p_values = [paired_p(volumes[0][name], volumes[1][name]) for name in ("conv", "mlp")]

    for each, p, adjusted in zip(found, p_values, holm(p_values), strict=True):
        gaps = np.subtract(volumes[0][each.architecture], volumes[1][each.architecture])
        assert each.volumes is not None
        assert each.volumes.difference.mean == pytest.approx(gaps.mean())
        assert (each.volumes.p, each.volumes.adjusted) == pytest.approx((p, adjusted))
        assert each.attainment.gain - each.attainment.loss == pytest.approx(gaps.mean())


def test_three_studies_are_corrected_together(pair: tuple[Path, Path], tmp_path: Path) -> None:
    third = write_study(tmp_path / "third", ("conv",), seeds=3, seed=9)

    found = found_in(*pair, third)

    assert [(each.architecture, each.one + each.other) for each in found] == [
        ("conv", "AB"), ("mlp", "AB"), ("conv", "AC"), ("conv", "BC"),
    ]  # fmt: skip
    tested = [each.volumes for each in found if each.volumes]
    assert [each.adjusted for each in tested] == pytest.approx(holm([each.p for each in tested]).tolist())


def test_only_shared_seeds_are_paired(pair: tuple[Path, Path], rewrite: Callable[..., None]) -> None:
    rewrite(pair[1], "confirmations", lambda row: {"seed": row["seed"] + 1})

    found = found_in(*pair)

    one, other = (confirmed_fronts(analysis.load(folder))[0] for folder in pair)
    assert found[0].seeds == (1001, 1002)
    assert found[0].volumes is not None
    expected = np.mean(np.subtract(one.volumes[1:], other.volumes[:2]))
    assert found[0].volumes.difference.mean == pytest.approx(expected)


def test_studies_without_shared_seeds_are_not_paired_and_the_page_says_so(
    pair: tuple[Path, Path], rewrite: Callable[..., None]
) -> None:
    rewrite(pair[1], "confirmations", lambda row: {"seed": row["seed"] + 7})
    every = lettered([analysis.load(folder) for folder in pair])

    found = versus(every)

    assert {each.volumes for each in found} == {None}
    assert "share fewer than two fresh seeds" in versus_page(every, found)


def test_a_study_that_confirmed_nothing_is_shown_all_the_same(pair: tuple[Path, Path], tmp_path: Path) -> None:
    every = lettered([analysis.load(pair[0]), analysis.load(write_study(tmp_path / "none", seeds=0))])

    page = versus_page(every, versus(every))

    assert "nothing can be said of test data yet" in page
    assert 'id="costs"' in page


def test_what_studies_do_not_share_is_said(pair: tuple[Path, Path], tmp_path: Path) -> None:
    every = lettered([analysis.load(pair[0]), analysis.load(write_study(tmp_path / "near", threat_model=THREAT))])

    assert unlike(every) == ["threat model: A linf epsilon 0.3 eta 0.3, B linf epsilon 0.1 eta 0.3"]
    assert unlike(lettered([analysis.load(folder) for folder in pair])) == []
    assert "threat model: A linf" in versus_page(every, versus(every))


def test_studies_of_other_objectives_are_refused(pair: tuple[Path, Path], tmp_path: Path) -> None:
    objectives = [
        {"name": name, "label": name, "unit": "fraction", "worst": 1.0} for name in ("error", "on_manifold_error")
    ]
    other = write_study(tmp_path / "others", objectives=objectives)

    with pytest.raises(StudyUnreadable, match="minimise the same"):
        lettered([analysis.load(pair[0]), analysis.load(other)])


def test_candidates_of_both_studies_have_cards_of_their_own(pair: tuple[Path, Path]) -> None:
    every = lettered([analysis.load(folder) for folder in pair])

    page = versus_page(every, versus(every))

    assert 'data-of="A:conv-002"' in page
    assert 'data-of="B:conv-002"' in page
    assert 'data-card="B:conv-002"' in page


def test_the_command_writes_a_comparison_beside_the_first_report(
    pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(folder) for folder in pair]) == 0

    report = pair[0] / "report"
    assert capsys.readouterr().out.strip() == str(report / "comparison.html")
    assert {path.name for path in report.iterdir()} == {
        f"comparison.{kind}" for kind in ("html", "json", "svg", "pdf", "png")
    }
    every = lettered([analysis.load(folder) for folder in pair])
    assert json.loads((report / "comparison.json").read_text()) == versus_json(every, versus(every))
    assert not (pair[1] / "report").exists()
