"""A network that learns: its optimisers, its precision, the running mean of its weights, and one step of all that."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_, get_total_norm

from medviz.training import layout
from medviz.training.attack import deceiving, refuse_parts
from medviz.training.chance import seeded
from medviz.training.device import Precision, out_of_memory
from medviz.training.freezing import Frozen
from medviz.training.looking import Spread, weights_of
from medviz.training.optimisers import optimiser
from medviz.training.ranks import Ranks
from medviz.training.sampling import size_of, split
from medviz.training.task import Batch, Loss, Task

Readings = dict[str, Tensor]
"""Curve name ("loss", "loss/generator", "gradient norm") → a number that still lies on the device."""


class TooLarge(Exception):
    """Memory ran out and the batch cannot be cut any smaller."""


class Learner:
    """The network and all that changes its weights. `pieces` > 1 after memory ran out: batches are cut so often.

    `doubts` are sentences about what was asked for and cannot be done.
    With `look` the next step leaves the spread of its gradients in `gradients`, by layer.
    """

    def __init__(self, task: Task, network: nn.Module, device: torch.device, precision: Precision) -> None:
        self.task, self.device, self.precision = task, device, precision
        refuse_parts(task)
        self.last = layout.last(task, device, precision)
        self.network = network.to(device).train()
        if self.last:
            layout.laid(self.network)
        self.called: Any = self.network  # what the task calls: the network, or its translation
        self.parameters = {
            part: [one for one in self.network.get_submodule(part).parameters() if one.requires_grad]
            for part in task.PARTS
        }
        self.optimisers = {part: optimiser(task, own, task.rate(part), device) for part, own in self.parameters.items()}
        self.scaler = torch.amp.GradScaler(device.type, enabled=precision.scaled)
        self.mean = copy.deepcopy(self.network).eval().requires_grad_(False) if task.ema else None
        self.frozen = Frozen(self.network, task.freeze, task.unfreeze)
        self.frozen.hold(0)
        self.doubts: list[str] = []
        self.pieces = 1
        self.ranks = Ranks()
        self.look = False
        self.gradients: dict[str, Spread] = {}

    def compile(self) -> None:
        """Translate the network for this machine; the first step then takes a minute."""
        self.called = layout.translated(self.network)

    def step(self, batches: list[Batch], number: int, factor: float, epoch: int = 0) -> Readings:
        """Change the weights once, with all chance from (seed, number) and the rate times `factor`.

        What is frozen in this epoch stays as it is.

        Where memory runs out the batches are cut in two and the step is made again (`pieces` tells); raises TooLarge
        where nothing is left to cut.
        """
        self.ranks.begin(self, number, factor, epoch)
        while True:
            try:
                seeded(self.device, self.task.seed, number, *self.ranks.chance)
                self.frozen.hold(epoch)
                return self._step(batches, number, factor)
            except (RuntimeError, MemoryError) as problem:
                if self.called is not self.network and layout.of_compiler(problem):
                    self._call_plainly(problem)
                    continue
                if not out_of_memory(problem):
                    raise
                if self.ranks.joined or self.pieces >= max(size_of(batch) for batch in batches):
                    raise TooLarge from problem
            self.pieces *= 2  # out of the except block: the failed step's tensors are then free
            self.forget()

    def _call_plainly(self, problem: BaseException) -> None:
        """Go on without the translation after it failed."""
        self.called = self.network
        self.forget()
        line = (str(problem).strip().splitlines() or [type(problem).__name__])[0][:120]
        self.doubts.append(f"The network could not be translated for this machine ({line}); it runs as it is")

    def forget(self) -> None:
        """Drop gradients and give cached memory back."""
        self.network.zero_grad(set_to_none=True)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _step(self, batches: list[Batch], number: int, factor: float) -> Readings:
        for part, one in self.optimisers.items():
            for group in one.param_groups:
                group["lr"] = self.task.rate(part) * factor
        pieces = [piece for batch in batches for piece in split(batch, self.pieces)]
        pieces = [layout.laid_batch(piece) for piece in pieces] if self.last else pieces
        everything = sum(size_of(piece) for piece in pieces)
        self.ranks.weigh(everything)
        readings: Readings = {}
        for place, piece in enumerate(pieces):
            share = size_of(piece) / everything
            told: Readings = {}  # of a part that learns several times in a step the last loss is told
            for part, found in self._losses(piece) if self.task.adversarial == "none" else self._attacked(piece):
                loss, terms = summed(found)
                self._learn(part, loss * share if share < 1 else loss, place == len(pieces) - 1, readings)
                for term, value in {"": loss, **terms}.items():
                    told[_named(_named("loss", part), term)] = value.detach().float() * share
            readings |= {name: readings[name] + one if name in readings else one for name, one in told.items()}
        self.scaler.update()
        readings = self.ranks.settle(self.network, readings)
        self._average(number)
        return readings

    def _losses(self, batch: Batch) -> Iterator[tuple[str, Loss]]:
        """Ask the task for its losses; only the forward pass runs in mixed precision."""
        losses = self.task.losses(self.called, batch)
        while True:
            with self.precision.autocast(self.device):
                found = next(losses, None)
            if found is None:
                return
            yield found

    def _attacked(self, batch: Batch) -> Iterator[tuple[str, Loss]]:
        """Losses of the batch as it is and as it deceives the network, each with its share."""

        def total(asked: Batch) -> Tensor:
            return torch.stack([summed(loss)[0].float() for _, loss in self._losses(asked)]).sum()

        share = self.task.attack_share
        changed = deceiving(self.task, batch, lambda asked: self.scaler.scale(total(asked)))
        terms = {"attacked": share * total(changed)}
        yield "", {"clean": (1 - share) * total(batch), **terms} if share < 1 else terms

    def _learn(self, part: str, loss: Tensor, last: bool, readings: Readings) -> None:
        """Add the loss's gradient to its part's own, and change that part with the last piece of a step."""
        own, one = self.parameters[part], self.optimisers[part]
        # of several parts only this one learns from this loss: a generator's loss must not reach the discriminator
        inputs = [weight for weight in own if weight.requires_grad] if len(self.parameters) > 1 else None
        torch.autograd.backward(self.scaler.scale(loss), inputs=inputs)
        if not last:
            return
        self.ranks.join(own)
        if self.last:
            layout.gradients_as_weights(own)
        self.scaler.unscale_(one)
        if self.task.l1:
            _pull(own, self.task.l1)
        if self.task.clip:
            norm = clip_grad_norm_(own, self.task.clip)
        else:
            norm = get_total_norm([parameter.grad for parameter in own if parameter.grad is not None])
        readings[_named("gradient norm", part)] = norm.detach()
        if self.look:
            self.gradients |= weights_of(self.network, gradients=True)
        self.scaler.step(one)
        one.zero_grad(set_to_none=True)

    @torch.no_grad()
    def _average(self, number: int) -> None:
        """Move the running mean towards the weights; early on it follows them faster."""
        if self.mean is None:
            return
        decay = min(self.task.ema, (1 + number) / (10 + number))
        means: list[Tensor] = list(self.mean.parameters())
        weights: list[Tensor] = list(self.network.parameters())
        torch._foreach_lerp_(means, weights, 1 - decay)
        for mine, other in zip(self.mean.buffers(), self.network.buffers(), strict=True):
            mine.copy_(other)

    @property
    def judged(self) -> nn.Module:
        """The network that is validated, drawn and kept: the running mean where there is one."""
        return self.network if self.mean is None else self.mean

    def sound(self) -> bool:
        """Tell whether every weight is a finite number (one wait for the device)."""
        weights = [one for own in self.parameters.values() for one in own]
        return bool(get_total_norm(weights).isfinite())

    def state(self) -> dict[str, Any]:
        """All that must be kept to go on bit for bit; the tensors are the living ones."""
        return {
            "network": self.network.state_dict(),
            "mean": None if self.mean is None else self.mean.state_dict(),
            "optimisers": {part: one.state_dict() for part, one in self.optimisers.items()},
            "scaler": self.scaler.state_dict(),
            "pieces": self.pieces,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go back to a state."""
        self.network.load_state_dict(state["network"])
        if self.mean is not None and state["mean"] is not None:
            self.mean.load_state_dict(state["mean"])
        for part, one in self.optimisers.items():
            one.load_state_dict(copy.deepcopy(state["optimisers"][part]))
            layout.as_weights(one)
        if state["scaler"]:
            self.scaler.load_state_dict(state["scaler"])
        self.pieces = state["pieces"]
        self.network.zero_grad(set_to_none=True)
        self.ranks.stale()

    def snapshot(self) -> dict[str, Any]:
        """Copy of the state in the processor's memory."""
        copied: dict[str, Any] = _copied(self.state())
        return copied


def _pull(weights: list[nn.Parameter], strength: float) -> None:
    """Add the gradient of strength · Σ|w|; biases and norms, which have one axis, are left alone."""
    pulled = [one for one in weights if one.grad is not None and one.ndim > 1]
    if pulled:
        gradients: list[Tensor] = [one.grad for one in pulled if one.grad is not None]
        torch._foreach_add_(gradients, [one.detach().sign() for one in pulled], alpha=strength)


def summed(loss: Loss) -> tuple[Tensor, Mapping[str, Tensor]]:
    """Return what is made small, and its terms by name where it has any."""
    if isinstance(loss, Tensor):
        return loss, {}
    return torch.stack(list(loss.values())).sum(), loss


def _named(what: str, part: str) -> str:
    return f"{what}/{part}" if part else what


def _copied(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return {name: _copied(inner) for name, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list) else value
