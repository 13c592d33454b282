"""Background work: builds of evidence volumes, one at a time, in a process of their own.

The queue is the ``volume`` table, so a restart loses nothing: what was running begins again (converted
pages are cached), what waits goes on waiting. A thread of the server takes the next build, starts
``python -m intranet.volume`` with the plan, and writes its progress; cancelling kills that process.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from intranet.config import Settings
from intranet.db import read_session, write_session
from intranet.domain import volumes
from intranet.domain.scoring import scoring_for
from intranet.enums import BuildState
from intranet.i18n import _
from intranet.models import Cycle, Entry, Volume, now
from intranet.plugins import RubricRegistry
from intranet.queries.radar import known_prints
from intranet.queries.volumes import held_volume, left_running, next_waiting, volumes_of
from intranet.storage.local import LocalStore
from intranet.volume import ENVIRONMENT

PAUSE = 0.5
"""Seconds between two looks at a running build: progress written, cancelling noticed."""

STALL = 900.0
"""Seconds without a word from a running build after which it is ended, as one that broke off."""
CACHE_DAYS = 90
"""Days that converted pages stay without being used."""


def volume_path(settings: Settings, volume: Volume) -> Path:
    """Where the PDF of a build lies."""
    return settings.data / "volumes" / str(volume.entry_id) / f"{volume.number}.pdf"


def cache_folder(settings: Settings) -> Path:
    """Converted pages by content hash; may be deleted at any time."""
    return settings.data / "volumes" / "cache"


class Builder:
    """The one worker of a server: ``start`` when serving begins, ``wake`` after a request was committed.

    An application that is not served (a command, a test) builds nothing in the background; ``run``
    works through the queue at once.
    """

    def __init__(self, settings: Settings, engine: sa.Engine, registry: RubricRegistry) -> None:
        self.settings, self.engine, self.registry = settings, engine, registry
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._serving = False

    def wake(self) -> None:
        """Work through the queue in the background, unless that is already going on."""
        if not self._serving:
            return
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self.run, name="volumes", daemon=True)
                self._thread.start()

    def start(self) -> None:
        """Put what a stop of the server interrupted back into the queue, and go on with it."""
        self._serving = True
        with write_session(self.engine) as session:
            for volume in left_running(session):
                volume.state, volume.done, volume.doing = BuildState.WAITING, 0, ""
                session.add(volume)
            session.commit()
            waiting = next_waiting(session) is not None
        if waiting:
            self.wake()

    def run(self) -> None:
        """Build until nothing waits."""
        while (volume_id := self._take()) is not None:
            try:
                self._build(volume_id)
            except Exception as error:  # the queue goes on whatever one build does
                self._fail(volume_id, str(error) or type(error).__name__)

    def join(self) -> None:
        """Wait until the queue is empty."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def _take(self) -> int | None:
        with write_session(self.engine) as session:
            volume = next_waiting(session)
            if volume is None:
                return None
            volume.state = BuildState.RUNNING
            session.add(volume)
            session.commit()
            return volume.id

    def _build(self, volume_id: int) -> None:
        order, target = self._order(volume_id)
        target.parent.mkdir(parents=True, exist_ok=True)
        result: dict[str, Any] | None = None
        for careful in (False, True):  # one file may break the process off: then each is tried alone
            try:
                with _child(order | {"careful": careful}) as child:
                    result = self._follow(volume_id, child)
            finally:
                _sweep(target)
            if result is None:
                return
            if not result.get("broken_off"):
                break
        assert result is not None
        if "error" in result:
            self._fail(volume_id, str(result["error"]))
            return
        with write_session(self.engine) as session:
            volume = session.get(Volume, volume_id)
            if volume is None or volume.state != BuildState.RUNNING:
                target.unlink(missing_ok=True)
                return
            volumes.finish(session, volume, result, at=now())
            session.commit()
        self._prune(volume_id)

    def _order(self, volume_id: int) -> tuple[dict[str, Any], Path]:
        """What the child is told, and where the PDF will be."""
        with read_session(self.engine) as session:
            volume = session.get(Volume, volume_id)
            assert volume is not None
            entry = session.get(Entry, volume.entry_id)
            assert entry is not None
            cycle = session.get(Cycle, entry.cycle_id)
            assert cycle is not None
            here = volume.requested_at.astimezone(ZoneInfo(self.settings.timezone))
            day = _("%(year)s 年 %(month)s 月 %(day)s 日", year=here.year, month=here.month, day=here.day)
            plan = volumes.plan_of(
                session,
                cycle,
                scoring_for(cycle, self.registry),
                entry,
                LocalStore(self.settings.evidence_folder),
                bureau=self.settings.bureau_name,
                day=day,
                pictures=volume.pictures,
            )
            before = held_volume(session, volume.entry_id)
            target = volume_path(self.settings, volume)
            order = {
                "plan": plan.to_json(),
                "target": str(target),
                "cache": str(cache_folder(self.settings)),
                "before": before.digests if before is not None else [],
                "known_prints": sorted(known_prints(session, [d.sha256 for d in plan.documents])),
            }
            return order, target

    def _follow(self, volume_id: int, child: subprocess.Popen[str]) -> dict[str, Any] | None:
        """Write progress while the child works; its result, or None if the build was cancelled."""
        lines: list[str] = []
        reader = threading.Thread(target=_read, args=(child, lines), daemon=True)
        reader.start()
        seen, heard = 0, time.monotonic()
        while reader.is_alive():
            reader.join(PAUSE)
            if len(lines) > seen:
                seen, heard = len(lines), time.monotonic()
                self._progress(volume_id, lines[-1])
            elif time.monotonic() - heard > STALL:  # the queue waits for it
                child.kill()
                child.wait()
                return {"error": _("编制很久没有进展，已停下。请再试一次。"), "broken_off": True}
            if self._is_cancelled(volume_id):
                child.kill()
                child.wait()
                return None
        child.wait()
        try:
            last = json.loads(lines[-1]) if lines else {}
        except ValueError:
            last = {}
        if "sha256" in last or "error" in last:
            found: dict[str, Any] = last
            return found
        why = _("编制程序中断了（退出码 %(code)s）。请再试一次。", code=child.returncode)
        return {"error": why, "broken_off": True}

    def _progress(self, volume_id: int, line: str) -> None:
        with contextlib.suppress(ValueError):
            said = json.loads(line)
            if "total" not in said:
                return
            with write_session(self.engine) as session:
                volume = session.get(Volume, volume_id)
                if volume is not None and volume.state == BuildState.RUNNING:
                    volume.done, volume.total = int(said["done"]), int(said["total"])
                    volume.doing = str(said.get("what", ""))[:200]
                    session.add(volume)
                    session.commit()

    def _is_cancelled(self, volume_id: int) -> bool:
        with read_session(self.engine) as session:
            volume = session.get(Volume, volume_id)
            return volume is None or volume.state != BuildState.RUNNING

    def _fail(self, volume_id: int, why: str) -> None:
        with write_session(self.engine) as session:
            volume = session.get(Volume, volume_id)
            if volume is not None and volume.state == BuildState.RUNNING:
                volumes.fail(session, volume, why, at=now())
                session.commit()

    def _prune(self, volume_id: int) -> None:
        """Working copies give way to the newest; what was handed in (frozen) stays. Converted pages that no
        build has used for a long time go; they would be made again."""
        oldest = time.time() - CACHE_DAYS * 86_400
        for kept in cache_folder(self.settings).glob("*"):
            with contextlib.suppress(OSError):
                if kept.stat().st_mtime < oldest:
                    kept.unlink()
        with read_session(self.engine) as session:
            volume = session.get(Volume, volume_id)
            assert volume is not None
            for other in volumes_of(session, volume.entry_id):
                if other.number < volume.number and not other.frozen:
                    volume_path(self.settings, other).unlink(missing_ok=True)


def _sweep(target: Path) -> None:
    """What a build that was stopped left beside its target."""
    for left in target.parent.glob(f".{target.name}.*"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


@contextlib.contextmanager
def _child(order: dict[str, Any]) -> Iterator[subprocess.Popen[str]]:
    """The building process, with its order on standard input; gone when the block ends."""
    child = subprocess.Popen(
        [sys.executable, "-m", "intranet.volume"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        env=os.environ | ENVIRONMENT,
    )
    try:
        assert child.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(json.dumps(order))
            child.stdin.close()
        yield child
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        if child.stdout is not None:
            child.stdout.close()


def _read(child: subprocess.Popen[str], lines: list[str]) -> None:
    assert child.stdout is not None
    with contextlib.suppress(ValueError):  # closed while it is read: the build was cancelled
        for line in child.stdout:
            lines.append(line)
