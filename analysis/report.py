"""A study's report: a page that needs nothing else, its figures for print, its front as data.

Run as `python -m analysis.report runs/NAME`.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from analysis.drawing import rendered
from analysis.exports import front_csv, front_tex
from analysis.load import StudyUnreadable, load
from analysis.page import page, sections
from analysis.remote import fetched, is_address, shown, write_back
from analysis.summary import summary

KINDS: Final = ("svg", "pdf", "png")
EPILOG: Final = """\
writes into runs/NAME/report:
  index.html                what was found, in words, pictures and tables; needs no other file and no network
  pareto.png, .svg, .pdf    the objectives against each other, with the confirmed front of every architecture
  success.png, .svg         test error against the success rate of the paper's attack
  departures.png, .svg      how far adversarial and random perturbations take test images from the manifold
  manifold.png              what a learned manifold makes: reconstructions, samples, adversarial examples
  front.csv, summary.json   the members of the fronts and the hypervolumes, with intervals

A study may be reported while it runs; the page then says that nothing is confirmed yet.

examples:
  python -m analysis.report runs/tradeoff-fonts-20260101-120000
  python -m analysis.report s3://bucket/studies/NAME

exit status: 0 written; 2 wrong usage or no readable study; 1 the report could not be written
"""


def write_report(run_dir: str | Path, refresh: int | None = None) -> Path:
    """Writes the report of a study into its folder `report` and returns the path of the page.

    The page is written last, so that a page is never older than what it names.

    Args:
        run_dir: the study's folder.
        refresh: seconds after which a browser loads the page anew, or None where it is final.

    Raises:
        StudyUnreadable: where the study's files are missing, damaged or contradictory.
        OSError: where the report cannot be written.
    """
    study = load(run_dir)
    folder = Path(run_dir) / "report"
    folder.mkdir(exist_ok=True)
    parts = sections(study)
    for part in parts:
        for name, draw in part.figures.items():
            figure = draw()
            for kind in KINDS:
                _replace(folder / f"{name}.{kind}", rendered(figure, kind))
        for name, content in part.files.items():
            _replace(folder / name, content)
    found = summary(study)
    _replace(folder / "front.csv", front_csv(found).encode())
    _replace(folder / "front.tex", front_tex(found).encode())
    _replace(folder / "summary.json", json.dumps(found, indent=2, allow_nan=False).encode())
    _replace(folder / "index.html", page(study, parts, refresh).encode())
    return folder / "index.html"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit status."""
    parser = _Parser(
        prog="python -m analysis.report",
        description="Draws and tells what a study has found, from the tables in its folder.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("study", metavar="runs/NAME", help="the study's folder, or its address: s3://bucket/NAME")
    study = parser.parse_args(arguments).study
    try:
        written = _report_at(study) if is_address(study) else str(write_report(study))
    except StudyUnreadable as reason:
        print(reason, file=sys.stderr)
        return 2
    except OSError as reason:
        place = shown(study) if is_address(study) else str(Path(study) / "report")
        said = " ".join(str(reason).split())
        print(f"the report must be writable at {place}; got: {said}; free the folder", file=sys.stderr)
        return 1
    print(written)
    return 0


def _report_at(address: str) -> str:
    with fetched(address) as folder:
        return write_back(write_report(folder).parent, address)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; argparse itself prints the usage as well."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"the command is python -m analysis.report runs/NAME; got: {message}; see --help\n")


def _replace(path: Path, content: bytes) -> None:
    """Writes a file so that a reader sees the old one or the new one, never half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
