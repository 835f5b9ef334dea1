"""What is compared instead of labelled: losses over pairs, and what a space of vectors is worth.

All vectors are of length 1 unless it is said otherwise, so that a dot product is a cosine.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def clip_loss(logits: Tensor, same: Tensor | None = None) -> Tensor:
    """Loss of N pictures against their N texts, (N, N): the mean of cross-entropy over rows and over columns.

    Uniform logits cost ln N. `same` (N, N) tells which texts are one and the same: each of them is then as right as the
    other (Radford et al., 2021, have none such in a batch).
    """
    if same is None:
        right = torch.arange(len(logits), device=logits.device)
        return (F.cross_entropy(logits, right) + F.cross_entropy(logits.T, right)) / 2
    shares = same.to(logits.dtype)
    shares = shares / shares.sum(1, keepdim=True)
    return (F.cross_entropy(logits, shares) + F.cross_entropy(logits.T, shares)) / 2


def same_texts(ids: Tensor) -> Tensor:
    """Tell which of some texts (N, L) are word for word the same, (N, N) bool."""
    return (ids[:, None] == ids[None]).all(-1)


def nt_xent(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """Loss of two views of N pictures, (N, D) each: a view's partner against the other 2N − 2 views.

    Normalised temperature-scaled cross-entropy (Chen et al., 2020); uniform similarities cost ln(2N − 1).
    """
    count = len(first)
    views = torch.cat([first, second])
    logits = views @ views.T / temperature
    logits = logits.masked_fill(torch.eye(2 * count, dtype=torch.bool, device=logits.device), float("-inf"))
    partner = torch.arange(2 * count, device=logits.device).roll(count)
    return F.cross_entropy(logits, partner)


def alignment(first: Tensor, second: Tensor) -> Tensor:
    """Mean squared distance of partners, 0 is best (Wang and Isola, 2020)."""
    return (first - second).square().sum(1).mean()


def uniformity(points: Tensor) -> Tensor:
    """Log of the mean of exp(−2d²) over pairs, the lower the more evenly the sphere is used (Wang and Isola, 2020)."""
    square = torch.pdist(points.float()).square()
    return square.mul(-2).exp().mean().log()


def ranks_of(similar: Tensor, right: Tensor) -> Tensor:
    """Place of the best right answer in each row, 1 is first: (N, M) scores, (N, M) bool → (N,) int64.

    Among equals the right one comes last, so that a space in which all lie together finds nothing.
    """
    best = similar.masked_fill(~right, float("-inf")).amax(1, keepdim=True)
    return 1 + ((similar >= best) & ~right).sum(1)


def neighbours(bank: Tensor, kinds: Tensor, asked: Tensor, count: int) -> Tensor:
    """Class that most of the `count` nearest of a bank (N, D) have, (M,) int64; ties go to the nearer ones."""
    near = (F.normalize(asked, dim=1) @ F.normalize(bank, dim=1).T).topk(min(count, len(bank)), 1)
    votes = torch.zeros(len(asked), int(kinds.max()) + 1, dtype=near.values.dtype, device=asked.device)
    votes.scatter_add_(1, kinds[near.indices], 1 + 1e-4 * near.values)
    return votes.argmax(1)


def probed(bank: Tensor, kinds: Tensor, asked: Tensor, strength: float = 0.01) -> Tensor:
    """Class by a linear probe in closed form, (M,) int64: ridge regression on features scaled to spread 1."""
    mean, spread = bank.mean(0), bank.std(0).clamp_min(1e-6)
    known, wanted = ((one - mean) / spread for one in (bank.double(), asked.double()))
    target = F.one_hot(kinds).double()
    level = target.mean(0)
    pull = strength * len(known) * torch.eye(known.shape[1], dtype=torch.float64, device=bank.device)
    weights: Tensor = torch.linalg.solve(known.T @ known + pull, known.T @ (target - level))
    return (wanted @ weights + level).argmax(1)


def analogous(table: Tensor, question: tuple[int, int, int], known: Tensor) -> Tensor:
    """Cosine of each word with a − b + c, (V,); the three words themselves and all but the `known` are ruled out."""
    a, b, c = question
    unit = F.normalize(table.float(), dim=1)
    found = unit @ F.normalize(unit[a] - unit[b] + unit[c], dim=0)
    ruled = ~known
    ruled[[a, b, c]] = True
    return found.masked_fill(ruled, float("-inf"))


def principal(points: Tensor) -> tuple[Tensor, float]:
    """Two principal components of points (N, D), (N, 2), and the share of the variance they hold."""
    centred = (points - points.mean(0)).double()
    left, size, _ = torch.linalg.svd(centred, full_matrices=False)
    flat = left[:, :2] * size[:2]
    signs = torch.where(flat.gather(0, flat.abs().argmax(0, keepdim=True)) < 0, -1.0, 1.0)  # the same on any machine
    total = float(size.square().sum())
    if flat.shape[1] < 2:
        flat, signs = F.pad(flat, (0, 2 - flat.shape[1])), F.pad(signs, (0, 2 - signs.shape[1]))
    return flat * signs, float(size[:2].square().sum()) / total if total else 1.0
