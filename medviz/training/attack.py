"""Pictures changed so as to deceive a network: it learns to withstand them.

FGSM: Goodfellow, Shlens and Szegedy, "Explaining and harnessing adversarial examples", 2015, one step along the sign of
the gradient. PGD: Madry et al., "Towards deep learning models resistant to adversarial attacks", 2018, several small
ones from a random place, each time brought back to within reach.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from medviz.refused import Refused
from medviz.training.task import Batch, Task

_STRIDE = 2.5
"""PGD's steps together reach so many times as far as it may go (Madry et al.)."""


def deceiving(task: Task, batch: Batch, loss: Callable[[Batch], Tensor]) -> Batch:
    """Return the batch with its "image" (N, C, ...) changed by at most `attack_strength` spreads of each picture.

    `loss` is what the attack makes large. All chance comes from torch's generators; values stay within
    those of the picture.
    """
    image: Tensor = batch["image"]
    axes = tuple(range(1, image.ndim))
    reach = task.attack_strength * image.std(axes, keepdim=True).clamp_min(1e-6)
    low, high = image.amin(axes, keepdim=True), image.amax(axes, keepdim=True)
    if task.adversarial == "fgsm":
        return {**batch, "image": (image + reach * _uphill(batch, image, loss)).clamp(low, high)}
    changed = image + reach * (2 * torch.rand_like(image) - 1)
    for _ in range(task.attack_steps):
        changed = changed + _STRIDE / task.attack_steps * reach * _uphill(batch, changed, loss)
        changed = torch.minimum(torch.maximum(changed, image - reach), image + reach).clamp(low, high)
    return {**batch, "image": changed}


def refuse_parts(task: Task) -> None:
    """Refuse an attack on a task whose losses are yielded between changes of the weights (a GAN)."""
    if task.adversarial != "none" and len(task.PARTS) > 1:
        fault = f"{task.NAME} teaches {len(task.PARTS)} parts against each other already"
        raise Refused(f"adversarial={task.adversarial}", fault, "take adversarial=none")


def _uphill(batch: Batch, image: Tensor, loss: Callable[[Batch], Tensor]) -> Tensor:
    """Sign of the gradient of the loss by the picture; the weights keep their gradients."""
    asked = image.detach().requires_grad_()
    (slope,) = torch.autograd.grad(loss({**batch, "image": asked}), asked)
    return slope.sign()
