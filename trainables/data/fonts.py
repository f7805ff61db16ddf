"""FONTS: the letters A to J in many typefaces, moved by affine transformations that are known exactly.

Stutz, Hein and Schiele, CVPR 2019 (arXiv 1812.00740), section 3.1 and supplementary material A.1. A stored example is
a typeface, a letter and six parameters theta = (t_x, t_y, shear_x, shear_y, scale, rotation); its image is made when
it is asked for. Unlike the paper, where only the first faces are attacked,
every prefix of a validation or test split is balanced over letters and spread over all faces.
"""

import hashlib
from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor

from trainables.config import DataConfig
from trainables.data.ranges import FONT_RANGES
from trainables.data.split import Split, Splits
from trainables.seeding import stream

LETTERS = 10
DRAWING = 2  # counts how examples were drawn so far: whoever draws others for an equal config counts on
LOOKED_AT = 100  # of a pool, to name it by
POOL = 60_000  # images to learn a manifold from, of as many as one likes; the paper takes 960,000
Render = Callable[[Tensor, Tensor], Tensor]
Later = Callable[[int], torch.Generator]
"""Gives the random stream of a further round through the faces."""


class FontSplit(Split):
    """Typefaces, letters and transformations.

    Attributes:
        theta: (examples, 6), raw units.
        glyphs: (examples, 2): the face's index and the letter's; the letter is the label.
        render: makes images of theta and glyphs.
    """

    def __init__(self, theta: Float[Tensor, "n 6"], glyphs: Int[Tensor, "n 2"], render: Render) -> None:
        self.theta, self.glyphs, self.render = theta, glyphs, render
        self.labels = glyphs[:, 1]

    def images(self, indices: Int[Tensor, "batch"]) -> Float[Tensor, "batch channel height width"]:
        return self.render(self.theta[indices], self.glyphs[indices])


def _spread_glyphs(examples: int, faces: int, rng: torch.Generator, later: Later) -> Int[Tensor, "n 2"]:
    """Letters take turns; each letter goes through all faces in random order before one comes again.

    More examples begin with the fewer ones, since every further round is drawn from a stream of its own.
    """
    per_letter = -(-examples // LETTERS)
    streams = [rng, *map(later, range(1, -(-per_letter // faces)))]
    rounds = [torch.stack([torch.randperm(faces, generator=each) for _ in range(LETTERS)]) for each in streams]
    orders = torch.cat(rounds, dim=1)
    face = orders[:, :per_letter].T.reshape(-1)[:examples]
    return torch.stack([face, torch.arange(examples) % LETTERS], dim=1)


def _first_glyphs(examples: int, faces: int, rng: torch.Generator, _later: Later) -> Int[Tensor, "n 2"]:
    """The paper's order: all letters of the first face, then of the next, and again from the first.

    As there, the order of the faces is a random permutation: alphabetically, families would come together.
    """
    rows, order = torch.arange(examples), torch.randperm(faces, generator=rng)
    return torch.stack([order[(rows // LETTERS) % faces], rows % LETTERS], dim=1)


def _drawn(split: FontSplit) -> str:
    """Names what is drawn by a few examples: the images as bytes, so that all of the code that makes them counts."""
    images = (255 * split.images(torch.arange(len(split)))).round().to(torch.uint8)
    return hashlib.sha256(images.numpy().tobytes() + split.labels.numpy().tobytes()).hexdigest()


def make_splits(config: DataConfig, faces: int, render: Render) -> Splits:
    """Draws the examples of all three splits, each from a stream of its own.

    No example is in two splits: their thetas are drawn independently from continuous distributions. The faces are
    shared, as in the paper.
    """
    low, high = FONT_RANGES[str(config.variant)].box()

    def split(name: str, examples: int) -> FontSplit:
        source = partial(stream, config.seed, "fonts", str(config.variant), name)
        choose = _first_glyphs if name == "train" and config.subset == "first" else _spread_glyphs
        rng = source()
        glyphs = choose(examples, faces, rng, partial(source, "round"))
        theta = low + (high - low) * torch.rand(examples, 6, generator=rng)
        return FontSplit(theta, glyphs, render)

    return Splits(
        train=split("train", config.n_train),
        validation=split("validation", config.n_validation),
        test=split("test", config.n_test),
        classes=LETTERS,
        image_shape=(1, 28, 28),
        pool=lambda most=POOL: split("pool", min(most, POOL)),
        pool_fingerprint=_drawn(split("pool", LOOKED_AT)),
    )
