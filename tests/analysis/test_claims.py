"""Verdicts on grids whose truth is known, and what the report makes of them."""

import csv
import io
import json

import numpy as np
import pytest

from analysis import load
from analysis.claims.measures import between, correlation, equal_error_ratio, gap, slope, within
from analysis.claims.published import published
from analysis.claims.verdicts import Claim, Finding, Rule, above, below, over_seeds
from analysis.claims.verdicts import within as no_further_than
from analysis.drawing import rendered
from analysis.load import StudyUnreadable
from analysis.page import sections, study_page
from analysis.report import main
from analysis.statistics import Interval
from analysis.summary import summary
from tests.analysis.grids import SIZES, against_it, as_claimed, asked, finding, grid, nothing, rows, write_grid
from tests.analysis.synthetic import data_json

CLAIMED = rows(as_claimed, noise=0.004)


def between_ends(low, high):
    return Interval(mean=(low + high) / 2, low=low, high=high, n=3, method="t")


# -- rules -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "ends", "verdict"),
    [
        (above(0.5), (0.6, 0.9), "supported"),
        (above(0.5), (0.4, 0.9), "inconclusive"),
        (above(0.5), (0.1, 0.4), "contradicted"),
        (above(0.5, contradicted_below=0.2), (0.25, 0.4), "inconclusive"),
        (above(0.5, contradicted_below=0.2), (-0.1, 0.1), "contradicted"),
        (below(0.8, contradicted_above=0.95), (0.2, 0.3), "supported"),
        (below(0.8, contradicted_above=0.95), (0.85, 0.9), "inconclusive"),
        (below(0.8, contradicted_above=0.95), (1.1, 1.3), "contradicted"),
        (no_further_than(0.1), (-0.05, 0.09), "supported"),
        (no_further_than(0.1), (-0.2, -0.11), "contradicted"),
        (no_further_than(0.1), (0.2, 0.3), "contradicted"),
        (no_further_than(0.1), (-0.2, 0.3), "inconclusive"),
    ],
)
def test_the_whole_interval_must_lie_in_a_region(rule: Rule, ends, verdict):
    assert rule.verdict(between_ends(*ends)) == verdict


def test_one_seed_and_no_number_are_inconclusive():
    assert above(0.5).verdict(over_seeds([0.9], "real")) == "inconclusive"
    assert above(0.5).verdict(None) == "inconclusive"


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ((True, True), "supported"),
        ((True, None), "inconclusive"),
        ((True, False), "contradicted"),
        ((None, False), "contradicted"),
        ((), "inconclusive"),
    ],
)
def test_a_claim_needs_all_that_decide_and_falls_with_one(said, verdict):
    ends = {True: (0.6, 0.7), None: (0.4, 0.6), False: (0.1, 0.2)}
    deciding = [_finding(between_ends(*ends[each]), decides=True) for each in said]

    claim = Claim(number=1, title="", findings=(*deciding, _finding(between_ends(0.1, 0.2), decides=False)))

    assert claim.verdict == verdict


def _finding(found, *, decides):
    return Finding(key="k", statement="", measure="", found=found, rule=above(0.5), decides=decides)


# -- intervals -------------------------------------------------------------------------------------------------------


def test_intervals_of_ratios_and_correlations_are_those_of_their_logarithms_and_zs():
    ratios, correlations = [0.2, 0.3, 0.25], [0.9, 0.95, 0.97]

    of_ratios, of_correlations = over_seeds(ratios, "ratio"), over_seeds(correlations, "correlation")

    plain = over_seeds(np.log(ratios).tolist(), "real")
    assert of_ratios.mean == pytest.approx(np.exp(np.mean(np.log(ratios))))
    assert (of_ratios.low, of_ratios.high) == pytest.approx((np.exp(plain.low), np.exp(plain.high)))
    z = over_seeds(np.arctanh(correlations).tolist(), "real")
    assert (of_correlations.low, of_correlations.high) == pytest.approx((np.tanh(z.low), np.tanh(z.high)))


def test_a_rate_that_is_one_for_all_seeds_has_the_ends_that_its_images_allow():
    found = over_seeds([1.0, 1.0, 1.0], "fraction", images=200)

    assert (found.mean, found.high) == (1, 1)
    assert found.low == pytest.approx(0.025 ** (1 / 200))  # so unlikely would 200 successes be at that rate


@pytest.mark.parametrize("scale", ["real", "ratio", "correlation", "fraction"])
def test_seeds_that_all_agree_say_nothing_of_those_that_do_not(scale):
    assert over_seeds([0.2, 0.2, 0.2], scale).low is None


def test_a_ratio_that_is_only_a_bound_is_told_so():
    quick = [row | {"test_error": row["test_error"] / 4} if row["method"] == "OnTrue" else row for row in CLAIMED]

    assert finding(asked(CLAIMED)[3], "examples-OnTrue").note == ""
    assert "in 3 seeds of 3" in finding(asked(quick)[3], "examples-OnTrue").note
    assert "errs towards 1" in finding(asked(quick)[3], "examples-OnTrue").note


# -- measures --------------------------------------------------------------------------------------------------------


def test_relations_within_strategies_ignore_what_strategies_differ_by():
    one = {"a": {1: 0.1, 2: 0.2}, "b": {1: 0.6, 2: 0.8}}
    other = {"a": {1: 5.0, 2: 5.2}, "b": {1: 1.0, 2: 1.4}}

    pairs = within(one, other, ("a", "b"))

    assert slope(pairs) == pytest.approx(2)
    assert correlation(pairs) == pytest.approx(1)
    assert correlation(between(one, other, ("a", "b"))) < -0.99


def test_two_sizes_of_one_strategy_have_a_slope_but_no_correlation():
    pairs = within({"a": {1: 0.1, 2: 0.2}}, {"a": {1: 5.0, 2: 5.3}}, ("a",))

    assert slope(pairs) == pytest.approx(3)
    assert correlation(pairs) is None


def test_examples_for_the_same_error_are_read_off_in_logarithms():
    normal = {n: n**-0.5 for n in (100, 400, 1600)}
    quarter = {n: (4 * n) ** -0.5 for n in (100, 400, 1600)}

    assert equal_error_ratio(quarter, normal) == pytest.approx(1 / 4)
    assert equal_error_ratio(normal, quarter) == pytest.approx(4)


def test_a_strategy_that_is_better_with_its_fewest_examples_errs_towards_no_difference():
    assert equal_error_ratio({100: 0.1, 200: 0.05}, {100: 0.5, 200: 0.4}) == pytest.approx(100 / 200)


def test_what_was_not_measured_is_no_number():
    assert correlation(within({}, {}, ("a",))) is None
    assert equal_error_ratio({}, {1: 0.1, 2: 0.2}) is None
    assert gap({1: 0.1}, {2: 0.1}) is None


# -- verdicts --------------------------------------------------------------------------------------------------------


def test_a_grid_as_the_paper_claims_supports_every_claim():
    claims = asked(CLAIMED)

    assert {number: claim.verdict for number, claim in claims.items()} == dict.fromkeys(range(1, 6), "supported")
    assert finding(claims[3], "examples-OnTrue").found.mean == pytest.approx(0.25, abs=0.05)
    assert finding(claims[5], "examples").found.mean == pytest.approx(2, abs=0.3)


def test_a_grid_against_it_contradicts_every_claim():
    own = rows(against_it, noise=0.004)

    claims = asked(own)

    assert {number: claim.verdict for number, claim in claims.items()} == dict.fromkeys(range(1, 6), "contradicted")


def test_where_nothing_depends_on_anything_hardly_a_claim_is_decided_and_none_is_supported():
    verdicts = [asked(rows(nothing, noise=0.05, seed=seed)) for seed in range(12)]

    for number in (1, 3, 4, 5):
        said = [claims[number].verdict for claims in verdicts]
        assert said.count("inconclusive") >= 8
        assert said.count("supported") <= 1


def test_noise_as_large_as_an_effect_is_inconclusive_and_more_seeds_are_not():
    few, many = (asked(rows(as_claimed, noise=0.05, seeds=seeds)) for seeds in (2, 12))

    assert finding(few[5], "examples").verdict == "inconclusive"
    assert finding(many[5], "examples").verdict == "supported"


def test_one_seed_decides_nothing():
    assert {claim.verdict for claim in asked(rows(as_claimed, noise=0.0, seeds=1)).values()} == {"inconclusive"}


def test_adversarial_examples_that_leave_no_further_than_chance_are_told_so():
    own = [row | {"regular_departure": row["random_departure"] - 0.01} for row in CLAIMED]

    claim = asked(own)[1]

    assert claim.verdict == "supported"
    assert finding(claim, "further-than-chance").verdict == "contradicted"
    assert "regular adversarial examples lie further off than random perturbations as long" in claim.against


def test_robustness_that_comes_with_generalization_is_not_independent_and_no_contradiction():
    own = [row | {"strong_success": 0.3 + row["test_error"]} for row in CLAIMED]  # as VGG on Fashion-MNIST

    claim = asked(own)[4]

    assert claim.verdict == "supported"
    assert finding(claim, "independent").verdict == "contradicted"
    assert "counter-example" in finding(claim, "independent").note


def test_a_saturated_strategy_does_not_dilute_those_that_are_not():
    own = [row if row["method"] != "OnTrue" else row | {"strong_success": 1.0} for row in CLAIMED]
    others = [row for row in CLAIMED if row["method"] != "OnTrue"]

    found, expected = (finding(asked(each)[4], "no-worse").found for each in (own, others))

    assert found == expected


def test_a_saturated_rate_decides_nothing():
    own = [row | {"strong_success": 0.99} for row in CLAIMED]

    assert finding(asked(own)[4], "no-worse").found is None
    assert asked(own)[4].verdict == "inconclusive"


def test_a_known_manifold_keeps_labels_by_definition_and_others_are_asked():
    own = [row | {"label_agreement": 0.3} for row in CLAIMED]
    learned = rows(as_claimed, noise=0.0, kind="learned")
    learned = [row | {"label_agreement": 0.3 + 0.01 * (row["seed"] % 3)} for row in learned]

    assert finding(asked(own)[2], "keep-their-label").verdict == "supported"
    assert finding(asked(learned, "learned")[2], "keep-their-label").verdict == "contradicted"
    assert asked(learned, "learned")[2].verdict == "contradicted"


def test_without_a_data_manifold_transformations_stand_for_it():
    claims = asked(rows(as_claimed, noise=0.004, kind="affine"), "affine")

    assert finding(claims[3], "examples-AdvTrans").decides
    assert [found.key for found in claims[3].findings if found.key.startswith("examples")] == ["examples-AdvTrans"]


def test_cells_without_numbers_are_left_out():
    own = [row if row["method"] != "RegAdv" else row | dict.fromkeys(as_claimed("RegAdv", 250)) for row in CLAIMED]

    claims = asked(own)

    assert claims[5].verdict == "inconclusive"
    assert claims[3].verdict == "supported"


def test_a_cell_that_one_seed_has_not_begun_is_left_out_for_all():
    last = max(row["seed"] for row in CLAIMED)
    own = [row for row in CLAIMED if not (row["seed"] == last and row["n_train"] == SIZES[0])]

    picked = [grid(own).pick(seed)("test_error", "epochs")["Normal"] for seed in {row["seed"] for row in own}]

    assert [sorted(curve) for curve in picked] == [list(SIZES[1:])] * 3
    assert grid(own, trials=len(CLAIMED)).missing == len(CLAIMED) - len(own)


def test_a_cell_that_one_seed_lacks_is_left_out_for_all():
    own = [dict(row) for row in CLAIMED]
    worst = next(row for row in own if row["method"] == "Normal" and row["n_train"] == SIZES[0])
    worst["regular_departure"] = None

    seeds = {row["seed"] for row in own}

    picked = [grid(own).pick(seed)("regular_departure", "epochs")["Normal"] for seed in seeds]
    assert [sorted(curve) for curve in picked] == [list(SIZES[1:])] * 3


# -- beside the paper ------------------------------------------------------------------------------------------------


def test_the_papers_curves_go_through_the_same_computation():
    claims = asked(CLAIMED)
    pick = published(grid(CLAIMED))

    errors = pick("test_error", "epochs")

    assert errors["Normal"] == {250: 0.7295, 1000: 0.4953, 4000: 0.2113}
    expected = equal_error_ratio(errors["OnTrue"], errors["Normal"])
    assert finding(claims[3], "examples-OnTrue").paper == f"{expected:.3g}"
    assert 0.2 < expected < 0.3


def test_what_the_paper_has_no_curves_of_has_none_beside_it():
    fashion = {"dataset": data_json("fashion", None)}

    assert published(grid(CLAIMED, "affine", **fashion))("test_error", "epochs") == {}


@pytest.mark.parametrize(
    "setting",
    [{"threat_model": {"norm": "l2", "epsilon": 0.3, "eta": 0.3}}, {"widths": {"conv": 0.5}}],
)
def test_the_paper_has_nothing_beside_other_settings(setting):
    assert published(grid(CLAIMED, **setting))("test_error", "epochs") == {}


# -- the report ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return load(write_grid(tmp_path_factory.mktemp("runs") / "grid", CLAIMED))


@pytest.fixture(scope="module")
def parts(study):
    return sections(study)


def test_a_grids_page_tells_the_claims(study, parts):
    told = study_page(study, parts)

    assert told.count("<strong>supported</strong>") == told.count("<b>supported</b>") == 5
    assert "in no interval" in told
    assert "at other codes of the known manifold" in told
    assert "ε = 0.3, η = 0.3" in told
    assert told.count('class="drawn"') == 5
    assert "retrained" not in told


def test_every_claim_has_a_picture_for_print(parts):
    drawn = parts[0].figures

    assert list(drawn) == [f"claim-{number}-conv" for number in range(1, 6)]
    assert b"<svg" in rendered(drawn["claim-4-conv"](), "svg")


def test_the_claims_are_data_too(study, parts):
    told = summary(study)["claims"]["conv"]
    table = list(csv.DictReader(io.StringIO(parts[0].files["claims.csv"].decode())))

    assert [claim["verdict"] for claim in told["claims"]] == ["supported"] * 5
    assert told["seeds"] == [1000, 1001, 1002]
    assert json.dumps(told, allow_nan=False)
    assert len(table) == sum(len(claim["findings"]) for claim in told["claims"])
    assert {row["verdict"] for row in table} <= {"supported", "contradicted", "inconclusive"}


def test_a_search_has_no_claims(run_dir):
    study = load(run_dir)

    assert "claims" not in summary(study)
    assert "claims" not in [part.name for part in sections(study)]


def test_a_damaged_table_is_told_on_one_line(tmp_path, capsys):
    folder = write_grid(tmp_path / "grid", CLAIMED)
    (folder / "results" / "claims.parquet").write_bytes(b"PAR1 no")

    assert main([str(folder)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(StudyUnreadable, match="claims"):
        load(folder)


def test_a_grid_has_no_front_in_any_file(tmp_path, capsys):
    folder = write_grid(tmp_path / "grid", CLAIMED)

    assert main([str(folder)]) == 0
    assert {path.name for path in (folder / "report").iterdir()} & {"front.csv", "front.tex"} == set()
    assert json.loads((folder / "report" / "summary.json").read_text())["architectures"] == {}
    told = (folder / "report" / "index.html").read_text()
    assert "on validation" not in told
    assert "fresh seeds" not in told
    assert main([str(folder), str(folder)]) == 2
    assert "read its own report" in capsys.readouterr().err
