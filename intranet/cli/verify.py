"""``intranet verify ARCHIVE``: is an archive unchanged, and does its result still come out? No database needed."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import click

from intranet.documents import archive_check
from intranet.documents.archive_file import pieces_of
from intranet.domain.snapshot import check_code
from intranet.errors import RubricError
from intranet.i18n import _
from intranet.plugins import RubricRegistry, build_plugin_manager
from intranet.rubric.engine import Hooks

AGREES, DIFFERS, PARTLY = 0, 1, 3
"""Exit codes. 2 is click's own: the command was called wrongly."""


def _hooks(key: str) -> Hooks | None:
    """A plugin that cannot be loaded is as good as none: the rest of the archive can be checked all the same."""
    try:
        installed = RubricRegistry(build_plugin_manager()).get(key)
    except RubricError as error:
        click.echo(_("考核办法插件不能用：%(why)s", why=error.lines[0]), err=True)
        return None
    return None if installed is None else installed.hooks


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for piece in pieces_of(file):
            digest.update(piece)
    return digest.hexdigest()


@click.command(
    help=_("核对一份归档：每个成员、日志、重新算分。一致退出码 0，不一致 1，缺插件只核对了一部分 3。")
)
@click.argument("archive", metavar="ARCHIVE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def verify(archive: Path) -> None:
    verdict = archive_check.check(archive, _hooks)
    if verdict.title:
        click.echo(_("%(title)s　%(rubric)s", title=verdict.title, rubric=verdict.rubric))
        click.echo(_("结果指纹 %(f)s", f=verdict.fingerprint))
        click.echo(_("结果校验码 %(code)s（与定稿签批表上的对照）", code=check_code(verdict.fingerprint)))
        click.echo(_("归档文件 SHA-256 %(sha)s", sha=_sha256(archive)))
        click.echo(
            _(
                "归档时程序 %(program)s，插件 %(plugin)s",
                program=verdict.program_version or "—",
                plugin=verdict.plugin_version or "—",
            )
        )
    if not verdict.agrees:
        click.echo(_("不一致：%(what)s", what=verdict.difference))
        sys.exit(DIFFERS)
    if verdict.missing:
        click.echo(_("归档时就缺 %(n)s 份材料的文件，清单上已注明。", n=len(verdict.missing)))
    looked = _(
        "核对了 %(members)s 个成员、%(log)s 条日志、%(results)s 次冻结（%(units)s 个单位）。",
        members=verdict.members,
        log=verdict.log_entries,
        results=verdict.results,
        units=verdict.units,
    )
    if not verdict.recomputed:
        click.echo(looked)
        text = _(
            "没有安装考核办法“%(key)s”的插件，没有重新算分；成员的哈希、日志和指纹都一致。",
            key=verdict.rubric_key,
        )
        click.echo(text)
        sys.exit(PARTLY)
    click.echo(looked)
    click.echo(_("一致"))


COMMANDS = (verify,)
