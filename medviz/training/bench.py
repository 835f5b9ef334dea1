"""What a run works with: the network that learns, the samples it learns from and is measured on, all on one device."""

from pathlib import Path

import torch

from medviz.messages import Note
from medviz.refused import Refused
from medviz.training.beginning import begin_with
from medviz.training.card import fingerprint
from medviz.training.chance import seeded
from medviz.training.device import chosen, cores, precision_of
from medviz.training.hints import Known, known_shares
from medviz.training.layout import compiling
from medviz.training.learner import Learner
from medviz.training.looking import layers_of
from medviz.training.making import Made
from medviz.training.ranks import Ranks, checked
from medviz.training.sampling import Lessons, Order, Whole
from medviz.training.synthetic import mixed
from medviz.training.task import Samples, Task


class Bench:
    """Builds all that from a task; refuses what the task or its data refuse. `total` is how many steps there will be.

    `task` is the recipe as it is learnt now: some of its fields may be turned while the run goes. `begins` is False
    where the weights come out of a checkpoint anyway: those it began with may be gone by then.
    """

    def __init__(self, task: Task, ranks: Ranks | None = None, begins: bool = True) -> None:
        self.recipe = self.task = task
        self.device = chosen(task.device)
        if self.device.index is not None and self.device.type == "cuda":
            torch.cuda.set_device(self.device)  # the current device is this thread's own; events are made on it
        self.data = task.data_set()
        self.made: tuple[Made, ...] = ()
        self._check_added(ranks, begins)
        self.samples = self._to_learn_from(task)
        self.order = Order(len(self.samples), task.batch, task.accumulation, task.seed)
        self.lessons = Lessons(self.samples, self.order, task.workers, self.device)
        self.validation = Whole(task.validation(self.data), self.device)
        self.probes = Whole(task.probes(self.data), self.device)
        seeded(self.device, task.seed)
        network = task.build(self.data)
        taken = begins and bool(task.start)
        self.begun: tuple[Note, ...] = (begin_with(network, Path(task.start)).note(),) if taken else ()
        self.total = task.steps or task.epochs * self.order.steps
        translated = compiling(task, self.device, self.total)
        self.learner = Learner(task, network, self.device, precision_of(task.precision, self.device))
        if translated:
            self.learner.compile()
        self.layers = layers_of(network)
        self.ranks = self._shared_with(ranks or Ranks())
        self.fingerprint = fingerprint(self.data, self.samples, self.validation.samples)

    def add(self, made: tuple[Made, ...]) -> None:
        """Learn from synthetic samples too; their places in the order of an epoch are there already."""
        self.made = made
        self.samples = self._to_learn_from(self.task)
        self._prepare_anew()

    def turn(self, task: Task, samples: bool) -> None:
        """Go on with a task some of whose fields were turned; with `samples`, learn from ones that are made anew."""
        self.task = self.learner.task = task
        self.ranks.turned(task, samples)
        if samples:
            self.samples = self._to_learn_from(task)
            self._prepare_anew()

    def _prepare_anew(self) -> None:
        """Let the loader processes go and begin again with the samples as they are now."""
        self.lessons.close()
        lessons = Lessons(self.samples, self.order, self.task.workers, self.device)
        lessons.waited_s, self.lessons = self.lessons.waited_s, lessons

    @property
    def probe_every(self) -> int:
        """Steps between two rounds of probe pictures."""
        return self.task.probe_every or max(25, self.total // 100)

    @property
    def known(self) -> Known:
        """What hints must know of the run beside its past."""
        task = self.task
        return Known(
            task.chance(self.data),
            bool(task.start),
            task.BEST,
            task.HIGHER,
            tuple(getattr(self.data, "classes", ())),
            known_shares(self.fingerprint),
            task.BACKGROUND,
            task.workers,
            cores(),
            task.learning_rate,
        )

    def can_read(self, index: int) -> bool:
        """Tell whether a sample can be read now."""
        try:
            return bool(self.samples[index])
        except (Refused, OSError):
            return False

    def close(self) -> None:
        """Let the loader processes go, and the other processes of the run."""
        self.lessons.close()
        self.ranks.end()

    def _shared_with(self, ranks: Ranks) -> Ranks:
        """Share each batch with the other processes of the run, where there are any."""
        self.learner.ranks = ranks
        checked(ranks, min(self.order.batch, self.order.count))
        self.order.rank, self.order.ranks = ranks.rank, ranks.count
        if ranks.many:
            self.begun += (Note(f"{ranks.count} processes share each batch of {self.task.batch}"),)
        return ranks

    def _to_learn_from(self, task: Task) -> Samples:
        samples = task.training(self.data)
        if not len(samples):
            raise Refused(task.data.name, "it has no samples to learn from", "choose another data set")
        return mixed(samples, task.added(self.data), self.made)

    def _check_added(self, ranks: Ranks | None, begins: bool) -> None:
        """Refuse synthetic samples that cannot be made, before anything is written."""
        added = self.task.added(self.data)
        if added is None:
            return
        if ranks is not None and ranks.many:
            fault = "several processes cannot learn from samples that are made when training starts"
            raise Refused("synthetic", fault, "train in one process, or set synthetic=0")
        if begins:
            added.check()
