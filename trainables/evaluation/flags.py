"""What makes an evaluation doubtful, as a name for tables and a sentence of evidence.

Signs of masked gradients by Athalye, Carlini and Wagner 2018 (arXiv 1802.00420, section 3.1) and Carlini et al. 2019
(arXiv 1902.06705), and of models that are broken in other ways. Each check is a function of what was seen
and says nothing where all is well. A flag does not say that a model is not robust: it says that its numbers are no
evidence that it is.
"""

from typing import NamedTuple

from trainables.config import ThreatName
from trainables.evaluation.curve import Curve
from trainables.evaluation.inspection import FLAT, NOISE, Inspection

SATURATED = 0.95  # errors above it have no room to rise in
FEW = 0.1  # of the gradients may be zero: a few dead units are no mask
REPEATABLE = 1e-3  # relative difference of logits: orders of summation differ by 1e-5 at most in single precision
PROBABILITIES = 0.5  # of the images must look so: no network's logits sum to 1 by chance, let alone half of them
BEATEN, BEATEN_BY = 3, 0.05  # examples, and a fraction of them: any two searches differ in a few
JUMP = 0.1  # of the error, under noise that nobody sees: a trained network's changes by .02 at most
RISE, GROWN = 0.01, 1.5  # of the error, by half of the radius more, where much may be changed already
ENOUGH = 10  # examples that are left: of fewer it may be luck that none falls
CONSIDERABLE = 1 / 4  # of the radius at which everything may be changed: robust networks of MNIST end at about .3 of it
NEARLY_ALL = 0.98  # must be lost where everything may be changed: any image of another class would do
STEPS_RISE = 0.02  # of the error by ten times as many steps of the same length, at a radius where attacks succeed
COLLAPSED = 0.99  # of the predictions are the same one
DEVIATIONS = 2  # of an error by chance: as many below it may be luck


class Flag(NamedTuple):
    """A doubt.

    Attributes:
        name: for tables; it never changes.
        evidence: a sentence with what was measured and the threshold.
        threat: whose numbers it leaves doubtful; if it is "pixel", all.
    """

    name: str
    evidence: str
    threat: ThreatName = "pixel"


# -- of the model itself ---------------------------------------------------------------------------------------------


def logits_not_finite(seen: Inspection) -> Flag | None:
    """Weights that are NaN, or overflow."""
    if seen.not_finite == 0:
        return None
    share = _share(seen.not_finite, seen.images)
    return Flag("logits_not_finite", f"logits of {share} are not finite (threshold 0)")


def logits_are_probabilities(seen: Inspection) -> Flag | None:
    """A softmax at the end: losses take another softmax of it, and gradients shrink."""
    if seen.probabilities <= PROBABILITIES:
        return None
    share = _share(seen.probabilities, seen.images)
    return Flag(
        "logits_are_probabilities", f"logits of {share} lie in [0, 1] and sum to 1 (threshold {PROBABILITIES:.0%})"
    )


def randomised_predictions(seen: Inspection) -> Flag | None:
    """Noise, dropout or random transformations: one gradient is one draw of many."""
    if seen.unrepeatable <= REPEATABLE:
        return None
    return Flag(
        "randomised_predictions",
        f"logits of the same images differ by {seen.unrepeatable:.2g} of the largest between passes (threshold "
        f"{REPEATABLE:g}); attacks and errors are those of the mean prediction over several passes",
    )


def batch_dependent(seen: Inspection) -> Flag | None:
    """Batch statistics: an attacked batch is another batch. Random predictions cannot be told from these."""
    if seen.dependent <= REPEATABLE or seen.unrepeatable > REPEATABLE:
        return None
    return Flag(
        "batch_dependent",
        f"logits of the same images differ by {seen.dependent:.2g} of the largest beside other images (threshold "
        f"{REPEATABLE:g}), as with batch normalisation in training mode",
    )


def zero_gradients(seen: Inspection) -> Flag | None:
    """Saturation, rounding, or a network cut off from its input."""
    if seen.flat <= FEW:
        return None
    return Flag(
        "zero_gradients",
        f"the gradient of the margin is zero at {_share(seen.flat, seen.gradients)} (threshold {FEW:.0%}): it promises "
        f"less than {FLAT:g} of the margin over the whole range of all pixels",
    )


def gradients_not_finite(seen: Inspection) -> Flag | None:
    """Gradients that overflow, or divide by zero."""
    if seen.broken == 0:
        return None
    share = _share(seen.broken, seen.gradients)
    return Flag("gradients_not_finite", f"the gradient of the margin is not finite at {share} (threshold 0)")


def blind_cross_entropy(seen: Inspection) -> Flag | None:
    """Logits so large that the softmax has no gradient left: attacks on the cross-entropy see nothing."""
    if seen.blind <= FEW:
        return None
    return Flag(
        "blind_cross_entropy",
        f"at {_share(seen.blind, seen.gradients)} the gradient of the cross-entropy is exactly zero, and that of the "
        f"margin is not (threshold {FEW:.0%}): the search's and the paper's attack see nothing there",
    )


def noise_breaks_it(seen: Inspection) -> Flag | None:
    """A detector of clean inputs: right on the images of the test set, and on nothing beside them.

    Errors of random predictions differ between passes, with noise and without.
    """
    if seen.noisy_error - seen.error <= JUMP or seen.unrepeatable > REPEATABLE:
        return None
    return Flag(
        "noise_breaks_it",
        f"uniform noise of {NOISE:g} alone raises the error from {seen.error:.3f} to {seen.noisy_error:.3f} "
        f"(threshold: by {JUMP:g})",
    )


def chance_level(seen: Inspection, error: float) -> Flag | None:
    """A model that has collapsed cannot be made worse."""
    if error < seen.chance - DEVIATIONS * seen.scatter and seen.commonest < COLLAPSED:
        return None
    return Flag(
        "chance_level",
        f"the error is {error:.3f}, that of the best constant prediction {seen.chance:.3f} (threshold: {DEVIATIONS} x "
        f"{seen.scatter:.3f} below it), and "
        f"{_share(seen.commonest, seen.images)} are taken for the same class (threshold {COLLAPSED:.0%})",
    )


# -- of what attacks found -------------------------------------------------------------------------------------------


def black_box_beats_white_box(name: ThreatName, curve: Curve, attacked: int) -> Flag | None:
    """Who knows less finds more: gradients mislead. Images from another network count as a black box."""
    ahead = [black - white for black, white in zip(curve.black_box, curve.white_box, strict=True)]
    most = max(range(len(ahead)), key=ahead.__getitem__)
    if ahead[most] <= BEATEN_BY or round(ahead[most] * attacked) < BEATEN:
        return None
    return Flag(
        "black_box_beats_white_box",
        f"{name}: at radius {curve.radii[most]:.3g} the error is {curve.black_box[most]:.3f} under attacks without the "
        f"model's gradients, and {curve.white_box[most]:.3f} under those with them (threshold: {BEATEN_BY:g} more)",
        name,
    )


def radius_does_not_help(curve: Curve, attacked: int) -> Flag | None:
    """A ball half as large again does not raise the error, where many are left and much may be changed already."""
    points = list(zip(curve.radii, curve.white_box, strict=True))
    for inner, low in points:
        outer, high = next(((radius, error) for radius, error in points if radius >= GROWN * inner), (inner, low + 1))
        level = low < SATURATED and high - low < RISE and round((1 - low) * attacked) >= ENOUGH
        if level and inner >= CONSIDERABLE * curve.whole:
            return Flag(
                "radius_does_not_help",
                f"under attacks with gradients the error is {low:.3f} at radius {inner:.3g} and {high:.3f} at "
                f"{outer:.3g} (threshold: {RISE:g} more)",
            )
    return None


def error_below_one(curve: Curve, attacked: int) -> Flag | None:
    """An attack that may change everything must succeed."""
    left = round((1 - curve.worst[-1]) * attacked)
    if curve.radii[-1] < curve.whole or curve.worst[-1] >= NEARLY_ALL or left < BEATEN:
        return None
    return Flag(
        "error_below_one",
        f"at radius {curve.radii[-1]:.3g}, where all pixels may be changed at will, the error is {curve.worst[-1]:.3f} "
        f"(threshold {NEARLY_ALL:g})",
    )


class Steps(NamedTuple):
    """Errors of one attack by its number of steps, all of one length, at a radius where attacks succeed."""

    radius: float
    few: int
    error_of_few: float
    many: int
    error_of_many: float


def steps_do_not_help(steps: Steps | None, attacked: int) -> Flag | None:
    """More steps, as long as the others, do not raise the error, where many are left."""
    if steps is None or steps.error_of_few >= SATURATED or steps.error_of_many - steps.error_of_few > STEPS_RISE:
        return None
    if round((1 - steps.error_of_few) * attacked) < ENOUGH:
        return None
    return Flag(
        "steps_do_not_help",
        f"at radius {steps.radius:.3g} the error is {steps.error_of_many:.3f} after {steps.many} gradient steps, and "
        f"{steps.error_of_few:.3f} after {steps.few} of the same length (threshold: {STEPS_RISE:g} more)",
    )


def reconstruction_gap(name: ThreatName, clean: float, rendered: float, attacked: float) -> Flag | None:
    """A manifold that changes the error by more than all of the error under attack there.

    Args:
        name: of the threat.
        clean: error on the images.
        rendered: error on what the manifold makes of them.
        attacked: error under attack there.
    """
    gap = abs(rendered - clean)
    if gap <= attacked:
        return None
    return Flag(
        "reconstruction_gap",
        f"{name}: the error is {clean:.3f} on images and {rendered:.3f} on what the manifold makes of them: a gap of "
        f"{gap:.3f}, larger than the error under attack there, {attacked:.3f}",
        name,
    )


OF_MODEL = (
    logits_not_finite,
    logits_are_probabilities,
    randomised_predictions,
    batch_dependent,
    zero_gradients,
    gradients_not_finite,
    blind_cross_entropy,
    noise_breaks_it,
)


def of_model(seen: Inspection, error: float) -> list[Flag]:
    """Returns the flags of a model that nobody has attacked."""
    return _raised(*(check(seen) for check in OF_MODEL), chance_level(seen, error))


def of_attacks(curve: Curve, attacked: int, steps: Steps | None) -> list[Flag]:
    """Returns the flags of attacks on the image."""
    return _raised(
        black_box_beats_white_box("pixel", curve, attacked),
        radius_does_not_help(curve, attacked),
        error_below_one(curve, attacked),
        steps_do_not_help(steps, attacked),
    )


def of_manifold(name: ThreatName, clean: float, curve: Curve, eta: float, attacked: int) -> list[Flag]:
    """Returns the flags of attacks on codes.

    There an error need not come to 1: what is moved on the manifold of a class stays in it.

    Args:
        name: of the threat.
        clean: error on the images.
        curve: of errors on the manifold.
        eta: the study's radius.
        attacked: examples.
    """
    return _raised(
        black_box_beats_white_box(name, curve, attacked),
        reconstruction_gap(name, clean, curve.worst[0], curve.at(eta)),
    )


def _raised(*flags: Flag | None) -> list[Flag]:
    return [flag for flag in flags if flag]


def _share(fraction: float, images: int) -> str:
    return f"{fraction:.0%} of {images} clean images"
