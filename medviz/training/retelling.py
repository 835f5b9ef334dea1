"""Looking back at a run: the cases of its story, found again in the data set that it was trained on."""

from collections.abc import Mapping
from pathlib import Path

from medviz.imaging.story import ProbeCase, Story
from medviz.messages import Progress, Work
from medviz.refused import Refused
from medviz.training.run import load_task
from medviz.training.task import Task
from medviz.training.tellers import digest_of


def probe_case(folder: Path, place: int, tasks: Mapping[str, type[Task]]) -> Work[ProbeCase]:
    """Find a case of a run's story again, by its place; refuses where the data set is not on this machine."""
    yield Progress(0, 0, "finding the scan in the data set")
    task = load_task(folder, tasks)
    data = task.data_set()
    teller = task.told(data)
    if teller is None or not 0 <= place < len(teller.cases):
        raise Refused(folder, "its data set has no such case", "choose another case")
    case = teller.case(place)
    about = Story.read(folder).about
    told = about[place].get("digest") if place < len(about) else None
    if told is not None and told != digest_of(case.scan):
        fault = f"case {place + 1} is now another scan than the one this run looked at"
        raise Refused(task.data.name, fault, "bring the data set back to what it was, or train anew")
    return case
