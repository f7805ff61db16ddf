import torch
from jaxtyping import Float
from torch import Tensor
from torch._C._functorch import is_batchedtensor
from torch.nn import functional as F


def patch_conv(
    images: Float[Tensor, "batch c h w"], weight: Float[Tensor, "o c k k"], bias: Float[Tensor, "o"], padding: int
) -> Float[Tensor, "batch o height width"]:
    """Convolves images with stride 2: as a product of patches and weights, where a gradient may be asked for.

    Such a product's gradient towards an image of one or three channels costs a fraction of a convolution's, whose
    kernels are made for many channels; and an attack needs it in every iteration. Without a gradient the convolution
    is the faster one. The output lies channels last, which suits what follows, and has the weights' precision; it is
    computed in the images', which is faster. It may be a view: what changes it in place makes gradients slow.
    """
    height, width = ((size + 2 * padding - weight.shape[2]) // 2 + 1 for size in images.shape[2:])
    kernel, shift = weight.to(images.dtype), bias.to(images.dtype)
    if not (torch.is_grad_enabled() or is_batchedtensor(images) or is_batchedtensor(weight)):
        lying, kernel = (values.to(memory_format=torch.channels_last) for values in (images, kernel))
        return F.conv2d(lying, kernel, shift, 2, padding).to(weight.dtype)
    patches = F.unfold(images, weight.shape[2], padding=padding, stride=2).transpose(1, 2)
    output = F.linear(patches, kernel.flatten(1), shift).to(weight.dtype)
    return output.reshape(len(images), height, width, len(weight)).permute(0, 3, 1, 2)
