"""Fetching from a loopback server and from a copy: what was begun goes on, what is wrong is not kept."""

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from medviz.data import fetching, unpacking
from medviz.data.fetching import fetched
from medviz.data.obtainable import classes_of, named, obtainable
from medviz.data.unpacking import unpacked
from medviz.messages import Note, Progress, finished
from medviz.refused import Refused
from tests.standard import a_sentence

CONTENT = np.random.default_rng(0).integers(0, 256, 3_500_000, np.uint8).tobytes()


class Server(ThreadingHTTPServer):
    """Gives out one file; `cut` breaks the line after so many bytes, `ranges` tells whether it knows ranges."""

    daemon_threads = True
    content = CONTENT
    cut: int | None = None
    ranges = True
    asked: list[str]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.headers.get("Range", ""))
        whole = self.server.content
        begins = int(self.headers["Range"][6:-1]) if self.server.ranges and "Range" in self.headers else 0
        if self.path.startswith("/gone"):
            self.send_error(404)
            return
        if begins and begins >= len(whole):
            self.send_error(416)
            return
        part = whole[begins:]
        self.send_response(206 if begins else 200)
        self.send_header("Content-Length", str(len(part)))
        if begins:
            self.send_header("Content-Range", f"bytes {begins}-{len(whole) - 1}/{len(whole)}")
        self.end_headers()
        self.wfile.write(part[: self.server.cut])

    def log_message(self, *what: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    made = Server(("127.0.0.1", 0), Handler)
    made.asked = []
    thread = threading.Thread(target=made.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def address(server: Server, below: str = "") -> str:
    return f"http://127.0.0.1:{server.server_port}{below}"


@pytest.fixture
def blood(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The set of blood cells, said to be the content that the server gives out."""
    one = replace(named("bloodmnist"), md5=hashlib.md5(CONTENT).hexdigest())
    monkeypatch.setattr(fetching, "named", lambda name: one)
    return one


def part_of(folder: Path) -> Path:
    return folder / ".bloodmnist.npz.part"


def test_a_file_is_fetched_with_progress_in_bytes(server: Server, blood: Any, tmp_path: Path) -> None:
    said: list[Any] = []
    place = finished(fetched("bloodmnist", tmp_path, address(server)), said.append)
    assert place == tmp_path / "bloodmnist.npz" and place.read_bytes() == CONTENT
    assert not part_of(tmp_path).exists()
    steps = [one for one in said if isinstance(one, Progress) and one.what.startswith("fetching")]
    assert steps[0].done == 0 and steps[-1].done == steps[-1].total == len(CONTENT) and len(steps) > 3


def test_what_is_there_already_is_not_fetched_again(server: Server, blood: Any, tmp_path: Path) -> None:
    (tmp_path / "bloodmnist.npz").write_bytes(CONTENT)
    said: list[Any] = []
    assert finished(fetched("bloodmnist", tmp_path, address(server)), said.append).is_file()
    assert not server.asked and any(isinstance(one, Note) for one in said)
    (tmp_path / "bloodmnist.npz").write_bytes(b"mine")
    with pytest.raises(Refused, match="another one"):
        finished(fetched("bloodmnist", tmp_path, address(server)))
    assert (tmp_path / "bloodmnist.npz").read_bytes() == b"mine"


@pytest.mark.parametrize("ranges", [True, False])
def test_a_line_that_broke_goes_on_where_it_stopped(server: Server, blood: Any, tmp_path: Path, ranges: bool) -> None:
    server.cut, server.ranges = 2_200_000, ranges
    with pytest.raises(Refused, match="what came is kept") as refusal:
        finished(fetched("bloodmnist", tmp_path, address(server)))
    a_sentence(refusal.value)
    assert part_of(tmp_path).stat().st_size == 2_200_000
    server.cut = None
    assert finished(fetched("bloodmnist", tmp_path, address(server))).read_bytes() == CONTENT
    assert server.asked == ["", "bytes=2200000-"]


def test_a_stop_keeps_what_came(server: Server, blood: Any, tmp_path: Path) -> None:
    work = fetched("bloodmnist", tmp_path, address(server))
    for message in work:
        if isinstance(message, Progress) and message.done >= 1 << 20:
            break
    work.close()
    kept = part_of(tmp_path).stat().st_size
    assert 0 < kept < len(CONTENT) and not (tmp_path / "bloodmnist.npz").exists()
    assert finished(fetched("bloodmnist", tmp_path, address(server))).read_bytes() == CONTENT
    assert server.asked[-1] == f"bytes={kept}-"


def test_all_that_was_missing_was_the_name(server: Server, blood: Any, tmp_path: Path) -> None:
    part_of(tmp_path).write_bytes(CONTENT)
    assert finished(fetched("bloodmnist", tmp_path, address(server))).read_bytes() == CONTENT


def test_another_file_is_refused_and_not_kept(server: Server, blood: Any, tmp_path: Path) -> None:
    server.content = CONTENT[:-1] + b"?"
    with pytest.raises(Refused, match="MD5 differs") as refusal:
        finished(fetched("bloodmnist", tmp_path, address(server)))
    a_sentence(refusal.value)
    assert not list(tmp_path.iterdir())


def test_a_copy_in_a_folder_will_do(blood: Any, tmp_path: Path) -> None:
    copy = tmp_path / "a copy ü"
    copy.mkdir()
    (copy / "bloodmnist.npz").write_bytes(CONTENT)
    assert finished(fetched("bloodmnist", tmp_path / "one", str(copy))).read_bytes() == CONTENT
    part_of(tmp_path / "two").parent.mkdir()
    part_of(tmp_path / "two").write_bytes(CONTENT[:1000])
    assert finished(fetched("bloodmnist", tmp_path / "two", copy.as_uri())).read_bytes() == CONTENT


@pytest.mark.parametrize(("below", "fault"), [("/gone", "answers 404"), ("", "cannot be reached")])
def test_a_server_that_has_it_not_is_named(
    server: Server, blood: Any, tmp_path: Path, below: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = address(server, below) if below else "http://127.0.0.1:9"
    with pytest.raises(Refused, match=fault) as refusal:
        finished(fetched("bloodmnist", tmp_path, at))
    a_sentence(refusal.value)


def test_a_disk_that_is_too_small_is_said_before_anything_is_written(
    server: Server, blood: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda place: SimpleNamespace(free=1000))
    with pytest.raises(Refused, match="free on this disk") as refusal:
        finished(fetched("bloodmnist", tmp_path, address(server)))
    a_sentence(refusal.value)
    assert not list(tmp_path.iterdir())


def packed(path: Path, *members: tuple[str, bytes | None, bytes]) -> Path:
    """A tar of (name, content or None for a folder, type)."""
    with tarfile.open(path, "w") as tar:
        for name, content, kind in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            info.size = len(content) if content is not None and kind == tarfile.REGTYPE else 0
            if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                info.linkname = "/etc/passwd"
            tar.addfile(info, io.BytesIO(content) if info.size and content else None)
    return path


def test_a_tar_becomes_a_folder_without_what_macos_puts_in(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packed(
        tmp_path / "x.tar",
        ("Task04_Hippocampus", None, tarfile.DIRTYPE),
        ("Task04_Hippocampus/dataset.json", b"{}", tarfile.REGTYPE),
        ("Task04_Hippocampus/imagesTr/a.nii.gz", b"scan", tarfile.REGTYPE),
        ("Task04_Hippocampus/imagesTr/._a.nii.gz", b"litter", tarfile.REGTYPE),
    )
    server.content = path.read_bytes()
    one = replace(named("hippocampus"), md5=hashlib.md5(server.content).hexdigest())
    monkeypatch.setattr(fetching, "named", lambda name: one)
    place = finished(fetched("hippocampus", tmp_path / "got", address(server)))
    assert place.name == "Task04_Hippocampus" and (place / "imagesTr" / "a.nii.gz").read_bytes() == b"scan"
    assert sorted(one.name for one in place.parent.rglob("*")) == [
        "Task04_Hippocampus", "a.nii.gz", "dataset.json", "imagesTr",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kind", "fault"),
    [
        ("../evil", tarfile.REGTYPE, "outside its folder"),
        ("set/../../evil", tarfile.REGTYPE, "outside its folder"),
        ("/tmp/evil", tarfile.REGTYPE, "outside its folder"),
        ("C:/evil", tarfile.REGTYPE, "outside its folder"),
        ("set\\..\\..\\evil", tarfile.REGTYPE, "outside its folder"),
        ("set/link", tarfile.SYMTYPE, "neither a file nor a folder"),
        ("set/hard", tarfile.LNKTYPE, "neither a file nor a folder"),
        ("set/pipe", tarfile.FIFOTYPE, "neither a file nor a folder"),
    ],
)
def test_a_tar_that_leads_out_of_its_folder_is_refused(tmp_path: Path, name: str, kind: bytes, fault: str) -> None:
    path = packed(tmp_path / "bad.tar", ("set/good", b"good", tarfile.REGTYPE), (name, b"evil", kind))
    with pytest.raises(Refused, match=fault) as refusal:
        finished(unpacked(path, tmp_path / "in" / "set"))
    a_sentence(refusal.value)
    assert not list(tmp_path.rglob("evil")) and not list((tmp_path / "in").iterdir())


def test_a_stop_while_unpacking_leaves_nothing(tmp_path: Path) -> None:
    path = packed(tmp_path / "large.tar", ("set/a", b"x" * 3_000_000, tarfile.REGTYPE))
    work = unpacked(path, tmp_path / "in" / "set")
    next(work)
    work.close()
    assert not list((tmp_path / "in").iterdir()) and path.is_file()


def test_a_damaged_tar_and_a_full_disk_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bad.tar").write_bytes(b"no tar at all" * 100)
    with pytest.raises(Refused, match="no tar"):
        finished(unpacked(tmp_path / "bad.tar", tmp_path / "set"))
    path = packed(tmp_path / "good.tar", ("set/a", b"x" * 3000, tarfile.REGTYPE))
    monkeypatch.setattr(unpacking.shutil, "disk_usage", lambda place: SimpleNamespace(free=1000))
    with pytest.raises(Refused, match="free on this disk"):
        finished(unpacked(path, tmp_path / "set"))


def test_every_set_has_an_address_a_sum_and_a_licence() -> None:
    assert len(obtainable()) == 27 and len({one.name for one in obtainable()}) == 27
    for one in obtainable():
        assert one.url.startswith("https://") and one.file.startswith(one.name) and one.licence.startswith("CC BY")
        assert len(one.md5) == 32 and not set(one.md5) - set("0123456789abcdef")
        assert one.packed == (one.data_set == "decathlon") and one.samples > 10
        assert not one.sizes or all(named(f"{one.name}_{size}").md5 for size in one.sizes)


def test_a_set_is_found_by_its_name_in_any_size() -> None:
    assert named("Hippocampus").name == "Task04_Hippocampus"
    large = named("bloodmnist_128")
    assert large.url.endswith("/bloodmnist_128.npz?download=1") and large.md5 != named("bloodmnist").md5
    assert named("bloodmnist_28") == named("bloodmnist")
    assert classes_of("bloodmnist_64")[0] == "basophil" and classes_of("other") == ()
    for wrong in ("bloodmnist_65", "blood", ""):
        with pytest.raises(Refused, match="can be fetched"):
            named(wrong)
