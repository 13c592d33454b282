"""``intranet …``: the command line. Each command's module is imported when it is called, so that
asking about a rubric needs no web server and no database.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from intranet.errors import DomainError
from intranet.i18n import _

MODULES = {
    "rubrics": "rubric",
    "score": "rubric",
    "facts": "rubric",
    "lint": "rubric",
    "init": "server",
    "serve": "server",
    "demo": "server",
    "verify": "verify",
}
"""Command -> module of this package that has it in its ``COMMANDS``."""


class LazyGroup(click.Group):
    """Finds a command in :data:`MODULES` when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in MODULES:
            return None
        commands: tuple[click.Command, ...] = import_module(f"{__name__}.{MODULES[cmd_name]}").COMMANDS
        return next(c for c in commands if c.name == cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        """A refusal is a message on stderr and exit code 2, never a stack trace."""
        try:
            return super().invoke(ctx)
        except DomainError as error:
            click.echo(error.message, err=True)
            ctx.exit(2)


@click.group(cls=LazyGroup, help=_("集团校、学区考核系统。"))
def main() -> None:
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a pipe on Chinese Windows is GBK, which has no ✓ and no −
            stream.reconfigure(errors="replace")
