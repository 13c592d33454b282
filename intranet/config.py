"""Settings: environment (``INTRANET_…``) first, then ``intranet.toml`` in the data folder.

Nothing else in the code reads the environment.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

MEGABYTE = 1024 * 1024


class Settings(BaseSettings):
    """All that an installation may set. Sizes in bytes, times in minutes unless named otherwise."""

    model_config = SettingsConfigDict(env_prefix="INTRANET_", extra="forbid")

    data: Path = Field(default=Path("data"), validate_default=True)
    bureau_name: str = "教育局"
    host: str = "127.0.0.1"
    port: int = 8000
    allow_http: bool = False
    behind_proxy: bool = False
    threads: int = 8
    database: str = ""
    upload_limit: int = Field(default=50 * MEGABYTE, gt=0)
    packet_limit: int = Field(default=1024 * MEGABYTE, gt=0, lt=4096 * MEGABYTE)  # the format ends at 4 GB
    quota_per_unit: int = Field(default=5 * 1024 * MEGABYTE, gt=0)
    idle_minutes: int = 30
    absolute_hours: int = 12
    timezone: str = "Asia/Shanghai"
    help_line: str = ""  # whom to call: 普教科 内线 8021
    smtp_host: str = ""  # the bureau's own mail server; empty: no mail is ever sent
    smtp_port: int = Field(default=25, gt=0, lt=65536)
    smtp_security: Literal["none", "starttls", "tls"] = "none"
    smtp_user: str = ""
    smtp_password: str = ""
    smtp_password_file: Path | None = None  # instead: a file with nothing else in it
    mail_from: str = ""  # the sender's address

    @field_validator("data")
    @classmethod
    def _absolute(cls, data: Path) -> Path:
        """Flask takes a relative path as one inside its own package, everybody else as one from here."""
        return data.absolute()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The TOML file lies in the data folder, so that folder is known first."""
        data = init_settings().get("data") or os.environ.get("INTRANET_DATA") or "data"
        toml = TomlConfigSettingsSource(settings_cls, Path(str(data)) / "intranet.toml")
        return (init_settings, env_settings, toml)

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.data / 'intranet.db'}"

    @property
    def evidence_folder(self) -> Path:
        return self.data / "evidence"

    def mail_password(self) -> str:
        """The password of the mail account, from the setting or from its own file.

        :raises OSError: the file cannot be read.
        """
        if self.smtp_password_file is None:
            return self.smtp_password
        return self.smtp_password_file.read_text(encoding="utf-8").strip()

    def secret_key(self) -> bytes:
        """The key that signs cookies: made on first start, kept beside the database, readable by the owner only."""
        path = self.data / "secret.key"
        try:
            key = path.read_bytes()
        except FileNotFoundError:
            self.data.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            key = secrets.token_hex(32).encode()
            with os.fdopen(descriptor, "wb") as file:
                file.write(key)
        if len(key.strip()) < 32:
            raise RuntimeError(f"{path}: secret key too short; delete the file to have a new one made")
        return key.strip()
