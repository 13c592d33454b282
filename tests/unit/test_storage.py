"""The local store: hashes, the same content once, nothing outside its folder, nothing left behind."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import pytest

from intranet.storage.local import CHUNK, LocalStore


def test_bytes_come_back_from_their_hash(tmp_path: Path) -> None:
    store, content = LocalStore(tmp_path / "evidence"), b"x" * (CHUNK + 17)
    received = store.receive(io.BytesIO(content))
    assert received.sha256 == hashlib.sha256(content).hexdigest()
    assert received.size == CHUNK + 17
    store.keep(received)
    kept = store.path(received.sha256)
    assert kept == tmp_path / "evidence" / received.sha256[:2] / received.sha256
    assert kept.read_bytes() == content
    assert not received.path.exists()


def test_the_same_content_is_kept_once(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    first, second = store.receive(io.BytesIO(b"same")), store.receive(io.BytesIO(b"same"))
    store.keep(first)
    store.keep(second)
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert files == [store.path(first.sha256)]


def test_discarded_bytes_leave_nothing(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    received = store.receive(io.BytesIO(b"unwanted"))
    store.discard(received)
    store.discard(received)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []
    with pytest.raises(FileNotFoundError):
        store.path(received.sha256)


def test_a_broken_stream_leaves_nothing(tmp_path: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError("connection lost")

    with pytest.raises(OSError, match="connection lost"):
        LocalStore(tmp_path).receive(Broken())
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_only_a_hash_names_a_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not a sha256"):
        LocalStore(tmp_path).path(name)


def test_a_sweep_removes_what_a_crash_left_and_nothing_else(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    kept, running, left = (store.receive(io.BytesIO(text)) for text in (b"kept", b"running", b"left"))
    store.keep(kept)
    os.utime(left.path, (1_000, 1_000))
    assert store.sweep(older_than=2_000) == 1
    assert not left.path.exists()
    assert running.path.read_bytes() == b"running"
    assert store.path(kept.sha256).read_bytes() == b"kept"
    assert LocalStore(tmp_path / "new").sweep(older_than=2_000) == 0


TOKEN = "0123456789abcdef" * 2


def test_pieces_add_up_and_go_on_after_a_break(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    assert store.arrived(TOKEN) == 0
    assert store.append(TOKEN, 0, io.BytesIO(b"abcd"), 10) == 4
    assert LocalStore(tmp_path).arrived(TOKEN) == 4
    assert store.append(TOKEN, 4, io.BytesIO(b"efghij"), 3) == 7  # never more than is still missing
    with store.pieces(TOKEN) as file:
        assert file.read() == b"abcdefg"
    assert store.append(TOKEN, 6, io.BytesIO(b"G"), 1) == 7
    store.forget(TOKEN)
    store.forget(TOKEN)
    assert store.arrived(TOKEN) == 0
    with pytest.raises(FileNotFoundError):
        store.pieces(TOKEN)


def test_no_gap_between_pieces(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.append(TOKEN, 0, io.BytesIO(b"abcd"), 10)
    with pytest.raises(ValueError, match="a gap"):
        store.append(TOKEN, 5, io.BytesIO(b"f"), 10)
    assert store.arrived(TOKEN) == 4


def test_what_came_before_a_broken_stream_stays(tmp_path: Path) -> None:
    class Breaking(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                raise OSError("connection lost")
            return super().read(3)

    store = LocalStore(tmp_path)
    with pytest.raises(OSError, match="connection lost"):
        store.append(TOKEN, 0, Breaking(b"abcdef"), 6)
    assert store.arrived(TOKEN) == 3


@pytest.mark.parametrize("token", ["../x", "", "A" * 32, "0" * 31, "0" * 32 + "\n"])
def test_only_a_token_names_pieces(tmp_path: Path, token: str) -> None:
    with pytest.raises(ValueError, match="not a token"):
        LocalStore(tmp_path).arrived(token)
