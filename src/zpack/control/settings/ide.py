"""The browser IDE of dev containers (contract §7.2, §13)."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import field_validator, model_validator
from pydantic_settings import BaseSettings

from zpack.control.settings.field import FROZEN, env
from zpack.wire.agent import CODE_SERVER_PORT

SUFFIX = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:[1-9][0-9]{0,4})?")


class IdeSettings(BaseSettings):
    """How IDEs are reached."""

    model_config = FROZEN

    code_server_port: int = env("ZLH_CODE_SERVER_PORT", default=CODE_SERVER_PORT)
    """Port of the IDE in every dev container."""
    ide_return_hosted: bool = env("DEV_IDE_RETURN_HOSTED_URL", default=False)
    """Whether ``ide-token`` returns the address by host name; else the path."""
    ide_suffix: str | None = env("DEV_IDE_HOST_SUFFIX", default=None)
    """Domain, with a port when it is not the scheme's, below which only IDEs and forwarded ports live."""
    ide_scheme: Literal["http", "https"] = env("DEV_IDE_PUBLIC_SCHEME", default="http")
    """Scheme that browsers use; with https the IDE's cookies are Secure."""
    ide_secure_cookie: bool = env("ZPACK_IDE_SECURE_COOKIE", default=False)
    """Whether the IDE's cookies are Secure whatever the scheme."""
    ide_origins: str = env("DEV_IDE_ORIGINS", default="")
    """Origins, comma separated, whose pages may write to IDEs beside the IDE's own."""

    @field_validator("ide_suffix")
    @classmethod
    def _is_suffix(cls, value: str | None) -> str | None:
        if value and not SUFFIX.fullmatch(value):
            raise ValueError("must be a lower-case domain, with a port if need be")
        return value or None

    @model_validator(mode="after")
    def _hosted_somewhere(self) -> Self:
        if self.ide_return_hosted and self.ide_suffix is None:
            raise ValueError("DEV_IDE_RETURN_HOSTED_URL needs DEV_IDE_HOST_SUFFIX")
        return self
