"""What can go wrong with a mod, beside what is wrong with the request."""

from __future__ import annotations

from zpack.agent.problems import Refusal


class Unsupported(Refusal):
    """The server's engine has no folder for mods."""

    code = "mods_not_supported"


class NoSuchMod(Refusal):
    """No file of this name is in the folder."""

    kind = "not_found"
    code = "mod_not_found"


class ModExists(Refusal):
    """Another file of this name is there already."""

    kind = "conflict"
    code = "mod_exists"


class TooLarge(Refusal):
    """The file is larger than a mod may be."""

    kind = "too_large"
    code = "mod_too_large"


class DownloadFailed(Refusal):
    """The file did not come, or not the one that was meant."""

    kind = "upstream"
    code = "download_failed"


class DownloadTimeout(Refusal):
    """The file did not come in time."""

    kind = "timeout"
    code = "download_timeout"
