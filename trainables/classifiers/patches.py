"""The first convolution of `conv` as a product of matrices, for the sake of its gradient towards an image.

That is all that an attack needs of it, in every iteration. Kernels of convolutions are made for many channels; towards
an image of one or three their gradient takes several times as long as such a product.
"""

from abc import ABC, abstractmethod
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor
from torch._C import _are_functorch_transforms_active as transformed
from torch.nn import functional as F


def patch_conv(
    images: Float[Tensor, "batch c h w"], weight: Float[Tensor, "o c 4 4"], bias: Float[Tensor, "o"]
) -> Float[Tensor, "batch o height width"]:
    """Convolves images with stride 2 and padding 1, in the weights' precision, and rectifies.

    Weights are constants: they get no gradient. The output lies channels last, which suits what follows. It may be a
    view: what changes it in place makes gradients slow. Without a gradient the convolution is the faster one.
    """
    fused = transformed()
    if torch.is_grad_enabled() and weight.dtype == torch.bfloat16 and not fused:
        return _convolved(images, weight, bias, _Bands(images.shape))
    kernel, shift = weight.to(images.dtype), bias.to(images.dtype)  # which is faster
    if torch.is_grad_enabled() or fused:
        return _convolved(images, kernel, shift, _Patches(images.shape), fused=fused).to(weight.dtype)
    lying, kernel = (values.to(memory_format=torch.channels_last) for values in (images, kernel))
    return F.conv2d(lying, kernel, shift, 2, 1).relu_().to(weight.dtype)


class _Layout(ABC):
    """How images become a matrix, whose product with one that is made of the kernel is the convolution.

    Images are padded to blocks of 2x2 pixels, one more each way than there are outputs.
    """

    def __init__(self, shape: torch.Size) -> None:
        self.batch, self.channels, self.h, self.w = shape
        self.rows, self.columns = self.h // 2, self.w // 2

    @abstractmethod
    def matrix(self, kernel: Float[Tensor, "o c 4 4"]) -> Tensor:
        """Returns what images are multiplied with."""

    @abstractmethod
    def product(self, padded: Tensor, matrix: Tensor, bias: Tensor) -> Tensor:
        """Returns the outputs, in the order (batch, rows, columns, o)."""

    @abstractmethod
    def gradient(self, towards: Float[Tensor, "batch rows columns o"], matrix: Tensor) -> Tensor:
        """Returns the gradient towards the padded images."""

    def pad(self, images: Tensor) -> Tensor:
        return F.pad(images, (1, 2 * self.columns + 1 - self.w, 1, 2 * self.rows + 1 - self.h))

    def cropped(self, padded: Tensor) -> Tensor:
        whole = padded.reshape(self.batch, self.channels, 2 * self.rows + 2, 2 * self.columns + 2)
        return whole[:, :, 1 : 1 + self.h, 1 : 1 + self.w]


@final
class _Patches(_Layout):
    """A row for every output, with the pixels that it sees; laid out with the rows last."""

    def matrix(self, kernel: Tensor) -> Tensor:
        return kernel.flatten(1)

    def product(self, padded: Tensor, matrix: Tensor, bias: Tensor) -> Tensor:
        patches = padded.unfold(2, 4, 2).unfold(3, 4, 2).permute(1, 4, 5, 0, 2, 3).flatten(3).flatten(0, 2)
        return torch.addmm(bias, patches.T, matrix.T).reshape(self.batch, self.rows, self.columns, len(bias))

    def gradient(self, towards: Tensor, matrix: Tensor) -> Tensor:
        sizes = (self.channels, 2, 2, 2, 2, self.batch, self.rows, self.columns)
        corners = (matrix.T @ towards.flatten(0, 2).T).reshape(sizes)
        blocks = corners.new_empty(self.channels, 2, 2, self.batch, self.rows + 1, self.columns + 1)
        blocks[..., -1, :] = blocks[..., -1] = 0
        blocks[..., :-1, :-1] = corners[:, 0, :, 0]
        for y, x in ((0, 1), (1, 0), (1, 1)):
            blocks[..., y : y + self.rows, x : x + self.columns] += corners[:, y, :, x]
        return blocks.permute(3, 0, 4, 1, 5, 2)


@final
class _Bands(_Layout):
    """A row for every line of outputs, with the four lines of pixels that it sees, and a matrix that is mostly zeros.

    Far more multiplications, and fewer values to move: where the processor multiplies matrices of bfloat16, which it
    does at several times the speed of float32, that is the faster way.
    """

    def matrix(self, kernel: Tensor) -> Tensor:
        bands = kernel.new_zeros(self.channels, 4, 2 * self.columns + 2, self.columns, len(kernel))
        channel, line, pixel, place, _ = bands.stride()
        sizes = (self.channels, 4, 4, self.columns, len(kernel))
        diagonals = bands.as_strided(sizes, (channel, line, pixel, 2 * pixel + place, 1))
        diagonals.copy_(kernel.permute(1, 2, 3, 0)[:, :, :, None])
        return bands.flatten(0, 2).flatten(1)

    def product(self, padded: Tensor, matrix: Tensor, bias: Tensor) -> Tensor:
        lines = padded.unfold(2, 4, 2).permute(0, 2, 1, 4, 3).flatten(2).flatten(0, 1)
        output = torch.addmm(bias.expand(self.columns, -1).flatten(), lines, matrix)
        return output.reshape(self.batch, self.rows, self.columns, len(bias))

    def gradient(self, towards: Tensor, matrix: Tensor) -> Tensor:
        four = (towards.flatten(0, 1).flatten(1) @ matrix.T).float()  # sums, and sums of bfloat16 are slow
        pairs = four.reshape(self.batch, self.rows, self.channels, 2, 4 * self.columns + 4).transpose(1, 2)
        lines = pairs.new_empty(self.batch, self.channels, self.rows + 1, pairs.shape[-1])
        lines[:, :, -1] = 0
        lines[:, :, :-1] = pairs[:, :, :, 0]
        lines[:, :, 1:] += pairs[:, :, :, 1]
        return lines


def _convolved(images: Tensor, kernel: Tensor, bias: Tensor, layout: _Layout, *, fused: bool = False) -> Tensor:
    function = _Fused if fused else _Alone
    output: Tensor = function.apply(images, layout.matrix(kernel), bias, layout)
    return output


def _forward(images: Tensor, matrix: Tensor, bias: Tensor, layout: _Layout) -> Tensor:
    return layout.product(layout.pad(images.to(matrix.dtype)), matrix, bias).relu_().permute(0, 3, 1, 2)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(inputs[1], output)
    ctx.layout = inputs[3]


def _backward(ctx: Any, towards: Tensor) -> tuple[Tensor, None, None, None]:
    layout, (matrix, output) = ctx.layout, ctx.saved_tensors
    inner = torch.ops.aten.threshold_backward(towards, output, 0)
    return layout.cropped(layout.gradient(inner.permute(0, 2, 3, 1), matrix)), None, None, None


class _Fused(torch.autograd.Function):
    """The engine finds the same gradient by itself, in three times as many operations."""

    generate_vmap_rule = True
    forward = staticmethod(_forward)
    setup_context = staticmethod(_keep)
    backward = staticmethod(_backward)


class _Alone(torch.autograd.Function):
    """The same for one model, without what `torch.vmap` asks for, which takes as long as the product."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Tensor:
        output = _forward(*inputs)
        _keep(ctx, inputs, output)
        return output

    backward = staticmethod(_backward)
