"""Mixup: pictures are laid over each other, and so are their answers.

Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: beyond empirical risk minimization", 2018.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from medviz.training.task import Batch


def mixed(
    network: Callable[[Tensor], Tensor], batch: Batch, strength: float, loss: Callable[[Tensor, Batch], Tensor]
) -> Tensor:
    """Loss of a batch whose pictures are mixed by shares λ and 1 − λ, λ from Beta(strength, strength).

    `loss` judges scores against what a batch says; the same scores are judged against both answers, by their shares.
    All chance comes from torch's generator of the processor. With strength 0, or one picture alone, nothing is mixed.
    """
    image: Tensor = batch["image"]
    if not strength or len(image) < 2:
        return loss(network(image), batch)
    share = float(torch.distributions.Beta(strength, strength).sample())
    order = torch.randperm(len(image)).to(image.device)
    scores = network(share * image + (1 - share) * image[order])
    other = {name: value[order] if isinstance(value, Tensor) else value for name, value in batch.items()}
    return share * loss(scores, batch) + (1 - share) * loss(scores, other)
