"""TorchScript: a network with its own code, in a small language that torch runs."""

from pathlib import Path

from medviz.data.needs import Needs
from medviz.imaging.storage import need_room, opening
from medviz.refused import Refused
from medviz.training.using.formats.form import Asks, Format, card_beside, needs_of, ready
from medviz.training.using.formats.scripts import opened, proposal
from medviz.training.using.model import Model
from medviz.training.using.trust import Trust, digest_of

_ENDINGS = (".pt", ".ts", ".pth", ".torchscript", ".jit")


def recognises(where: str) -> bool:
    """Tell whether it is a file with the ending of one; `load` looks into it."""
    return bool(where) and where.lower().endswith(_ENDINGS) and Path(where).is_file()


def load(where: str, needs: Needs | None = None) -> Model:
    """Load it on the processor, try it on noise, and say what it answers; asks for what input it needs (`Asks`)."""
    path = Path(where)
    with opening(path):
        need_room(path, 2 * path.stat().st_size)
        data = path.read_bytes()
    if not data.startswith(b"PK"):
        raise Refused(where, "it is no TorchScript", "save the network with torch.jit.save")
    network = opened(data, where)
    sha256 = digest_of(path)
    card = card_beside(path, sha256)
    trust = Trust.of(card, format="TorchScript", sha256=sha256)
    asked = needs or needs_of(card)
    if asked is None:
        raise Asks(where, proposal(network, where))
    return ready(path.stem, network, asked, trust, where)


FORMAT = Format(recognises, load)
