"""A study's report: a page that needs nothing else, its figures for print, its front as data.

Run as `python -m analysis.report runs/NAME`.
"""

import argparse
import base64
import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from analysis import figures
from analysis.attack_figures import TITLES, attack_figures
from analysis.departures import departures
from analysis.drawing import INK, LOOKS, OTHER_LOOK, PAPER, STAR, rendered
from analysis.front import confirmed_fronts
from analysis.load import Study, StudyUnreadable, load
from analysis.page import page
from analysis.pictures import draw_pictures
from analysis.remote import fetched, is_address, shown, write_back
from analysis.summary import front_csv, summary

# On a dark page the same hues, lighter; "star" and "other" are no architectures but drawn as well.
DARK: Final = {
    "conv": "#4ba6e0",
    "mlp": "#ff8a3d",
    "resnet": "#2fc79a",
    "vgg": "#e0a3c6",
    "vit": "#ffdc85",
    "star": "#9aa0a9",
    "other": "#8fcdf2",
}
EPILOG: Final = """\
writes into runs/NAME/report:
  index.html                what was found, in words, pictures and tables; needs no other file and no network
  pareto.png, .svg, .pdf    the objectives against each other, with the confirmed front of every architecture
  success.png, .svg         test error against the success rate of the paper's attack
  attacks.png, .svg         the front under attacks with gradients, and under those without
  strength.png, .svg        the paper's attack against the strongest ones, on the same models
  departures.png, .svg      how far adversarial and random perturbations take test images from the manifold
  manifold.png              what a learned manifold makes: reconstructions, samples, adversarial examples
  front.csv, summary.json   the members of the fronts and the hypervolumes, with intervals

A study may be reported while it runs; the page then says that nothing is confirmed yet.

examples:
  python -m analysis.report runs/tradeoff-fonts-20260101-120000
  python -m analysis.report s3://bucket/studies/NAME

exit status: 0 written; 2 wrong usage or no readable study; 1 the report could not be written
"""


def write_report(run_dir: str | Path) -> Path:
    """Writes the report of a study into its folder `report` and returns the path of the page.

    The page is written last, so that a page is never older than what it names.

    Raises:
        StudyUnreadable: where the study's files are missing, damaged or contradictory.
        OSError: where the report cannot be written.
    """
    study = load(run_dir)
    folder = Path(run_dir) / "report"
    folder.mkdir(exist_ok=True)
    pictures = {"pareto": figures.pareto(study), "success": figures.success(study)}
    pictures |= {"departures": departures(study)} if study.distances else {}
    pictures |= attack_figures(study)
    vectors = {name: rendered(figure, "svg") for name, figure in pictures.items()}
    for name, figure in pictures.items():
        _replace(folder / f"{name}.png", rendered(figure, "png"))
        _replace(folder / f"{name}.svg", vectors[name])
    _replace(folder / "pareto.pdf", rendered(pictures["pareto"], "pdf"))
    _replace(folder / "front.csv", front_csv(study).encode())
    _replace(folder / "summary.json", json.dumps(summary(study), indent=2, allow_nan=False).encode())
    manifold = draw_pictures(study.pictures) if study.pictures else b""
    if manifold:
        _replace(folder / "manifold.png", manifold)
    _replace(folder / "index.html", _page(study, vectors, manifold).encode())
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


def _page(study: Study, vectors: dict[str, bytes], manifold: bytes) -> str:
    environment = Environment(
        loader=PackageLoader("analysis"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    looks = LOOKS | {"other": OTHER_LOOK}
    light = {name: look.colour for name, look in looks.items()} | {"star": STAR}
    light |= {f"{name}-letters": look.letters for name, look in looks.items()}
    colours = {name: {"light": colour, "dark": DARK[name.removesuffix("-letters")]} for name, colour in light.items()}
    measured = any(figures.SUCCESS[1] in c.values for front in confirmed_fronts(study) for c in front.candidates)
    return environment.get_template("report.html").render(
        **page(study),
        attack_svgs={
            name: _inline(vectors[name], name, title, light) for name, title in TITLES.items() if name in vectors
        },
        colours=colours,
        departures_svg=_inline(
            vectors["departures"], "departures", "Distances of perturbed images to the manifold", light
        )
        if study.distances
        else "",
        manifold_png=base64.b64encode(manifold).decode(),
        pareto_svg=_inline(vectors["pareto"], "pareto", _title(study), light),
        success_svg=_inline(vectors["success"], "success", "Test error against success rate", light)
        if measured
        else "",
    )


def _title(study: Study) -> str:
    return "Test {} against {}".format(*(objective.label for objective in study.objectives))


def _inline(vector: bytes, name: str, title: str, colours: dict[str, str]) -> Markup:
    """Returns a figure to stand inside the page: ids of its own, and colours that follow the page's."""
    text = vector.decode()
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", text)
    text = text.replace(INK, "var(--ink)").replace(PAPER, "var(--surface)")
    for architecture, colour in colours.items():
        text = text.replace(colour, f"var(--{architecture})")
    # Safe: matplotlib draws letters as outlines, so no text of the study stands in the picture but in comments.
    return Markup(text.replace("<svg", f'<svg role="img" aria-label="{title}"', 1))


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
