"""Commands that need the data folder: init, user, serve, demo, check."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from intranet.errors import DomainError
from intranet.i18n import _

if TYPE_CHECKING:
    import sqlalchemy as sa

    from intranet.config import Settings


def _settings(data: Path | None) -> Settings:
    from pydantic import ValidationError

    from intranet.config import Settings

    try:
        return Settings() if data is None else Settings(data=data)
    except ValidationError as error:
        lines = [f"  {'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors()]
        raise click.ClickException(
            _("设置有误，请改 intranet.toml 或环境变量：") + "\n" + "\n".join(lines)
        ) from error


def _prepare(settings: Settings) -> sa.Engine:
    from intranet.db import build_engine, upgrade

    settings.data.mkdir(parents=True, exist_ok=True)
    engine = build_engine(settings)
    upgrade(engine, settings)
    settings.secret_key()
    return engine


data_option = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help=_("数据文件夹，默认 ./data"),
)


@click.command()
@data_option
@click.option("--admin", default="admin", show_default=True, help=_("第一个管理员的账号"))
@click.option("--name", default="管理员", show_default=True, help=_("第一个管理员的姓名"))
def init(data: Path | None, admin: str, name: str) -> None:
    """建立或升级数据库；没有管理员时建一个，并显示一次初始密码。"""
    from intranet.actor import SYSTEM
    from intranet.db import write_session
    from intranet.domain import accounts
    from intranet.domain.calendar import start_calendar
    from intranet.enums import Role
    from intranet.queries.people import has_any_user

    settings = _settings(data)
    engine = _prepare(settings)
    with write_session(engine) as session:
        if has_any_user(session):
            click.echo(_("数据库已是最新：%(folder)s", folder=settings.data))
            return
        password = accounts.first_password()
        user = accounts.create_user(session, SYSTEM, admin, name, password)
        assert user.id is not None
        accounts.grant(session, SYSTEM, user.id, Role.BUREAU)
        start_calendar(session)
        session.commit()
    click.echo(_("数据库已建好：%(folder)s", folder=settings.data))
    click.echo(
        _("第一次登录：账号 %(login)s，初始密码 %(password)s（登录后须修改）", login=admin, password=password)
    )


@click.command()
@data_option
@click.option("--host", default=None)
@click.option("--port", type=int, default=None)
def serve(data: Path | None, host: str | None, port: int | None) -> None:
    """启动服务（waitress，Windows 和 Linux 都可用）。"""
    settings = _settings(data)
    changes = {k: v for k, v in {"host": host, "port": port}.items() if v is not None}
    _serve(settings.model_copy(update=changes))


def _serve(settings: Settings) -> None:
    import waitress

    from intranet import create_app
    from intranet.plugins import build_plugin_manager

    if not settings.allow_http and not settings.behind_proxy:
        raise click.ClickException(
            _(
                "没有 HTTPS 时登录信息会明文传输，所以默认不启动。"
                "请放在 HTTPS 代理后面并设 behind_proxy = true；"
                "只在可信内网试用时，在 %(file)s 里设 allow_http = true。",
                file=settings.data / "intranet.toml",
            )
        )
    try:
        app = create_app(settings, build_plugin_manager())
    except DomainError as error:
        raise click.ClickException(error.message) from error
    app.extensions["intranet.builder"].start()
    # Without x-forwarded-for everybody would have the proxy's address: one lock for the whole bureau.
    proxy = {
        "trusted_proxy": "127.0.0.1",
        "trusted_proxy_headers": "x-forwarded-for x-forwarded-proto x-forwarded-host",
    }
    waitress.serve(
        app,
        host=settings.host,
        port=settings.port,
        threads=settings.threads,
        connection_limit=1000,  # with the default of 100, slow clients stop the server
        channel_timeout=30,
        ident="intranet",
        # The application itself refuses more than upload_limit everywhere but where a packet comes in.
        max_request_body_size=max(settings.upload_limit, settings.packet_limit) + 4 * 1024 * 1024,
        **(proxy if settings.behind_proxy else {}),
    )


@click.command()
@data_option
@click.option("--reset", is_flag=True, help=_("删除演示数据，重新开始"))
@click.option("--port", type=int, default=8000, show_default=True)
@click.option("--no-serve", is_flag=True, help=_("只建数据，不启动服务"))
def demo(data: Path | None, reset: bool, port: int, no_serve: bool) -> None:
    """演示：建好示例单位和考核周期，启动服务，显示地址和登录账号。"""
    import shutil

    from intranet.demo import PASSWORD, build_demo
    from intranet.plugins import RubricRegistry, build_plugin_manager

    folder = data or Path("data") / "demo"
    if reset and folder.exists():
        if not (folder / "DEMO").exists():
            raise click.ClickException(_("%(folder)s 不是演示数据，不会删除。", folder=folder))
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "intranet.toml"
    if not config.exists():
        (folder / "DEMO").write_text("", encoding="utf-8")
        config.write_text(
            'bureau_name = "示例区教育局"\nhelp_line = "普教科（示例内线 0000）"\nallow_http = true\n',
            encoding="utf-8",
        )
    settings = _settings(folder).model_copy(update={"port": port})
    engine = _prepare(settings)
    built = build_demo(engine, settings, RubricRegistry(build_plugin_manager()))
    engine.dispose()
    click.echo(
        _("已建好演示数据。") if built.created else _("沿用已有的演示数据（make demo-reset 重新开始）。")
    )
    click.echo("")
    click.echo(_("地址  http://%(host)s:%(port)s/", host=settings.host, port=settings.port))
    click.echo(_("密码都是  %(password)s", password=PASSWORD))
    for account in built.accounts:
        click.echo(f"  {account.login:<16} {account.what}")
    sys.stdout.flush()
    if not no_serve:
        _serve(settings)


COMMANDS = (init, serve, demo)
