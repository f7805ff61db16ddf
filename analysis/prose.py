"""The sentences of a study's page: what was found in plain words, and what the figures show."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from analysis.choices import comparisons_of
from analysis.comparison import Comparison
from analysis.drawing import model_name
from analysis.figures import trials_outside, validation_points
from analysis.formats import DASH, dataset_name, listed, norm_name, plural, with_ends
from analysis.front import VIOLATES, Candidate, ConfirmedFront
from analysis.load import Study
from analysis.objectives import Objective, corner_of
from analysis.paper_reference import comparable_points

BEYOND_THE_IMAGE: Final = {
    "on_manifold_error": ("under changes of an image's code on the data's manifold", "on the manifold"),
    "affine_error": (
        "under translation, shear, scale and rotation of the image",
        "for affine transformations of the image",
    ),
}
"""Metrics of the threats whose radius is eta: what their adversary does, and where eta holds."""
TWO_STEPS: Final = {
    "RandTrue": "two optimiser steps a batch where ours takes one",
    "DataAugm": "two optimiser steps a batch where ours takes one, and draws its transformations around zero, which "
    "enlarges every image, where ours draws them around no change",
}
"""Published methods that differ from ours of the same name, and how."""

NOTABLE: Final = 0.05  # the level at which a difference is told
CHANCES: Final = (
    "Chance: that of being on the front when all candidates of the network are trained with one more seed, estimated "
    "from by how much they dominate each other in each seed; 95 % intervals."
)


def pareto_caption(study: Study, fronts: Sequence[ConfirmedFront]) -> str:
    """Says what the figure of the front shows: n, method and threat model."""
    known = len(validation_points(study))
    dots = f"Small dots: the {known} of {plural(len(study.trials), 'trial')} that gave a result, on validation"
    outside = trials_outside(study)
    dots += f"; {outside} of them outside the axes." if outside else "."
    if not _confirmed(fronts):
        return f"{_panels(fronts)}{dots} {_how_measured(study)}"
    repeated = " Pale lines repeat the fronts of the other networks." if _panels(fronts) else ""
    points = (
        f"Large points: configurations retrained with {_seeds(fronts)} and measured on the test split. "
        f"{bars_meaning(fronts)} "
        "Filled: no other confirmed configuration of the same architecture is as good in both axes and better in "
        f"one; the line bounds what these points dominate.{repeated}"
    )
    return f"{_panels(fronts)}{points} {dots} {_how_measured(study)}"


def success_caption(study: Study, fronts: Sequence[ConfirmedFront]) -> str:
    """Says what the comparison with the paper shows, and why its points are missing where they are."""
    threat, attempts = study.config["threat_model"], study.evaluation.get("paper_attempts", DASH)
    own = (
        f"{_panels(fronts)}Success rate of the paper's attack: 40 steps of projected Adam at "
        f"{norm_name(threat['norm'])} ε = {threat['epsilon']:g}, over correctly classified test images, "
        f"mean over {attempts} attempts; {_seeds(fronts)} a point. {bars_meaning(fronts)}"
    )
    comparison = comparable_points(study)
    if comparison.reason:
        return f"{own} The paper's points are not drawn: {comparison.reason}."
    data, methods = study.config["dataset"], [point.method for point in comparison.points]
    fewer = listed([point.method for point in comparison.points if "trade-off" in point.provenance])
    others = [f"{method} takes {step}" for method, step in TWO_STEPS.items() if method in methods]
    return (
        f"{own} Stars: the points that Stutz, Hein and Schiele (CVPR 2019, arXiv 1812.00740) published for their conv "
        f"network at {data['n_train']:,} training images of {dataset_name(data)}, read from their figures; means over "
        f"5 models{f' (3 for {fewer})' if fewer else ''}, trained by the paper's schedule"
        f"{' on typefaces of its own' if data['dataset'] == 'fonts' else ''}."
        f"{''.join(f' Their {other}.' for other in others)}"
    )


def what_ran(study: Study) -> str:
    """Says in one sentence what was trained."""
    data, states = study.config["dataset"], study.trials["state"].to_pylist()
    number = study.trials["replicate_of"].null_count  # others repeat one of these with another seed
    networks = [model_name(architecture, study.width(architecture), ()) for architecture in study.architectures]
    return (
        f"{plural(number, 'configuration')} of {listed(networks)} {'was' if number == 1 else 'were'} trained on "
        f"{_images(study)} of {dataset_name(data)}; {states.count('COMPLETE')}"
        f"{'' if len(states) == number else f' of {len(states)} trainings'} gave a result.{_of_epoch(study)}"
    )


def _of_epoch(study: Study) -> str:
    lowest = {"best-clean": "error", "best-robust": "robust error"}.get(study.config.get("checkpoint", ""))
    if lowest is None:
        return ""
    return f" Every model is of the epoch at which its {lowest} on validation was lowest, and not of its last."


def _images(study: Study) -> str:
    learned = study.config["manifold"]["images"] if study.config.get("space") == "manifold" else "n"
    return "all training images" if learned == "all" else f"{study.config['dataset']['n_train']:,} images"


def what_was_found(study: Study, fronts: Sequence[ConfirmedFront]) -> str:
    """Says in one sentence which confirmed configurations are the best, or why there is none."""
    if not len(study.confirmations):
        return (
            "No candidate has been retrained and measured on the test split, so every number here is from validation "
            "and flatters: the study is still running, or was started with --no-confirm."
        )
    flagged = sum(len(front.flagged) for front in fronts)
    if not _confirmed(fronts) and flagged:
        return (
            f"No candidate counts: strong attacks leave {plural(flagged, 'confirmed candidate')} doubtful (see below)."
        )
    reasons = [reason for front in fronts for _, reason in front.excluded]
    if not _confirmed(fronts) and any(reason.startswith(VIOLATES) for reason in reasons):
        both = _both(study)
        return f"No confirmed candidate keeps to the study's constraints and gave {both} with every seed (see below)."
    if not _confirmed(fronts):
        return f"No candidate has been confirmed: none gave {_both(study)} with every seed (see below)."
    one, other = study.objectives
    first = min(_confirmed(fronts), key=lambda c: c.means)
    second = min(_confirmed(fronts), key=lambda c: c.means[::-1])
    start = (
        f"Of the {plural(len(_confirmed(fronts)), 'candidate')} that were retrained with {_seeds(fronts)} and "
        f"measured on test images that the search never saw, {_best(first, one, 0)} ({_value(first, other, 1)})"
    )
    if first is second:
        return f"{start}, and the lowest {other.label} as well."
    return f"{start}; {_best(second, other, 1)} ({_value(second, one, 0)})."


def how_much(study: Study, fronts: Sequence[ConfirmedFront]) -> str:
    """Says in one sentence how large the confirmed fronts are, or how low the errors on validation."""
    volumes = [f"{f.architecture} {with_ends(f.hypervolume)}" for f in fronts if f.hypervolume]
    if volumes:
        several = any(front.hypervolume and front.hypervolume.n > 1 for front in fronts)
        sure = (
            "brackets: 95 % intervals over seeds, Student's t in Wilson's form"
            if several
            else "one seed, so no interval"
        )
        return (
            f"Hypervolume, the part of the plane of {_both(study)} up to {corner_of(study.objectives)} that the "
            f"candidates dominate (more is better; {sure}): {listed(volumes)}."
        )
    found = [
        [value for value in study.trials[objective.on_validation].to_pylist() if value is not None and value == value]
        for objective in study.objectives
    ]
    if not all(found):
        return "No trial has given a result yet."
    lowest = [f"{o.label} {o.shown(min(values))}" for o, values in zip(study.objectives, found, strict=True)]
    return f"The lowest values on validation: {listed(lowest)}."


def which_lead(fronts: Sequence[ConfirmedFront]) -> str:
    """Says which networks' hypervolumes differ; empty where shared seeds cannot tell."""
    compared = comparisons_of(tuple(fronts))
    if not compared:
        return ""
    apart = [_apart(found) for found in compared if found.adjusted <= NOTABLE]
    tested = "paired over shared seeds by Student's t"
    if len(compared) > 1:
        tested += f", {len(compared)} comparisons corrected by Holm"
    differ = f"Hypervolumes that differ at {100 * NOTABLE:g} % ({tested}): {listed(apart)}." if apart else ""
    return differ or f"No difference of hypervolumes was shown at {100 * NOTABLE:g} % ({tested})."


def _apart(found: Comparison) -> str:
    one, other = (found.one, found.other) if found.difference.mean > 0 else (found.other, found.one)
    return f"{one} above {other} by {abs(found.difference.mean):.3f}"


def _both(study: Study) -> str:
    return listed([objective.label for objective in study.objectives])


def _best(candidate: Candidate, objective: Objective, axis: int) -> str:
    value = objective.shown(candidate.means[axis])
    return f"{candidate.name} ({candidate.architecture}) has the lowest {objective.label}: {value}"


def _value(candidate: Candidate, objective: Objective, axis: int) -> str:
    return f"{objective.label} {objective.shown(candidate.means[axis])}"


def _how_measured(study: Study) -> str:
    """Says what the objectives are, and under which threat model."""
    told = {"robust_error": _threat, "reconstruction_l2": _reconstruction, "label_disagreement": _disagreement}
    return " ".join(told[each.name](study) for each in study.objectives if each.name in told)


def _reconstruction(study: Study) -> str:
    return (
        "Reconstruction L2: the length of an image minus what the manifold makes of its code, images of range [0, 1], "
        f"mean over the {study.evaluation['split']} images."
    )


def _disagreement(study: Study) -> str:
    threat, by = study.config["threat_model"], study.evaluation
    return (
        f"Label disagreement: a Normal classifier was attacked on the manifold ({norm_name(threat['norm'])}, η = "
        f"{threat['eta']:g}, PGD with {by['steps']} steps, {by['n_attacked']} images); of the adversarial examples it "
        "is the fraction that a classifier trained on all images that may be learned from no longer takes for their "
        "label, and 1 where there is no such example."
    )


def _threat(study: Study) -> str:
    threat, by = study.config["threat_model"], study.evaluation
    steps = "signed" if threat["norm"] == "linf" else "normalised"
    starts = "one random start" if by["restarts"] == 1 else f"the worst of {by['restarts']} random starts"
    radii = ", ".join(f"{radius:.3g}" for radius in study.radii)
    return (
        f"Threat model: {norm_name(threat['norm'])}, ε = {threat['epsilon']:g} in images of range [0, 1], "
        f"η = {threat['eta']:g} {_where_eta_holds(study)}. "
        f"Robust error: the fraction of {by['n_attacked']} attacked images that are misclassified clean or by PGD "
        f"with {by['steps']} {steps} steps ({starts}), mean over the radii {radii}{_and_the_papers(by)}."
    )


def _where_eta_holds(study: Study) -> str:
    places = [place for metric, (_, place) in BEYOND_THE_IMAGE.items() if study.measures(metric)]
    return listed(places) or "(nothing was measured with it)"


def conditions(study: Study, by: Mapping[str, Any] | None = None) -> str:
    """Says in short what a chart's numbers were measured under: attack, images, threat model.

    Args:
        study: whose chart it is.
        by: how; the way of the shown errors where it is None.
    """
    threat, how = study.config["threat_model"], by or study.evaluation
    model = f"{norm_name(threat['norm'])}, ε = {threat['epsilon']:g}, η = {threat['eta']:g}"
    return f"Measured on {how['n_attacked']} attacked images by PGD with {how['steps']} steps; threat model: {model}."


def retrained(fronts: Sequence[ConfirmedFront]) -> str:
    """Says how many candidates were retrained with how many seeds."""
    return f"{plural(len(_confirmed(fronts)), 'candidate')}, each retrained with {_seeds(fronts)}."


def metrics_meaning(study: Study) -> str:
    """Says in one sentence what the errors are that no figure shows; empty where there are none."""
    by, norm = study.evaluation, norm_name(study.config["threat_model"]["norm"])
    shown = [(name, under) for name, (under, _) in BEYOND_THE_IMAGE.items() if study.measures(name)]
    if not shown:
        return ""
    radii = listed([f"{study.config['threat_model']['eta'] * part:.3g}" for part in by["radii"]])
    errors = ", ".join(f"{name.removesuffix('_error').replace('_', '-')} error is {under}" for name, under in shown)
    mean = "each is a mean" if len(shown) > 1 else "a mean"
    return f"Beyond the pixels, by the same attack: {errors}; {mean} over the radii {radii} ({norm})."


def _panels(fronts: Sequence[ConfirmedFront]) -> str:
    return "One panel for each network, all on the same axes. " if len(fronts) > 1 else ""


def _and_the_papers(by: Mapping[str, Any]) -> str:
    if not by.get("paper_attempts") or by["radii"][-1] < 1:
        return ""
    attempts = plural(by["paper_attempts"], "attempt")
    return f"; at the largest, what the paper's attack breaks counts too (the worst of {attempts})"


def bars_meaning(fronts: Sequence[ConfirmedFront]) -> str:
    """Says what error bars and brackets are at the study's numbers of seeds."""
    numbers = {len(candidate.seeds) for candidate in _confirmed(fronts)}
    if not numbers:
        return ""
    kinds = {
        "One seed allows no error bar.": 1 in numbers,
        "Bars and brackets of errors: the range over the two seeds; of hypervolumes: 95 % t intervals.": 2 in numbers,
        "Bars and brackets: 95 % Student's t intervals (in Wilson's form) of the mean over further seeds, on the same "
        "images; none where all seeds agree.": max(numbers) > 2,
    }
    return " ".join(text for text, holds in kinds.items() if holds)


def _confirmed(fronts: Sequence[ConfirmedFront]) -> list[Candidate]:
    return [candidate for front in fronts for candidate in front.candidates]


def _seeds(fronts: Sequence[ConfirmedFront]) -> str:
    numbers = sorted({len(candidate.seeds) for candidate in _confirmed(fronts)}) or [0]
    return plural(numbers[0], "fresh seed") if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]} fresh seeds"
