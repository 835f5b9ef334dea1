"""``medviz screenshot``: the window itself, drawn off screen, for documentation, hand-outs and tests."""

import argparse
import re
import sys
from pathlib import Path

from medviz.commands.command import Command, Said, existing
from medviz.commands.services import services
from medviz.refused import Refused

if sys.platform == "win32":
    import torch  # noqa: F401  # before Qt, see commands/window.py

from medviz.gui.app import screenshot

PAGES = {"viewer": "viewer", "train": "training", "labs": "lab"}
LEAST, MOST = 320, 8192


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("page", choices=list(PAGES))
    parser.add_argument("files", nargs="*", help="scans, overlays or a session to open; the sample where there is none")
    parser.add_argument("--size", default="1440x900", metavar="WxH")
    parser.add_argument("--out", required=True, metavar="PNG")
    parser.add_argument("--wait", type=float, default=600.0, metavar="S", help="seconds for work to end (600)")
    parser.add_argument("--theme", choices=["dark", "light", "contrast"], default="dark")


def _run(options: argparse.Namespace) -> Said:
    found = re.fullmatch(r"(\d{3,5})[x×](\d{3,5})", options.size)
    if found is None:
        raise Refused(f"--size {options.size}", "it is no size of a window", "write width x height, as 1440x900")
    size = int(found[1]), int(found[2])
    if not all(LEAST <= length <= MOST for length in size):
        raise Refused(f"--size {options.size}", "no window has this size", f"take {LEAST} to {MOST} each way")
    if not options.wait > 0:
        raise Refused(f"--wait {options.wait:g}", "it is no time to wait", "give seconds above 0")
    files = [existing(file) for file in options.files]
    out = Path(options.out).expanduser()
    if not out.parent.is_dir():
        raise Refused(out, "its folder does not exist", "make the folder first")
    screenshot(services(), PAGES[options.page], files, size, out, look=options.theme, wait_s=options.wait)
    return Said({"out": str(out), "size": size}, f"{out}: {size[0]}×{size[1]}")


COMMAND = Command(
    "screenshot",
    "the window itself, drawn off screen",
    "medviz screenshot viewer scan.nii.gz --size 1440x900 --out viewer.png",
    _arguments,
    _run,
)
