import torch

from trainables.data.split import Split
from trainables.seeding import stream


class Blobs(Split):
    """A bright blob somewhere in 12x12 pixels: two numbers make an image, and its class says how large it is."""

    def __init__(self, examples):
        self.labels = torch.arange(examples) % 10
        self.centres = torch.rand(examples, 2, generator=stream(examples, "blobs")) - 0.5

    def images(self, indices):
        grid = torch.linspace(-1, 1, 12)
        centres, size = self.centres[indices], 4 + self.labels[indices].float()
        distance = (grid[:, None] - centres[:, :1, None]) ** 2 + (grid[None] - centres[:, 1:, None]) ** 2
        return torch.exp(-size[:, None, None] * distance)[:, None]

    def distance_to_mean(self, label):
        """Returns the mean L1 distance of a class's images to their mean."""
        own = self.images((self.labels == label).nonzero()[:, 0])
        return (own - own.mean(0)).abs().sum((1, 2, 3)).mean().item()
