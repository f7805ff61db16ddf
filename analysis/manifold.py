"""How good a study's learned manifold is, in words: numbers on the manifold mean nothing without."""

from collections.abc import Mapping
from typing import Any, Final

from analysis.formats import DASH, percent
from analysis.load import Study

MEANINGS: Final[Mapping[str, tuple[str, str]]] = {
    "l2": ("reconstruction, L2", "mean distance of a test image to what the manifold makes of its code"),
    "l1": ("reconstruction, L1", "the same, summed over pixels"),
    "agreement": (
        "label agreement",
        "of the on-manifold adversarial examples at η, those that a reference classifier still takes for their label",
    ),
    "success": ("attack success", "of the reconstructions that a Normal classifier knows, those it loses at η"),
    "error": ("reference error, images", "of a classifier trained on all images that may be learned from"),
    "reconstruction_error": ("reference error, reconstructions", "the same, on what the manifold makes of test images"),
    "sample_error": ("reference error, samples", "the same, on images of random codes"),
    "deviation": ("deviation of codes", "standard deviation, mean over dimensions; η moves a code by so much at most"),
    "cube": ("cube of codes", "nine in ten codes have no number beyond this"),
    "outside": ("outside the box", "test images whose code had to be moved into the latent box"),
}
UNKNOWN: Final = 0.5  # error on reconstructions from which on most of them are not of their class any more
ERRORS: Final = ("agreement", "success", "error", "reconstruction_error", "sample_error", "outside")


def manifold_rows(study: Study) -> list[tuple[str, str, str]]:
    """Returns what was measured of a study's manifold: name, value, meaning; empty where nothing was."""
    if study.manifold is None or not study.manifold["quality"]:
        return []
    quality: Mapping[str, Any] = study.manifold["quality"]
    return [
        (name, _shown(key, quality.get(key)), meaning.replace("η", f"η = {quality['eta']:g}"))
        for key, (name, meaning) in MEANINGS.items()
    ]


def manifold_sentences(study: Study) -> list[str]:
    """Says what the manifold is, and what its numbers can and cannot say."""
    if study.manifold is None:
        return []
    model, quality = study.manifold["model"], study.manifold["quality"]
    if not quality:
        return ["On-manifold numbers are on the manifold that the data was drawn from: every image has a code."]
    learned = "all training images" if model["images"] == "all" else "the very images that the classifiers train on"
    who = "one VAE-GAN for all classes" if model["agnostic"] else "a VAE-GAN for each class"
    without = ", without a discriminator" if not model["gamma"] else ""
    sentences = [
        f"On-manifold numbers are on a manifold learned by {who}{without}, of {model['latent']} latent dimensions, "
        f"from {learned}; it was measured on {quality['images']:,} test images. What an on-manifold attack "
        f"starts from is "
        "the manifold's own image of a code, not the test image."
    ]
    lost, errs = quality["reconstruction_error"], quality["error"]
    if lost is not None and lost >= UNKNOWN:
        sentences.append(
            f"This is hardly a manifold of the data: a reference classifier errs on {percent(lost)} of what it makes "
            f"of test images, and on {percent(errs)} of the images. Learn longer before you read anything on it."
        )
    if model["images"] == "all":
        sentences.append(
            "It has seen more images than the classifiers: whoever trains on it gains from these, too, as in the paper."
        )
    if not model["agnostic"]:
        sentences.append(
            "A decoder of one class is told the label, which alone lets a reference classifier err less on what it "
            "makes; judge the manifold by its distance, its pictures and the label agreement."
        )
    if model.get("kinds"):
        sentences.append("Of other manifolds that trials trained along nothing was measured, nor how good they are.")
    return sentences


def _shown(key: str, value: float | None) -> str:
    if value is None:
        return DASH
    return percent(value) if key in ERRORS else f"{value:.2f}"
