"""Which version of a file a request is about: entity tags and conditions (RFC 9110 §8.8.3, §13.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zpack.agent.problems import Refusal

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from zpack.wire.problem import Kind

TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')


class Changed(Refusal):
    """The file is another one by now than the request is about."""

    kind: Kind = "precondition"
    code = "changed_meanwhile"


def etag_of(about: os.stat_result) -> str:
    """Return the strong tag of one version of a file: whatever writes to it, its times of change differ."""
    return f'"{about.st_ino:x}-{about.st_mtime_ns:x}-{about.st_ctime_ns:x}-{about.st_size:x}"'


@dataclass(frozen=True)
class Condition:
    """What must be so when a change takes effect; nothing, without either header."""

    matching: str | None = None
    not_matching: str | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Condition:
        """Return what a request's headers ask for."""
        return cls(headers.get("If-Match"), headers.get("If-None-Match"))

    def check(self, about: os.stat_result | None) -> None:
        """Compare with what is there, None for nothing. Raises :class:`Changed`."""
        if self.matching is not None and not _among(self.matching, about):
            raise Changed("the file was changed, or removed, since it was read")
        if self.not_matching is not None and _among(self.not_matching, about):
            raise Changed("there is such a file already")


def _among(tags: str, about: os.stat_result | None) -> bool:
    """Say whether a list of tags names a version. Weak tags name none for a change."""
    if about is None:
        return False
    return tags.strip() == "*" or etag_of(about) in TAG.findall(tags)
