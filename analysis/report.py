"""A study's report: a page that needs nothing else, its figures for print, its front as data.

Run as `python -m analysis.report runs/NAME`; of several studies it writes how they compare.
"""

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final, NoReturn

from matplotlib.figure import Figure

from analysis.drawing import PRINTED, rendered
from analysis.exports import front_csv, front_tex
from analysis.following import follow
from analysis.load import StudyUnreadable, load
from analysis.page import sections, study_page
from analysis.remote import fetched, is_address, shown, write_back
from analysis.summary import summary
from analysis.versus import lettered, versus, versus_json
from analysis.versus_page import versus_figure, versus_page

WRITTEN, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130
EPILOG: Final = """\
writes into runs/NAME/report:
  index.html                  what was found, in words, charts and tables; needs no other file and no network
  pareto.svg, .pdf, .png      the objectives against each other, with the confirmed front of every architecture
  bands.svg, ...              what the fronts attain over seeds, and where one network attains more than another
  success.svg, ...            test error against the success rate of the paper's attack
  mixtures.svg, ...           the weights of the losses along every front
  cost.svg, ...               hypervolume on validation against what the search took
  attacks.svg, ...            the front under attacks with gradients, and under those without
  strength.svg, ...           the paper's attack against the strongest ones, on the same models
  departures.svg, ...         how far adversarial and random perturbations take test images from the manifold
  manifold.png                what a learned manifold makes: reconstructions, samples, adversarial examples
  front.csv, .tex             the members of the fronts with intervals; a table for LaTeX with booktabs
  summary.json                the same and more: hypervolumes, chances, choices

of several studies, into the report of the first:
  comparison.html, .svg, .pdf, .png, .json
                              their fronts on the same axes, differences of attainment and of hypervolumes, cost

A study may be reported while it runs; the page then says that nothing is confirmed yet. With --watch it is written
again whenever the study has changed, and pages reload themselves, until no driver is at work on it.

examples:
  python -m analysis.report runs/tradeoff-fonts-20260101-120000
  python -m analysis.report runs/tpe runs/random --figures pdf
  python -m analysis.report s3://bucket/studies/NAME

exit status: 0 written; 2 wrong usage or no readable study; 1 the report could not be written; 130 stopped by Ctrl-C
"""


def write_report(run_dir: str | Path, refresh: int | None = None, printed: Sequence[str] = PRINTED) -> Path:
    """Writes the report of a study into its folder `report` and returns the path of the page.

    The page is written last, so that a page is never older than what it names.

    Args:
        run_dir: the study's folder.
        refresh: seconds after which a browser loads the page anew, or None where it is final.
        printed: kinds of files that figures are written as.

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
            _print(folder, name, draw, printed)
        for name, content in part.files.items():
            _replace(folder / name, content)
    found = summary(study)
    if not study.is_grid:
        _replace(folder / "front.csv", front_csv(found).encode())
        _replace(folder / "front.tex", front_tex(found).encode())
    _replace(folder / "summary.json", json.dumps(found, indent=2, allow_nan=False).encode())
    _replace(folder / "index.html", study_page(study, parts, refresh, printed).encode())
    return folder / "index.html"


def write_comparison(
    run_dirs: Sequence[str | Path], refresh: int | None = None, printed: Sequence[str] = PRINTED
) -> Path:
    """Writes how studies compare into the folder `report` of the first and returns the path of the page.

    Args:
        run_dirs: the studies' folders, at least two.
        refresh: seconds after which a browser loads the page anew, or None where it is final.
        printed: kinds of files that the figure is written as.

    Raises:
        StudyUnreadable: where a study's files are missing, damaged or contradictory, or their objectives differ.
        OSError: where the comparison cannot be written.
    """
    every = lettered([load(run_dir) for run_dir in run_dirs])
    folder = Path(run_dirs[0]) / "report"
    folder.mkdir(exist_ok=True)
    found = versus(every)
    _print(folder, "comparison", partial(versus_figure, every), printed)
    _replace(folder / "comparison.json", json.dumps(versus_json(every, found), indent=2, allow_nan=False).encode())
    _replace(folder / "comparison.html", versus_page(every, found, refresh, printed).encode())
    return folder / "comparison.html"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit status."""
    given = _read_options(arguments)
    places = given.studies
    try:
        with ExitStack() as stack:
            folders = [stack.enter_context(fetched(place)) if is_address(place) else Path(place) for place in places]
            written = _write(folders, given.figures, watch=given.watch)
            print(write_back(written, places[0]) if is_address(places[0]) else written)
    except StudyUnreadable as reason:
        print(reason, file=sys.stderr)
        return REFUSED
    except OSError as reason:
        place = shown(places[0]) if is_address(places[0]) else str(Path(places[0]) / "report")
        said = " ".join(str(reason).split())
        print(f"the report must be writable at {place}; got: {said}; free the folder", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    return WRITTEN


def _read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _Parser(
        prog="python -m analysis.report",
        description="Draws and tells what a study has found, or how studies compare, from the tables in their folders.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "studies", metavar="runs/NAME", nargs="+", help="a study's folder, or its address: s3://bucket/NAME"
    )
    parser.add_argument("--watch", action="store_true", help="write it again whenever the study changes, until it ends")
    parser.add_argument(
        "--figures", metavar="KIND", nargs="+", choices=PRINTED, default=PRINTED,
        help="kinds of files for print: pdf, svg, png (default: all three)",
    )  # fmt: skip
    given = parser.parse_args(arguments)
    if given.watch and any(map(is_address, given.studies)):
        parser.error("--watch is of studies in folders; watch where the study runs, or leave --watch out")
    return given


def _write(folders: Sequence[Path], printed: Sequence[str], *, watch: bool) -> Path:
    """Writes the report of one study or the comparison of several, once or until they end, and returns its page."""
    write: Callable[[int | None], Path] = (
        partial(write_report, folders[0], printed=printed)
        if len(folders) == 1
        else partial(write_comparison, folders, printed=printed)
    )
    if watch:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        follow(folders, write)
    page = folders[0] / "report" / ("index.html" if len(folders) == 1 else "comparison.html")
    return page if watch else write(None)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; argparse itself prints the usage as well."""

    def error(self, message: str) -> NoReturn:
        self.exit(REFUSED, f"the command is python -m analysis.report runs/NAME ...; got: {message}; see --help\n")


def _print(folder: Path, name: str, draw: Callable[[], Figure], printed: Sequence[str]) -> None:
    figure = draw()
    for kind in printed:
        _replace(folder / f"{name}.{kind}", rendered(figure, kind))


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
