"""Looking back at a run: the cases of its story, found again in the data set that it was trained on."""

from collections.abc import Mapping
from pathlib import Path

from medviz.imaging.story import ProbeCase
from medviz.messages import Progress, Work
from medviz.refused import Refused
from medviz.training.run import load_task
from medviz.training.task import Task


def probe_case(folder: Path, place: int, tasks: Mapping[str, type[Task]]) -> Work[ProbeCase]:
    """Find a case of a run's story again, by its place; refuses where the data set is not on this machine."""
    yield Progress(0, 0, "finding the scan in the data set")
    task = load_task(folder, tasks)
    data = task.data_set()
    teller = task.told(data)
    if teller is None or not 0 <= place < len(teller.cases):
        raise Refused(folder, "its data set has no such case", "choose another case")
    return teller.case(place)
