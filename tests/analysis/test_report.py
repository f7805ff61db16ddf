import base64
import csv
import hashlib
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

import analysis
from analysis.exports import front_csv, front_tex
from analysis.report import main, write_report
from analysis.summary import summary
from tests.analysis.pages import html
from tests.analysis.synthetic import data_json, read_rows, write_study
from trainables.columns import flat
from trainables.config import RoleConfig, TrialConfig

FIGURES = ("pareto", "bands", "success", "mixtures", "cost")
FILES = {
    "index.html",
    "front.csv",
    "front.tex",
    "summary.json",
    *(f"{figure}.{kind}" for figure in FIGURES for kind in ("png", "svg", "pdf")),
}


class Outline(HTMLParser):
    """Collects the tags of a page, and every address that a browser would load."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id" and value:
                self.ids.append(value)
            if name in ("src", "srcset", "data") or (name.endswith("href") and tag != "a"):
                self.loaded.append(value or "")


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report's folder of a study that nobody changes; drawing takes seconds."""
    return write_report(write_study(tmp_path_factory.mktemp("study"))).parent


def test_figures_are_of_the_kinds_that_were_asked_for(tmp_path: Path) -> None:
    run_dir = write_study(tmp_path / "study")

    assert main([str(run_dir), "--figures", "pdf"]) == 0
    page = (run_dir / "report" / "index.html").read_text()
    files = {path.name for path in (run_dir / "report").iterdir()}
    assert files == {name for name in FILES if not name.endswith((".png", ".svg"))}
    assert set(re.findall(r'<a href="([^"#]+)"', page)) == files - {"index.html"}


def words(page: str) -> str:
    unseen = "|".join(f"<{tag}.*?</{tag}>" for tag in ("style", "script", "template", "svg"))
    return " ".join(re.sub(rf"{unseen}|<[^>]+>", " ", page, flags=re.DOTALL).split())


def test_a_report_is_all_its_files_and_no_leftovers(reported: Path) -> None:
    assert {path.name for path in reported.iterdir()} == FILES


def test_the_same_study_gives_the_same_bytes(reported: Path) -> None:
    first = {path.name: path.read_bytes() for path in reported.iterdir()}

    assert write_report(reported.parent) == reported / "index.html"
    assert {path.name: path.read_bytes() for path in reported.iterdir()} == first


def test_the_page_loads_nothing_and_names_every_id_once(reported: Path) -> None:
    outline = Outline()
    outline.feed((reported / "index.html").read_text())

    assert [address for address in outline.loaded if not address.startswith("#")] == []
    assert len(set(outline.ids)) == len(outline.ids)
    assert not {"iframe", "link"} & set(outline.tags)


def test_no_script_runs_but_the_pages_own(reported: Path) -> None:
    page = (reported / "index.html").read_text()

    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="(.*?)"', page)
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy.replace("&#39;", "'").split("; ") == [
        "default-src 'none'",
        "img-src data:",
        "style-src 'unsafe-inline'",
        f"script-src 'sha256-{digest}'",
    ]
    kinds = set(re.findall(r"<script[^>]*>", page))
    assert {kind for kind in kinds if 'type="application/json"' not in kind} == {"<script>"}


def test_fonts_are_embedded_in_the_pdf_as_truetype(reported: Path) -> None:
    pdf = (reported / "pareto.pdf").read_bytes()

    assert b"/Type0" in pdf
    assert b"/Type3" not in pdf


def test_the_summary_gives_each_architecture_a_front_and_a_volume(reported: Path) -> None:
    found = json.loads((reported / "summary.json").read_text())["architectures"]

    assert set(found) == {"conv", "mlp"}
    assert set(found["conv"]["hypervolume"]) == {"mean", "low", "high", "n", "method"}
    assert found["conv"]["reference_point"] == [1.0, 1.0]
    for member in found["conv"]["front"]:
        assert member["test_error"] == member["intervals"]["test_error"]["mean"]
        assert {"trial_id", "label", "test_robust_error", "test_robust_error_at_0.3"} <= set(member)


def test_the_csv_holds_the_members_of_the_summary(reported: Path) -> None:
    with (reported / "front.csv").open() as file:
        rows = list(csv.DictReader(file))
    found = json.loads((reported / "summary.json").read_text())["architectures"]

    expected = [member["trial_id"] for part in found.values() for member in part["front"]]
    assert [row["trial_id"] for row in rows] == expected
    assert all(float(row["test_error"]) <= 1 for row in rows)


def test_the_captions_give_seeds_images_and_threat_model(reported: Path) -> None:
    text = words((reported / "index.html").read_text())

    assert "retrained with 2 fresh seeds" in text
    assert "the range over the two seeds" in text
    assert "Threat model: L∞, ε = 0.3 in images of range [0, 1], η = 0.3 on the manifold and for affine" in text
    assert "100 attacked images" in text
    assert "20 signed steps (the worst of 2 random starts)" in text
    assert "attack breaks counts too (the worst of" in text


def test_three_seeds_are_given_t_intervals(tmp_path: Path) -> None:
    assert "95 % Student's t intervals" in words(html(write_study(tmp_path, seeds=3))).replace("&#39;", "'")


def test_an_unconfirmed_study_says_that_validation_flatters(tmp_path: Path) -> None:
    text = words(html(write_study(tmp_path, seeds=0)))

    assert "every number here is from validation and flatters" in text
    assert "The confirmed front" not in text
    assert summary(analysis.load(tmp_path))["architectures"]["conv"]["front"] == []


def test_one_architecture_with_one_seed_has_no_error_bars(tmp_path: Path) -> None:
    text = words(html(write_study(tmp_path, architectures=("mlp",), seeds=1)))

    assert "One seed allows no error bar." in text
    assert "one seed, so no interval" in text
    found = summary(analysis.load(tmp_path))["architectures"]["mlp"]
    assert found["hypervolume"]["method"] == "none: n = 1"


def test_a_study_of_nothing_but_infeasible_trials_is_reported(tmp_path: Path, rewrite: Callable[..., None]) -> None:
    folder = write_study(tmp_path, seeds=0)
    empty = {"state": "INFEASIBLE", "val_error": None, "val_robust_error": None, "message": "loss became NaN"}
    rewrite(folder, "trials", lambda _: empty)

    text = words(html(folder))

    assert "0 gave a result" in text
    assert "No trial has given a result yet." in text
    assert text.count("loss became NaN") == 48


def test_text_of_trials_is_shown_not_run(run_dir: Path, rewrite: Callable[..., None]) -> None:
    evil = "<script>alert('1')</script> --> $x_1$"
    for table in ("trials", "confirmations"):
        rewrite(run_dir, table, lambda row: {"label": row["label"] and evil})
    rewrite(run_dir, "trials", lambda row: {"message": row["message"] and evil})

    page = html(run_dir)

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;" in page


def test_ids_with_odd_characters_are_kept_as_they_are(run_dir: Path, rewrite: Callable[..., None]) -> None:
    for table in ("trials", "confirmations"):
        rewrite(run_dir, table, lambda row: {"trial_id": f'a "b", \n <c>/{row["trial_id"]}', "label": None})

    text = front_csv(summary(analysis.load(run_dir)))

    ids = {row["trial_id"] for row in csv.DictReader(io.StringIO(text, newline=""))}
    assert ids < {row["trial_id"] for row in read_rows(run_dir, "trials")}


def test_metrics_that_are_nan_are_reported_as_absent(run_dir: Path, rewrite: Callable[..., None]) -> None:
    rewrite(run_dir, "trials", lambda row: {"val_robust_error": float("nan")})
    rewrite(run_dir, "confirmations", lambda row: {"test_success_rate": float("nan")})

    page = html(run_dir)

    assert not re.search(r"\bnan\b", words(page), re.IGNORECASE)
    assert "success rate of the paper" not in words(page).lower()


def test_saturated_baselines_are_called_so(run_dir: Path, rewrite: Callable[..., None]) -> None:
    rewrite(run_dir, "confirmations", lambda row: {"test_robust_error": 0.99 if row["architecture"] == "mlp" else 0.7})

    text = words(html(run_dir))

    assert "mlp: every baseline lies above 0.98 in robust error" in text
    assert "conv: every baseline" not in text


def test_candidates_left_out_are_counted_and_explained(run_dir: Path, rewrite: Callable[..., None]) -> None:
    rewrite(run_dir, "confirmations", lambda row: {"message": "killed" if row["trial_id"] == "conv-000" else None})

    text = words(html(run_dir))

    assert "1 candidate left out of the front" in text
    assert "on no front seed 1000: killed" in text


def test_the_columns_that_the_page_reads_are_those_that_trials_write(run_dir: Path) -> None:
    roles = [RoleConfig(threat=threat, share=0.3) for threat in ("pixel", "manifold", "affine")]
    written = set(flat(TrialConfig(roles=tuple(roles)).to_dict()))

    read = {name for name in analysis.load(run_dir).trials.schema.names if name.startswith("config.")}
    assert read <= written


def test_tables_have_a_column_for_the_affine_error_and_none_for_what_was_not_measured(tmp_path: Path) -> None:
    folder = write_study(tmp_path, ("conv",), trials=8, seeds=1, dataset=data_json("fashion", None))
    confirmed = {row["trial_id"]: row for row in read_rows(folder, "confirmations")}

    page = html(folder)

    part = page[page.index('<section id="fronts"') : page.index('<section id="choosing"')]
    heads = [re.findall(r"<th>(.*?)</th>", head) for head in re.findall(r"<thead>(.*?)</thead>", part, re.DOTALL)]
    metrics = ["error", "robust error", "affine error", "success rate"]
    assert [head[2:7] for head in heads[1:]] == [[*metrics, "weights"], [*metrics, "place"]]
    rows = re.findall(r'title="(.*?)">.*?</td>(.*?)</tr>', part, re.DOTALL)
    assert len(rows) > 6
    for trial_id, cells in rows:
        assert re.findall(r"<td>([\d.]+)", cells)[2] == f"{confirmed[trial_id]['test_affine_error']:.3f}"
    assert words(page).count("affine error is under translation") == 1
    assert "(clean · image · transformation) examples" in words(page)


def test_errors_beyond_the_pixels_are_explained_before_the_confirmation_too(tmp_path: Path) -> None:
    folder = write_study(tmp_path, ("conv",), seeds=0)

    assert words(html(folder)).count("affine error is under translation") == 1


def test_the_table_for_latex_has_the_members_and_no_letter_that_latex_minds(
    run_dir: Path, rewrite: Callable[..., None]
) -> None:
    for table in ("trials", "confirmations"):
        rewrite(run_dir, table, lambda row: {"label": row["label"] and f"50 % of {{{row['label']}}}_\\#&"})
    found = summary(analysis.load(run_dir))

    lines = front_tex(found).splitlines()

    rows = [line for line in lines if line.endswith("\\\\")]
    members = [member for part in found["architectures"].values() for member in part["front"]]
    assert len(rows) == len(members) + 1
    assert {line.count(" & ") for line in rows} == {4}
    assert any(r"50 \% of \{OnTrue\}\_\textbackslash{}\#\&" in row for row in rows)
    first = members[0]["intervals"]["test_error"]
    assert f"{first['mean']:.3f} {{\\scriptsize [{first['low']:.3f}, {first['high']:.3f}]}}" in rows[1]
    assert [line for line in lines if line.startswith("\\")][:2] == [r"\begin{tabular}{llrrr}", r"\toprule"]
    assert lines[-3:] == [rows[-1], r"\bottomrule", r"\end{tabular}"]


def test_an_unconfirmed_study_has_an_empty_table_for_latex(tmp_path: Path) -> None:
    text = front_tex(summary(analysis.load(write_study(tmp_path, seeds=0))))

    assert text.count("\\\\\n") == 1


@pytest.mark.parametrize(
    "arguments", [[], ["one", "two"], ["nowhere"], ["--what"], ["s3://bucket/study", "--watch"], ["nowhere", "--watch"]]
)
def test_wrong_usage_is_one_line_and_status_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status = main(arguments)
    except SystemExit as end:
        status = end.code  # type: ignore[assignment] # argparse exits with numbers

    out, err = capsys.readouterr()
    assert (status, out, err.count("\n")) == (2, "", 1)


def test_a_report_that_cannot_be_written_is_one_line_and_status_one(
    run_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run_dir / "report").write_text("a file where the folder should be")

    assert main([str(run_dir)]) == 1
    assert capsys.readouterr().err.startswith("the report must be writable")


@pytest.mark.slow
def test_the_command_runs_from_a_shell(run_dir: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "analysis.report", str(run_dir)]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert (done.stdout.strip(), done.stderr) == (str(run_dir / "report" / "index.html"), "")


@pytest.mark.slow
def test_ten_thousand_trials_are_reported_in_little_memory(tmp_path: Path) -> None:
    networks = ("conv", "mlp", "resnet", "vgg", "vit")
    folder = write_study(tmp_path, networks, trials=2000, seeds=5, epochs=20)
    code = (  # not what getrusage says: that begins with the peak of whoever starts the process
        "import sys; from pathlib import Path; from analysis.report import main; main(sys.argv[1:]); "
        "print(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])"
    )

    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)

    assert float(done.stdout.splitlines()[-1]) < 1e9 / 1024  # kibibytes
    assert (folder / "report" / "index.html").stat().st_size < 20e6
