"""Putting an archive together: the texts while the database is read, the files after it was let go.

A small one is made while the person waits; a large one in a thread of the server, with its progress on
the page. A restart ends it without a trace but for a mark in the data folder, by which the page says so:
nothing is lost, the button is there again.
"""

from __future__ import annotations

import contextlib
import logging
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import sqlalchemy as sa
from sqlmodel import Session

from intranet.actor import Actor
from intranet.config import Settings
from intranet.db import read_session, write_session
from intranet.documents.archive_file import ArchiveWriter, Written, pieces_of
from intranet.domain import archiving
from intranet.domain.archiving import Collected
from intranet.domain.operations import outcome_of
from intranet.errors import DomainError
from intranet.i18n import SOURCE, _, use_language
from intranet.jobs import volume_path
from intranet.models import Cycle, now
from intranet.queries import archives as stored
from intranet.storage.local import LocalStore

DIRECT = 200 * 1024 * 1024
"""Bytes of files up to which the person waits for the archive."""

Documents = Callable[[Session, Cycle, Collected], Iterator[tuple[str, bytes]]]
"""The xlsx and docx that go into an archive, by member name."""

log = logging.getLogger("intranet")


@dataclass
class Progress:
    """How far an archive is: bytes of files. error: why it was given up, "" if it was not."""

    done: int = 0
    total: int = 0
    finished: bool = False
    error: str = ""


@dataclass
class Archiver:
    """One for the application. ``running`` by cycle id."""

    settings: Settings
    engine: sa.Engine
    documents: Documents
    running: dict[int, Progress] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _making: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)

    @property
    def store(self) -> LocalStore:
        return LocalStore(self.settings.evidence_folder)

    def survey(self, session: Session, cycle: Cycle) -> tuple[Collected, list[str], int]:
        """What would go in: (collected, hashes of files that are not there, bytes of those that are)."""
        made = archiving.begin(session, cycle)
        for _member in archiving.texts(session, made):
            pass  # each notes the files it names
        missing = [h for h in made.hashes if self._path(h) is None]
        there = sum(p.stat().st_size for h in made.hashes if (p := self._path(h)) is not None)
        volumes = stored.frozen_volumes(session, list(made.names))
        return made, sorted(missing), there + sum(v.size for v in volumes.values())

    def progress(self, cycle_id: int) -> Progress | None:
        return self.running.get(cycle_id)

    def was_interrupted(self, cycle_id: int) -> bool:
        """Whether the server stopped while it made the cycle's archive."""
        going = self.running.get(cycle_id)
        return (going is None or going.finished) and self._mark(cycle_id).exists()

    def _mark(self, cycle_id: int) -> Path:
        return self.settings.data / f".archiving-{cycle_id}"

    def start(self, cycle_id: int, actor: Actor, total: int, op: str = "") -> None:
        """Make a large archive in the background; one at a time for a cycle."""
        with self._lock:
            going = self.running.get(cycle_id)
            if going is not None and not going.finished:
                return
            self.running[cycle_id] = Progress(total=total)
            self._mark(cycle_id).touch()
            thread = threading.Thread(
                target=self._run, args=(cycle_id, actor, op), name="archive", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def join(self) -> None:
        """Wait for what is going on."""
        for thread in self._threads:
            thread.join()

    def _run(self, cycle_id: int, actor: Actor, op: str) -> None:
        progress = self.running[cycle_id]
        try:
            self.make(cycle_id, actor, progress, op=op)
        except DomainError as error:
            progress.error = error.message
        except Exception:  # told on the page; the log says what it was
            log.exception("archive of cycle %s", cycle_id)
            progress.error = _("生成时出错，没有归档。请再试一次；仍不行请把日志交给管理员。")
        finally:
            self._mark(cycle_id).unlink(missing_ok=True)
            progress.finished = True

    def make(self, cycle_id: int, actor: Actor, progress: Progress | None = None, *, op: str = "") -> None:
        """Write the file, keep it in the store, note it, and close the cycle; one after the other, and the
        same form sent twice makes one.

        :raises DomainError: not final, no result, or it changed meanwhile.
        """
        with self._making:
            with read_session(self.engine) as session:
                done = outcome_of(session, actor, op) is not None
            if not done:
                self._make(cycle_id, actor, progress or Progress(), op)
            self._mark(cycle_id).unlink(missing_ok=True)

    def _make(self, cycle_id: int, actor: Actor, progress: Progress, op: str) -> None:
        with tempfile.TemporaryFile(dir=self.settings.data) as file:
            number = self.write(cycle_id, file, progress)
            file.seek(0)
            received = self.store.receive(file)
        try:
            with write_session(self.engine) as session:
                cycle = session.get(Cycle, cycle_id)
                assert cycle is not None
                self.store.keep(received)
                archiving.keep(
                    session,
                    actor,
                    cycle,
                    number,
                    sha256=received.sha256,
                    size=received.size,
                    at=now(),
                    op=op,
                )
                session.commit()
        finally:
            self.store.discard(received)

    def write(self, cycle_id: int, file: IO[bytes], progress: Progress) -> int:
        """Write the archive; number of the freeze it holds. No database is held while files are copied."""
        writer = ArchiveWriter(file)
        with read_session(self.engine) as session, use_language(SOURCE):
            cycle = session.get(Cycle, cycle_id)
            assert cycle is not None
            made = archiving.begin(session, cycle)
            for name, content in archiving.texts(session, made):
                writer.add(name, content)
            for name, data in self.documents(session, cycle, made):
                writer.add(f"documents/{name}", data)
            volumes = [
                (f"volumes/{made.names[entry_id]}.pdf", volume_path(self.settings, volume))
                for entry_id, volume in sorted(stored.frozen_volumes(session, list(made.names)).items())
            ]
        missing = []
        for sha256 in sorted(made.hashes):
            path = self._path(sha256)
            if path is None:
                missing.append(sha256)
            else:
                self._copy(writer, f"files/{sha256}", path, progress)
        for name, path in volumes:
            if path.is_file():
                self._copy(writer, name, path, progress)
        members = {n: _listed(w) for n, w in writer.written.items()}
        manifest = archiving.manifest(made, members, missing)
        writer.add(archiving.MANIFEST, archiving.json_bytes(manifest))
        writer.finish()
        return made.held.number

    def _copy(self, writer: ArchiveWriter, name: str, path: Path, progress: Progress) -> None:
        def pieces(stream: IO[bytes]) -> Iterator[bytes]:
            for piece in pieces_of(stream):
                progress.done += len(piece)
                yield piece

        with path.open("rb") as stream:
            writer.add(name, pieces(stream), size=path.stat().st_size)

    def _path(self, sha256: str) -> Path | None:
        with contextlib.suppress(FileNotFoundError, ValueError):
            return self.store.path(sha256)
        return None


def _listed(written: Written) -> dict[str, str | int]:
    return {"sha256": written.sha256, "size": written.size}
