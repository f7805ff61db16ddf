from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def patch_conv(
    images: Float[Tensor, "batch c h w"], weight: Float[Tensor, "o c k k"], bias: Float[Tensor, "o"], padding: int
) -> Float[Tensor, "batch o height width"]:
    """Convolves images with stride 2, as a product of patches and weights.

    Its gradient towards an image of one or three channels costs a fraction of a convolution's, whose kernels are made
    for many channels; and an attack needs it in every iteration. The output lies channels last, which suits what
    follows, and has the weights' precision; the product itself is computed in the images', which is faster.
    """
    side = weight.shape[2]
    height, width = ((size + 2 * padding - side) // 2 + 1 for size in images.shape[2:])
    patches = F.unfold(images, side, padding=padding, stride=2).transpose(1, 2)
    output = F.linear(patches, weight.flatten(1).to(images.dtype), bias.to(images.dtype)).to(weight.dtype)
    return output.reshape(len(images), height, width, len(weight)).permute(0, 3, 1, 2)
