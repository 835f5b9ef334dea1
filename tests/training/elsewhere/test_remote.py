"""A run on another machine, over an ssh that runs its commands here: told as if it went here, through breaks too."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from medviz.figures import Picture
from medviz.messages import Message, Note, Scalar
from medviz.refused import Refused
from medviz.training import run
from medviz.training.elsewhere import remote, transport
from medviz.training.elsewhere.addresses import Elsewhere, elsewhere, place_of
from medviz.training.elsewhere.places import attach_to
from medviz.training.elsewhere.remote import followed_from, origin_of
from medviz.training.elsewhere.transport import LocalTransport, SshTransport
from medviz.training.orders import order
from medviz.training.run import attach
from medviz.training.trainer import train
from tests.training.toys import Toy, curve, taught

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the stand-in for ssh is a shell script")

SSH = """#!/bin/sh
# a stand-in for ssh: notes what it was asked, then runs the command here
echo "$*" >> "$FAKE_SSH/asked"
while [ $# -gt 0 ]; do
  case "$1" in -o|-p|-O) shift 2;; -T) shift;; --) shift; break;; *) break;; esac
done
case "$1" in
  nowhere) echo "ssh: Could not resolve hostname nowhere: Name or service not known" >&2; exit 255;;
  closed) echo "me@closed: Permission denied (publickey,password)." >&2; exit 255;;
  stranger) echo "Host key verification failed." >&2; exit 255;;
esac
if [ -e "$FAKE_SSH/broken" ]; then echo "kex_exchange_identification: Connection closed" >&2; exit 255; fi
shift
exec sh -c "$*"
"""


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of the stand-in; a file "broken" in it breaks new connections."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "ssh").write_text(SSH)
    (folder / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_SSH", str(folder))
    monkeypatch.setattr(remote, "POLL_S", 0.02)
    monkeypatch.setattr(remote, "FIRST_WAIT_S", 0.1)
    monkeypatch.setattr(remote, "SETTLE_S", 1.0)
    monkeypatch.setattr(remote, "GAP_S", 0.3)
    return folder


def test_a_run_that_ended_is_told_as_it_was_said(ssh: Path, tmp_path: Path) -> None:
    there = tmp_path / "it's a run; $(of) mine"
    said = taught(Toy(probe_every=5), there)
    for number, way in enumerate((SshTransport("me@host", str(there), 2222), LocalTransport(there))):
        mirror = tmp_path / f"mirror {number}"
        heard = list(followed_from(way, mirror))
        for name in ("train/loss", "validation/loss", "train/gradient norm"):
            assert curve(heard, name) == curve(said, name)
        pictures = [one for one in heard if isinstance(one, Picture)]
        assert len(pictures) == 1, "of those drawn before anyone looked the last of each name"
        assert {path.name for path in mirror.iterdir()} >= {"task.toml", "status.json", "MODEL_CARD.md", "events.jsonl"}
        assert curve(list(attach(mirror)), "train/loss") == curve(said, "train/loss"), "the mirror is a run itself"
    asked = (ssh / "asked").read_text()
    assert "-p 2222" in asked and "BatchMode=yes" in asked and "password" not in asked
    assert origin_of(tmp_path / "mirror 0") == f"me@host:{there}"
    assert not origin_of(there)


def test_it_is_followed_while_it_grows_and_through_a_break(ssh: Path, tmp_path: Path) -> None:
    there = tmp_path / "run"
    work, said = train(Toy(), there), list[Message]()
    while not any(isinstance(one, Scalar) and one.step == 6 for one in said):
        said.append(next(work))
    said += list(work)
    whole = (there / "events.jsonl").read_bytes()
    lines = whole.splitlines(keepends=True)
    (there / "events.jsonl").write_bytes(b"".join(lines[:20]))
    transported = SshTransport("host", str(there))
    following, heard = followed_from(transported, tmp_path / "mirror"), list[Message]()
    while not any(isinstance(one, Scalar) for one in heard):
        heard.append(next(following))
    (ssh / "broken").touch()
    for stream in _streams(following):
        stream._process.kill()  # type: ignore[attr-defined]
    while not any(isinstance(one, Note) and "broke" in one.text for one in heard):
        heard.append(next(following))
    (there / "events.jsonl").write_bytes(whole)
    (ssh / "broken").unlink()
    heard += list(following)
    assert curve(heard, "train/loss") == curve(said, "train/loss")
    assert any(isinstance(one, Note) and "is reached again" in one.text for one in heard)
    losses = [one.step for one in heard if isinstance(one, Scalar) and one.name == "train/loss"]
    assert losses == sorted(set(losses)), "nothing is told twice"


def _streams(work: object) -> Iterator[object]:
    """The stream that the innermost frame of the work holds."""
    frame = work
    while frame is not None:
        held = getattr(frame, "gi_frame", None)
        if held is not None and "stream" in held.f_locals:
            yield held.f_locals["stream"]
            return
        frame = getattr(frame, "gi_yieldfrom", None)


def test_an_order_is_carried_over(ssh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "FLUSH_S", 0.0)
    there, mirror = tmp_path / "run", tmp_path / "mirror"
    work = train(Toy(epochs=400), there)
    while getattr(next(work), "step", 0) < 2:
        pass
    following = followed_from(SshTransport("host", str(there)), mirror)
    while not isinstance(next(following), Scalar):
        pass
    order(mirror, "stop")
    for _ in range(500):
        next(following)
        if (there / "control.json").exists():
            break
    assert json.loads((there / "control.json").read_text())["orders"][-1]["name"] == "stop"
    said = list(work)
    assert isinstance(said[-1], Note)
    assert "as asked" in said[-1].text
    list(following)
    assert json.loads((mirror / "status.json").read_text())["state"] == "stopped"


@pytest.mark.parametrize(
    ("host", "path", "sentence"),
    [
        ("nowhere", "/runs/a", "nowhere: there is no such host"),
        ("me@closed", "/runs/a", "does not let you in without a password; set up a key once: ssh-copy-id me@closed"),
        ("stranger", "/runs/a", "connect once in a terminal and check it: ssh stranger"),
        ("host", "/no/such/folder", "there is no such folder on that machine"),
        ("host", "/", "there is no run in it"),
        ("-oProxyCommand=evil", "/runs/a", "it is no name of a host"),
    ],
)  # fmt: skip
def test_what_cannot_be_reached_is_refused_in_a_sentence(
    ssh: Path, tmp_path: Path, host: str, path: str, sentence: str
) -> None:
    host = host.replace("me@closed", "closed") if "closed" in host else host
    sentence = sentence.replace("me@closed", "closed")
    with pytest.raises(Refused) as told:
        list(followed_from(SshTransport(host, path), tmp_path / "mirror"))
    assert sentence in str(told.value)
    assert not (tmp_path / "mirror").exists()


def test_without_a_client_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refused, match="there is no ssh client on this machine"):
        list(followed_from(SshTransport("host", "/x"), tmp_path / "mirror"))


def test_no_process_is_left_behind(ssh: Path, tmp_path: Path) -> None:
    taught(Toy(epochs=1), tmp_path / "run")
    way = SshTransport("host", str(tmp_path / "run"))
    stream = way.tail("events.jsonl", 0)
    while not stream.read():
        pass
    stream.close()
    way.close()
    assert stream._process.returncode is not None
    assert not any(thread.is_alive() for thread in stream._threads)


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("ssh://host/runs/a", Elsewhere("host", "/runs/a")),
        ("ssh:/host/runs/a", Elsewhere("host", "/runs/a")),
        ("ssh://me@host:2222/~/runs/a", Elsewhere("me@host", "~/runs/a", 2222)),
        ("me@gpu.uni.example:runs/a", Elsewhere("me@gpu.uni.example", "runs/a")),
        ("/runs/a", None),
        ("C:/runs/a", None),
        (r"C:\runs\a", None),
        ("runs/a:b", None),
    ],
)  # fmt: skip
def test_an_address_is_read_as_people_write_it(where: str, found: Elsewhere | None) -> None:
    assert elsewhere(where) == found


def test_two_runs_of_one_name_have_two_mirrors(tmp_path: Path) -> None:
    places = {place_of(f"{host}:{path}", tmp_path) for host in ("one", "other") for path in ("x/run", "y/run")}
    assert len(places) == 4
    assert all(place.parent == tmp_path / ".elsewhere" and place.name.startswith("run-") for place in places)
    with pytest.raises(Refused, match="names no folder"):
        elsewhere("ssh://host")


def test_whatever_can_be_followed_is_told_by_what_it_is(tmp_path: Path) -> None:
    taught(Toy(epochs=1), tmp_path / "run")
    assert curve(list(attach_to(str(tmp_path / "run"), tmp_path)), "train/loss")
    with pytest.raises(Refused, match="no such file or folder"):
        list(attach_to(str(tmp_path / "gone"), tmp_path))
    (tmp_path / "empty").mkdir()
    with pytest.raises(Refused, match="there is no run in it"):
        list(attach_to(str(tmp_path / "empty"), tmp_path))


def test_half_an_answer_is_as_far_as_it_goes() -> None:
    assert transport._unframed(b"3 a.txt\nabc2 b\nxy") == {"a.txt": b"abc", "b": b"xy"}
    assert transport._unframed(b"3 a.txt\nabc9 b\nxy") == {"a.txt": b"abc"}
    assert transport._unframed(b"motd") == {}
    assert sys.platform
