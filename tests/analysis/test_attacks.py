"""Strong attacks in a report: a doubtful model counts nowhere and is drawn hollow; captions say how and on what."""

import json
from pathlib import Path

import pytest
from matplotlib.colors import to_hex

import analysis
from analysis.attack_figures import attack_figures
from analysis.attacks import NOT_MADE, attacks_section, doubts
from analysis.drawing import PAPER
from analysis.figures import pareto
from analysis.front import confirmed_fronts
from analysis.page import sections
from analysis.report import write_report
from analysis.schema import STRONG
from analysis.summary import summary
from tests.analysis.synthetic import read_rows, write_study, write_table
from tests.analysis.under_attack import attack, ledger_sum, without


@pytest.fixture
def planted(run_dir: Path) -> str:
    """A member of conv's front whose attack found too little, in a study that is attacked."""
    front = confirmed_fronts(analysis.load(run_dir))[0]
    broken = front.members[-1].trial_id
    attack(run_dir, flagged=[broken])
    return broken


def test_a_flagged_candidate_is_on_no_front_and_in_no_volume(tmp_path: Path, run_dir: Path, planted: str) -> None:
    found = confirmed_fronts(analysis.load(run_dir))
    never = confirmed_fronts(analysis.load(without(write_study(tmp_path / "never"), planted)))

    assert [c.trial_id for c in found[0].flagged] == [planted]
    assert [c.trial_id for c in found[0].members] == [c.trial_id for c in never[0].members]
    assert planted not in [c.trial_id for c in found[0].candidates]
    assert [front.volumes for front in found] == [front.volumes for front in never]


def test_it_is_drawn_hollow_and_struck_through(run_dir: Path, planted: str) -> None:
    study = analysis.load(run_dir)
    (flagged,) = confirmed_fronts(study)[0].flagged

    for figure in (pareto(study), attack_figures(study)["attacks"]()):
        wanted = flagged.means[0] if figure.axes[0].get_xlabel() else flagged.values["test_error"][0]
        marks = [line for line in figure.axes[0].lines if list(line.get_xdata()) == [wanted]]
        faces = {line.get_marker(): to_hex(str(line.get_markerfacecolor())) for line in marks}
        assert faces["o"] == PAPER
        assert "x" in faces
    assert "doubtful under strong attacks" in [text.get_text() for text in pareto(study).legends[0].get_texts()]


def test_the_page_and_the_summary_name_it_with_its_flags(run_dir: Path, planted: str) -> None:
    study = analysis.load(run_dir)
    found, told = {part.name: part.content for part in sections(study)}, summary(study)

    assert any("steps_do_not_help" in caution for caution in found["summary"]["cautions"])
    flagged = [(row["trial_id"], row["counts"], row["evidence"]) for row in found["attacks"]["flagged"]]
    assert flagged == [(planted, "no", ("steps_do_not_help",))]
    page = write_report(run_dir).read_text()
    assert page.count('class="point doubtful"') == 1
    assert "doubtful, so on no front: steps_do_not_help" in page
    assert told["architectures"]["conv"]["flagged"] == [{"trial_id": planted, "flags": ["steps_do_not_help"]}]
    assert planted not in [member["trial_id"] for member in told["architectures"]["conv"]["front"]]
    flagged = [c["trial_id"] for c in told["attacks"]["candidates"] if c["flags"]]
    assert flagged == [planted]


def test_a_flagged_baseline_is_called_doubtful(run_dir: Path) -> None:
    attack(run_dir, flagged=["conv-001"])

    (fronts,) = [part.content for part in sections(analysis.load(run_dir)) if part.name == "fronts"]
    (row,) = [row for row in fronts["baselines"] if row["trial_id"] == "conv-001"]

    assert row["place"] == "doubtful"


def test_an_architecture_of_nothing_but_doubts_is_reported(run_dir: Path) -> None:
    conv = [row["trial_id"] for row in read_rows(run_dir, "confirmations") if row["architecture"] == "conv"]
    attack(run_dir, flagged=conv)
    study = analysis.load(run_dir)

    assert confirmed_fronts(study)[0].hypervolume is None
    assert len(doubts(confirmed_fronts(study))) == 1
    assert write_report(run_dir).is_file()


def test_a_study_without_strong_attacks_says_so_and_has_no_figure_of_them(run_dir: Path) -> None:
    text = write_report(run_dir).read_text()

    assert attacks_section(analysis.load(run_dir))["sentences"] == [NOT_MADE]
    assert "No strong attacks were made" in text
    assert not (run_dir / "report" / "attacks.png").exists()
    assert json.loads((run_dir / "report" / "summary.json").read_text())["attacks"] is None


def test_the_report_has_both_figures_and_the_ledger(run_dir: Path) -> None:
    attack(run_dir)

    text = write_report(run_dir).read_text()

    for name in ("attacks", "strength"):
        assert (run_dir / "report" / f"{name}.png").is_file()
        assert f"{name}.pdf" in text
    assert text.count("<h3>What every attack took</h3>") == 1
    assert "No strong attacks were made" not in text


def test_captions_say_n_method_and_threat_model(run_dir: Path) -> None:
    attack(run_dir)
    section = attacks_section(analysis.load(run_dir))

    for caption in [*section["captions"].values(), *(table["caption"] for table in section["tables"])]:
        for words in ("30 images", "20 gradient steps", "300 queries", "L∞, ε = 0.3", "radii 0.075, 0.15, 0.225, 0.3"):
            assert words in caption
    assert "1 fresh seed" in section["captions"]["attacks"]
    assert "images from another model of this study" in section["captions"]["attacks"]


def test_the_table_of_attacks_adds_up_to_the_ledger(run_dir: Path) -> None:
    attack(run_dir, everyone=True)
    study = analysis.load(run_dir)
    all_models, each = attacks_section(study)["tables"]

    for table in (all_models, each):
        for column, title in (("gradient_evaluations", "gradient evaluations"), ("queries", "queries")):
            place = table["head"].index(title)
            cells = [row[place].replace(",", "") for row in table["rows"]]
            assert sum(int(cell) for cell in cells if cell.isdigit()) == ledger_sum(study, column)
    square = next(row for row in all_models["rows"] if row[1] == "square")
    assert square[3:5] == ["0.500", "0.600"]


def test_attacks_that_gave_nothing_are_told_with_their_reason(run_dir: Path) -> None:
    rows = read_rows(run_dir, "confirmations")
    rows[0]["strong_message"] = "its worker died 4 times"
    write_table(run_dir, "confirmations", rows)

    sentences = attacks_section(analysis.load(run_dir))["sentences"]

    assert sentences[1] == "Strong attacks on 1 model gave nothing: its worker died 4 times."


def test_tables_of_a_study_before_there_were_strong_attacks_are_read(run_dir: Path) -> None:
    import pyarrow.parquet as pq

    path = run_dir / "results" / "confirmations.parquet"
    pq.write_table(pq.read_table(path).drop_columns([field.name for field in STRONG]), path)

    study = analysis.load(run_dir)

    assert study.confirmations["flags"].null_count == len(study.confirmations)
    assert len(study.ledger) == len(study.attack_curves) == 0


def test_the_papers_attack_stands_beside_the_strongest_at_each_radius(run_dir: Path) -> None:
    attack(run_dir)
    figure = attack_figures(analysis.load(run_dir))["strength"]()

    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == [f"radius {radius}, L∞" for radius in ("0.075", "0.15", "0.225", "0.3")]
    for axes in figure.axes:
        points = [
            (x, y) for line in axes.lines for x, y in zip(*line.get_data(), strict=True) if len(line.get_xdata()) == 1
        ]
        assert points
        assert all(x == pytest.approx(0.8 * y) for x, y in points)
