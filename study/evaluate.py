"""The strongest attacks on one model: a study's, or somebody's own.

python -m study.evaluate runs/NAME/models/t0001-0.safetensors
python -m study.evaluate package.module:function --dataset mnist
"""

import io
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from analysis.drawing import rendered
from analysis.robustness import robustness
from analysis.schema import LEDGER
from study.errors import Refused
from study.evaluation_options import Request, read_options
from study.options import shown
from study.storage import provenance
from study.storage.atomic import write_bytes, write_json
from study.talking import say

if TYPE_CHECKING:
    from trainables.evaluation.members import Member
    from trainables.evaluation.quality import Network
    from trainables.evaluation.strong import Evaluation
    from trainables.manifolds.manifold import Manifolds
    from trainables.provision import Data

DONE, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130


class Broke(Exception):  # noqa: N818 - named after what happened
    """Something failed after the attacks had begun."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit status."""
    try:
        _evaluate(read_options(list(sys.argv[1:] if arguments is None else arguments)))
    except (Refused, ValueError, OSError) as reason:
        return _complain(REFUSED, str(reason))
    except Broke as reason:
        return _complain(FAILED, str(reason))
    except KeyboardInterrupt:
        return _complain(INTERRUPTED, "stopped; nothing is kept")
    return DONE


def _evaluate(request: Request) -> None:
    from study.monitoring.evaluation import show_evaluation  # torch takes seconds that --help need not wait for
    from study.subjects import moved_on, of_study, own, source
    from trainables.allocation import ready_to_compute

    ready_to_compute()
    data, trial, console = _data(request), request.trial, Console()
    model = of_study(Path(request.model), trial, data.splits) if trial else own(request.model, data.splits)
    manifolds, notes = moved_on(trial, data, request.manifolds) if trial else (data.manifolds, [])
    given = [source(Path(each), request.data, data.splits) for each in request.sources]
    request.out.mkdir(parents=True, exist_ok=True)
    if request.run_dir:
        provenance.log_test_access(request.run_dir, {"purpose": f"evaluation of {request.name}"})
    ensemble, further = _ensemble(request, data)
    try:
        found, more = _attacked(request, model, given, data, manifolds, further, console)
        plain = {**_about(request, data), "ensemble": ensemble, **found.to_dict(), "notes": [*notes, *more]}
        _write(request.out, plain, found)
    except Exception as error:  # whatever somebody's own model may raise, or a disk
        raise Broke(f"it failed after the attacks had begun: {type(error).__name__}: {error}") from error
    show_evaluation(console, plain)
    say(f"written: {', '.join(str(shown(path)) for path in sorted(request.out.iterdir()))}")


def _data(request: Request) -> "Data":
    from trainables.provision import load_once

    try:
        return load_once(request.data)
    except RuntimeError as error:  # links in a circle, or too little memory
        raise Refused(str(error)) from error


def _ensemble(request: Request, data: "Data") -> tuple[str, "tuple[Member, ...]"]:
    """Returns which attacks are made, and those beyond the ensemble's."""
    from trainables.evaluation.autoattack import INSTALL, PACKAGE, installed, standard_set
    from trainables.evaluation.ensemble import STRENGTHS
    from trainables.evaluation.further import further

    also = further(request.also, STRENGTHS[request.strength])
    own = " with ".join(["own", *([" and ".join(request.also)] if also else [])])
    if not request.autoattack:
        return own, also
    if version := installed():
        return f"{own}, and {PACKAGE} {version}", (*also, *standard_set(data.splits.classes))
    say(f"{PACKAGE} is not installed: the own set of attacks is used alone; {INSTALL} adds AutoAttack's")
    return f"{own}; {PACKAGE} is not installed", also


def _attacked(
    request: Request,
    model: "Network",
    others: Sequence["Network"],
    data: "Data",
    manifolds: "Manifolds",
    further: "tuple[Member, ...]",
    console: Console,
) -> tuple["Evaluation", list[str]]:
    """Returns what attacks have found, and sentences about what somebody should know."""
    from study.monitoring.evaluation import shown_attacks
    from study.subjects import surrogate
    from trainables.evaluation.asked import Subject
    from trainables.evaluation.ensemble import STRENGTHS
    from trainables.evaluation.questions import alone
    from trainables.evaluation.strong import evaluating
    from trainables.evaluation.tally import Tally

    if not others:
        say("training another network, to transfer adversarial images from")
        trained = surrogate(request.data)
        others = [trained] if trained else []
    subject = Subject(classifier=model.classifier, folded=model.folded, split=data.splits.test, tally=Tally())
    with shown_attacks(console) as watch:
        found = alone(
            evaluating(
                subject,
                manifolds,
                request.threat_model,
                STRENGTHS[request.strength],
                request.seed,
                attacked=request.attacked,
                surrogates=others,
                further=further,
                watch=watch,
            )
        )
    return found, [] if others else ["the other network collapsed: no images were transferred from it"]


def _about(request: Request, data: "Data") -> dict[str, Any]:
    """Returns what a reader of the numbers wants to know beside them."""
    from trainables.evaluation.ensemble import STRENGTHS

    dataset = asdict(request.data)
    source = dataset.pop("source")
    return {
        "model": request.name,
        "given": request.model,
        "dataset": dataset | {"source_name": Path(source).name if source else "bundled typefaces"},
        "data_fingerprint": data.fingerprint,
        "threat_model": asdict(request.threat_model),
        "strength": {"name": request.strength, **asdict(STRENGTHS[request.strength])},
        "seed": request.seed,
        "command": request.command,
        "versions": provenance.versions(),
        "git_commit": provenance.git_commit(),
        "hardware": provenance.hardware(),
        "written": provenance.now(),
    }


def _write(out: Path, plain: dict[str, Any], found: "Evaluation") -> None:
    """Writes evaluation.json last: what it names is there."""
    from trainables.evaluation.ledger import ledger_rows

    figure, sink = robustness(plain), io.BytesIO()
    for kind in ("png", "svg"):
        write_bytes(out / f"curve.{kind}", rendered(figure, kind))
    pq.write_table(pa.Table.from_pylist(ledger_rows(found), schema=LEDGER), sink)
    write_bytes(out / "ledger.parquet", sink.getvalue())
    write_json(out / "evaluation.json", plain)


def _complain(status: int, text: str) -> int:
    print(f"study.evaluate: {' '.join(text.split())}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
