import torch
from jaxtyping import Float
from torch import Tensor
from torch._C._functorch import is_batchedtensor
from torch.nn import functional as F


def patch_conv(
    images: Float[Tensor, "batch c h w"], weight: Float[Tensor, "o c 4 4"], bias: Float[Tensor, "o"]
) -> Float[Tensor, "batch o height width"]:
    """Convolves images with stride 2 and padding 1: as a product of patches and weights where gradients may be wanted.

    Such a product's gradient towards an image of one or three channels costs a fraction of a convolution's, whose
    kernels are made for many channels; and an attack needs it in every iteration. A patch is 2x2 blocks of 2x2 pixels:
    all of them are four pieces of an image of blocks, which are faster to copy, and their gradients to add, than what
    `unfold` gathers. Without a gradient the convolution is the faster one. The output lies channels last, which suits
    what follows, and has the weights' precision; it is computed in the images', which is faster. It may be a view: what
    changes it in place makes gradients slow.
    """
    kernel, shift = weight.to(images.dtype), bias.to(images.dtype)
    if not (torch.is_grad_enabled() or is_batchedtensor(images) or is_batchedtensor(weight)):
        lying, kernel = (values.to(memory_format=torch.channels_last) for values in (images, kernel))
        return F.conv2d(lying, kernel, shift, 2, 1).to(weight.dtype)
    height, width = images.shape[2:]
    rows, columns = height // 2, width // 2
    blocks = _blocks(F.pad(images, (1, 2 * columns + 1 - width, 1, 2 * rows + 1 - height)))
    patches = torch.cat([F.pad(blocks, (-x, x - 1, -y, y - 1)) for y in (0, 1) for x in (0, 1)])
    weights = _blocks(kernel).permute(2, 3, 0, 1).flatten(0, 2)
    output = torch.addmm(shift, patches.flatten(1).T, weights).to(weight.dtype)
    return output.reshape(len(images), rows, columns, len(weight)).permute(0, 3, 1, 2)


def _blocks(images: Float[Tensor, "batch c h w"]) -> Float[Tensor, "block batch height width"]:
    """Returns the four phases of all channels: what stands at the same place in every block of 2x2 pixels."""
    batch, c, h, w = images.shape
    return images.reshape(batch, c, h // 2, 2, w // 2, 2).permute(1, 3, 5, 0, 2, 4).flatten(0, 2)
