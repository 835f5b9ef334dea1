"""Where a run can be followed: a folder here, a folder on another machine, another program's logs. One word: attach."""

from pathlib import Path

from medviz.messages import Progress, Work
from medviz.refused import Refused
from medviz.training.elsewhere.addresses import elsewhere, place_of
from medviz.training.elsewhere.foreign import holds_boards, watch_tensorboard
from medviz.training.elsewhere.nnunet_log import logs_in, watch_nnunet
from medviz.training.elsewhere.remote import followed_from
from medviz.training.elsewhere.transport import SshTransport
from medviz.training.run import attach


def attach_to(where: str, runs: Path) -> Work[Path]:
    """Follow a run wherever it is: yields what it said and says, returns its folder here (see `place_of`).

    `where` is the folder of a run, "ssh://host/path" or "host:path", a TensorBoard file or a folder with such files in
    it or below (Lightning, MONAI, Keras), or the folder of a fold of nnU-Net. Closing it leaves the run alone.
    """
    yield Progress(0, 0, "looking for the run")
    there = elsewhere(where)
    folder = place_of(where, runs)
    if there is not None:
        return (yield from followed_from(SshTransport(there.host, there.path, there.port), folder))
    if not folder.exists():
        raise Refused(where, "there is no such file or folder", "check the path; of another machine: host:path")
    if (folder / "events.jsonl").is_file():
        return (yield from attach(folder))
    if logs_in(folder):
        return (yield from watch_nnunet(folder))
    if holds_boards(folder):
        return (yield from watch_tensorboard(folder))
    raise Refused(where, "there is no run in it", "give the folder of a run, or of TensorBoard's files")
