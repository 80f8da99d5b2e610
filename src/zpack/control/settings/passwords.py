"""How dear a password's hash is."""

from __future__ import annotations

from pydantic_settings import BaseSettings

from zpack.control.settings.field import FROZEN, env


class PasswordSettings(BaseSettings):
    """Costs of Argon2id (RFC 9106 §4); OWASP's least is 19 MiB with 2 passes."""

    model_config = FROZEN

    password_memory_kib: int = env("ZPACK_PASSWORD_MEMORY_KIB", default=65536, ge=1024, le=1 << 22)
    """KiB of memory for one hash; what is stored is hashed anew at the next login."""
    password_passes: int = env("ZPACK_PASSWORD_PASSES", default=3, ge=1, le=64)
    """Passes over that memory."""
