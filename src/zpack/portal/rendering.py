"""Templates: escaped without exception, in the visitor's language; a missing value is an error, no blank."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined

from zpack.portal.brands import branded

if TYPE_CHECKING:
    from types import CodeType

    from jinja2.bccache import Bucket

    from zpack.portal.assets import Assets
    from zpack.portal.house import House
    from zpack.portal.texts import Texts

HERE = Path(__file__).parent


class Compiled(BytecodeCache):
    """What templates were compiled to: one code for all languages, which asks for its words when it runs."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give a template the code of its text, if there is one."""
        bucket.code = self._kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code of a template's text."""
        if bucket.code is not None:
            self._kept[bucket.key, bucket.checksum] = bucket.code


COMPILED = Compiled()


class Templates:
    """The templates in each language, compiled once."""

    def __init__(self, assets: Assets, house: House) -> None:
        self._assets, self._house = assets, house
        self._by_language: dict[str, Environment] = {}

    def of(self, texts: Texts) -> Environment:
        """Return the templates in the language of these texts."""
        found = self._by_language.get(texts.language)
        if found is None:
            found = self._by_language[texts.language] = build_templates(self._assets, self._house, texts)
        return found


def build_templates(assets: Assets, house: House, texts: Texts) -> Environment:
    """Construct the environment. Templates lie beside their pages, and shared ones in ``templates/``."""
    environment = Environment(
        loader=FileSystemLoader([HERE / "templates", HERE / "pages"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        enable_async=False,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
        bytecode_cache=COMPILED,
    )
    environment.install_gettext_translations(texts.catalog, newstyle=True)  # type: ignore[attr-defined]
    globals_: dict[str, Any] = environment.globals
    globals_ |= {"asset": assets.url, "house": house}
    environment.filters |= {"urlpart": _urlpart, "brand": branded}
    return environment


def _urlpart(value: Any) -> str:
    """Quote one part of a path; slashes too."""
    return quote(str(value), safe="")
