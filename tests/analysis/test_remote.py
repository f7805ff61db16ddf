from pathlib import Path

import pytest

from analysis.remote import fetched, shown
from analysis.report import main


def test_a_study_at_an_address_is_reported_there(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main([f"file://{run_dir}"])

    assert (status, capsys.readouterr().out) == (0, f"file://{run_dir}/report/index.html\n")
    assert run_dir.name in (run_dir / "report" / "index.html").read_text()
    assert (run_dir / "report" / "pareto.pdf").exists()


def test_only_what_is_read_is_fetched(run_dir: Path) -> None:
    (run_dir / "models").mkdir()
    (run_dir / "models" / "large.safetensors").write_bytes(b"weights")

    with fetched(f"file://{run_dir}") as folder:
        names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}

    assert "study.json" in names
    assert "results/trials.parquet" in names
    assert "models/large.safetensors" not in names


@pytest.mark.parametrize("address", ["moon://x", "file:///nowhere/at/all", "s3://key:secret@bucket/a b"])
def test_an_address_without_a_study_is_refused_on_one_line(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    status = main([address])

    said = capsys.readouterr()
    assert (status, said.out, said.err.count("\n")) == (2, "", 1)
    assert "secret" not in said.err


def test_an_address_that_takes_no_report_is_said(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run_dir / "report").write_text("in the way")

    status = main([f"file://{run_dir}"])

    assert (status, capsys.readouterr().err.count("\n")) == (1, 1)


def test_keys_are_not_shown() -> None:
    assert shown("s3://key:secret@bucket/x?scheme=http") == "s3://bucket/x?scheme=http"
