"""Checksums: of files on disk, as vendors publish them, and as the list that agents check against."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Algorithm = Literal["sha256", "sha1", "md5"]

_DIGITS: dict[Algorithm, int] = {"sha256": 64, "sha1": 40, "md5": 32}
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
_CHUNK = 1 << 20


class ChecksumError(ValueError):
    """Not a checksum, or a list of checksums that cannot be read."""


class MismatchError(Exception):
    """A file is not what its checksum promised."""


@dataclass(frozen=True)
class Checksum:
    """A promised digest of a file."""

    algorithm: Algorithm
    digest: str

    @classmethod
    def parse(cls, algorithm: Algorithm, text: str) -> Checksum:
        """Read a published digest, whatever its case; raises ChecksumError."""
        digest = text.strip().lower()
        if not re.fullmatch(rf"[0-9a-f]{{{_DIGITS[algorithm]}}}", digest):
            raise ChecksumError(f"not a {algorithm}: {text[:80]!r}")
        return cls(algorithm, digest)

    def check(self, path: Path) -> None:
        """Compare with a file's content; raises MismatchError."""
        actual = digest_of(path, self.algorithm)
        if not hmac.compare_digest(actual, self.digest):
            raise MismatchError(f"{self.algorithm} is {actual}, promised was {self.digest}")


def digest_of(path: Path, algorithm: Algorithm = "sha256") -> str:
    """Hash a file; raises OSError."""
    state = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as content:
        while chunk := content.read(_CHUNK):
            state.update(chunk)
    return state.hexdigest()


def parse_sums(text: str) -> dict[str, str]:
    """Read a SHA256SUMS file into path → digest; raises ChecksumError."""
    sums: dict[str, str] = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            raise ChecksumError(f"unreadable line: {line[:120]!r}")
        sums[match[2]] = match[1]
    return sums


def render_sums(sums: Mapping[str, str]) -> bytes:
    """Write a SHA256SUMS file that `sha256sum --check` reads too."""
    return "".join(f"{digest}  {path}\n" for path, digest in sorted(sums.items())).encode()
