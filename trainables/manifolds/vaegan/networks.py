"""The three networks of a VAE-GAN as pure functions of their parameters.

Stutz, Hein and Schiele, CVPR 2019 (arXiv 1812.00740), supplementary material A.3, with the kernels of the released
code: 4x4 in the encoder, 6x6 in decoder and discriminator. Unlike there, convolutions before a normalisation have no
bias: its gradient is zero. In training, normalisations use their batch's statistics and move the running ones that
they are given; the discriminator, which nobody keeps, has none.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from trainables.differentiation import Tensors

CHANNELS = 64  # that the first layers have at width 1
HIDDEN = 10  # units before the discriminator's verdict
TINY = 0.001  # standard deviation of weights whose layer is normalised, or ends in a sigmoid
MOMENTUM, EPSILON = 0.1, 1e-5  # of normalisations


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Networks:
    """Encoder, decoder and discriminator of one size.

    Attributes:
        image_shape: channels, height and width.
        latent: numbers in a code.
        width: factor of all channels.
    """

    image_shape: tuple[int, int, int]
    latent: int
    width: float

    def sizes(self) -> list[tuple[int, int]]:
        """Returns heights and widths from the image's to the smallest: halves of it, of 2 pixels or more."""
        sizes = [self.image_shape[1:]]
        while min(sizes[-1]) // 2 >= 2:
            sizes.append((sizes[-1][0] // 2, sizes[-1][1] // 2))
        return sizes

    def channels(self) -> list[int]:
        """Returns the channels at each of the sizes."""
        first = max(1, round(CHANNELS * self.width))
        return [self.image_shape[0], *(first * 2**i for i in range(len(self.sizes()) - 1))]

    @property
    def _flat(self) -> int:
        return self.channels()[-1] * math.prod(self.sizes()[-1])

    # -- parameters --------------------------------------------------------------------------------------------------

    def initialise(
        self, rng: torch.Generator, dtype: torch.dtype = torch.float32, *, judging: bool
    ) -> tuple[Tensors, Tensors]:
        """Draws parameters, those of the discriminator if there is to be one, and running statistics to begin with."""
        params = {
            name: deviation * torch.randn(*shape, generator=rng, dtype=dtype)
            for name, (shape, deviation) in self._weights().items()
            if judging or not name.startswith("discriminator")
        }
        linear = ("mean", "log_variance", "linear", "hidden", "logit")
        for name in [name for name in params if name.split(".")[1] in linear]:
            params[name.replace("weight", "bias")] = torch.zeros(len(params[name]), dtype=dtype)
        params["decoder.conv0.bias"] = torch.zeros(self.image_shape[0], dtype=dtype)
        stats: Tensors = {}
        for name, size in self._norms(judging=judging).items():
            ones, zeros = torch.ones(size, dtype=dtype), torch.zeros(size, dtype=dtype)
            params |= {f"{name}.weight": ones, f"{name}.bias": zeros}
            if not name.startswith("discriminator"):
                stats |= {f"{name}.mean": zeros, f"{name}.variance": ones}
        return params, stats

    def _weights(self) -> dict[str, tuple[tuple[int, ...], float]]:
        """Returns shape and standard deviation of all weights but the normalisations', the discriminator's last."""
        pairs, code, flat = list(enumerate(pairwise(self.channels()))), self.latent, self._flat
        judge = [("discriminator.hidden", (HIDDEN, flat)), ("discriminator.logit", (1, HIDDEN))]
        heads = [(f"encoder.{head}", (code, flat)) for head in ("mean", "log_variance")]
        tiny = [
            *((f"encoder.conv{i}", (after, before, 4, 4)) for i, (before, after) in pairs),
            ("decoder.linear", (flat, code)),
            *((f"decoder.conv{i}", (after, before, 6, 6)) for i, (before, after) in pairs),
        ]
        kaiming = [*heads, *((f"discriminator.conv{i}", (after, before, 6, 6)) for i, (before, after) in pairs), *judge]
        return {f"{name}.weight": (shape, TINY) for name, shape in tiny} | {
            f"{name}.weight": (shape, math.sqrt(2 / 3 / math.prod(shape[1:]))) for name, shape in kaiming
        }

    def _norms(self, *, judging: bool) -> dict[str, int]:
        """Names the normalisations, with their channels: after every convolution but the decoder's last."""
        after, nets = list(enumerate(self.channels()[1:])), ("encoder", "discriminator")
        found = {f"{net}.norm{i}": size for net in nets[: 1 + judging] for i, size in after}
        return found | {f"decoder.norm{i + 1}": size for i, size in after[:-1]}

    # -- functions ---------------------------------------------------------------------------------------------------

    def encode(
        self, params: Tensors, stats: Tensors, images: Float[Tensor, "batch c h w"], *, training: bool
    ) -> tuple[Float[Tensor, "batch code"], Float[Tensor, "batch code"]]:
        """Returns the means of codes and the logarithms of their variances."""
        hidden = images
        for i in range(len(self.sizes()) - 1):
            hidden = F.conv2d(hidden, params[f"encoder.conv{i}.weight"], None, 2, 1)
            hidden = _normalised(hidden, params, stats, f"encoder.norm{i}", training=training).relu()
        flat = hidden.flatten(1)
        mean, log_variance = (_linear(params, f"encoder.{head}", flat) for head in ("mean", "log_variance"))
        return mean, log_variance

    def decode(
        self, params: Tensors, stats: Tensors, codes: Float[Tensor, "batch code"], *, training: bool
    ) -> Float[Tensor, "batch c h w"]:
        """Returns images in [0, 1]."""
        sizes = self.sizes()
        last = len(sizes) - 2
        basis, zero = self.first(params, params[f"decoder.conv{last}.weight"])
        hidden = torch.addmm(zero.flatten(), codes, basis.flatten(1)).reshape(len(codes), *zero.shape)
        for i in reversed(range(last)):
            hidden = _normalised(hidden, params, stats, f"decoder.norm{i + 1}", training=training).relu()
            hidden = upsampled(hidden, interleaved(params[f"decoder.conv{i}.weight"]), None, sizes[i])
        return (hidden + params["decoder.conv0.bias"][:, None, None]).sigmoid()

    def first(
        self, params: Tensors, weight: Float[Tensor, "inner c 6 6"]
    ) -> tuple[Float[Tensor, "code c h w"], Float[Tensor, "c h w"]]:
        """Returns what linear layer and first convolution make of unit codes and of zero: together they are affine.

        Args:
            params: with the linear layer.
            weight: of the convolution.
        """
        sizes, channels = self.sizes(), self.channels()
        units = torch.cat([params["decoder.linear.weight"].mT, params["decoder.linear.bias"][None]])
        images = upsampled(units.reshape(len(units), channels[-1], *sizes[-1]), interleaved(weight), None, sizes[-2])
        return images[:-1], images[-1]

    def judge(self, params: Tensors, images: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch"]:
        """Returns the logits of images being genuine, by their batch's statistics."""
        hidden = images
        for i in range(len(self.sizes()) - 1):
            hidden = _downsampled(hidden, params[f"discriminator.conv{i}.weight"])
            hidden = _normalised(hidden, params, {}, f"discriminator.norm{i}", training=True).relu()
        hidden = _linear(params, "discriminator.hidden", hidden.flatten(1))
        return _linear(params, "discriminator.logit", hidden)[:, 0]


def upsampled(
    images: Float[Tensor, "batch inner h w"],
    kernels: Float[Tensor, "four_c inner 3 3"],
    biases: Float[Tensor, " four_c"] | None,
    size: tuple[int, int],
) -> Float[Tensor, "batch c height width"]:
    """Convolves transposed with kernels of 6x6, stride 2 and padding 2: to twice the size, or one more.

    Each of the four interleaved grids of what comes out is a convolution with every other row and column of the kernel,
    and all four are one (Shi et al. 2016, arXiv 1609.07009): processors do that much faster.

    Args:
        images: to enlarge.
        kernels: as `interleaved` gives them.
        biases: of each of them.
        size: height and width of what comes out.
    """
    height, width = (after - 2 * before for after, before in zip(size, images.shape[2:], strict=True))
    if height or width:
        images = F.pad(images, (1, 1 + width, 1, 1 + height))
    grids = F.conv2d(images, kernels, biases, padding=0 if height or width else 1)
    return F.pixel_shuffle(grids, 2)[:, :, : size[0], : size[1]]


def interleaved(weight: Float[Tensor, "inner c 6 6"]) -> Float[Tensor, "four_c inner 3 3"]:
    """Returns the kernels of the four grids that a transposed convolution with this weight makes."""
    inner, channels = weight.shape[:2]
    split = weight.reshape(inner, channels, 3, 2, 3, 2).flip(2, 4).permute(1, 3, 5, 0, 2, 4)
    return split.reshape(4 * channels, inner, 3, 3)


def _downsampled(
    images: Float[Tensor, "batch c h w"], weight: Float[Tensor, "inner c 6 6"]
) -> Float[Tensor, "batch inner height width"]:
    """Convolves with kernels of 6x6, stride 2 and padding 2, as `upsampled` does the opposite."""
    inner, channels = weight.shape[:2]
    kernels = weight.reshape(inner, channels, 3, 2, 3, 2).permute(0, 1, 3, 5, 2, 4).reshape(inner, 4 * channels, 3, 3)
    height, width = (side % 2 for side in images.shape[2:])
    if not height and not width:
        return F.conv2d(F.pixel_unshuffle(images, 2), kernels, padding=1)
    # What is empty behind an odd last row stands for the padding there.
    grids = F.pixel_unshuffle(F.pad(images, (0, width, 0, height)), 2)
    return F.conv2d(F.pad(grids, (1, 1 - width, 1, 1 - height)), kernels)


def _linear(params: Tensors, name: str, inputs: Tensor) -> Tensor:
    return F.linear(inputs, params[f"{name}.weight"], params[f"{name}.bias"])


def _normalised(hidden: Tensor, params: Tensors, stats: Tensors, name: str, *, training: bool) -> Tensor:
    """Normalises channels; in training the statistics that are given move, so they must be the caller's own."""
    mean, variance = stats.get(f"{name}.mean"), stats.get(f"{name}.variance")
    weight, bias = params[f"{name}.weight"], params[f"{name}.bias"]
    return F.batch_norm(hidden, mean, variance, weight, bias, training, MOMENTUM, EPSILON)
