"""What is chosen so far, of what the catalogs have: each choice is an address, so that going back works."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args
from urllib.parse import urlencode

from zpack.portal.api import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zpack.portal.api import Api

Kind = Literal["game", "dev"]
StepName = Literal["kind", "variant", "version", "details"]
KINDS: tuple[Kind, ...] = get_args(Kind)
NAME, NAME_MAX = "displayName", 200
QUICK_GAME, QUICK_ENGINES = "minecraft", ("paper", "vanilla", "purpur", "fabric")
"""What a quick start makes: this game, with the first of these engines that there is, or any."""
STEPS: tuple[StepName, ...] = get_args(StepName)


@dataclass(frozen=True)
class Product:
    """Something that can be created: a variant of a game, or a dev runtime (whose game is empty)."""

    game: str
    variant: str
    versions: tuple[str, ...]
    """The newest first."""


@dataclass(frozen=True)
class Shelf:
    """A catalog as it was read; ``problem`` says why it could not be."""

    products: tuple[Product, ...] = ()
    problem: Problem | None = None

    @property
    def groups(self) -> dict[str, list[Product]]:
        """Return the products by game."""
        found: dict[str, list[Product]] = {}
        for product in self.products:
            found.setdefault(product.game, []).append(product)
        return found


@dataclass(frozen=True)
class Choice:
    """What is chosen; what no catalog has counts as not chosen."""

    kind: Kind | None = None
    product: Product | None = None
    version: str | None = None
    name: str = ""
    """What the last step was told to call it: kept while another step is chosen again."""

    @property
    def step(self) -> StepName:
        """Return what is to be chosen next."""
        if self.kind is None:
            return "kind"
        if self.product is None:
            return "variant"
        return "version" if self.version is None else "details"

    @property
    def done(self) -> int:
        """Return how many steps are behind."""
        return STEPS.index(self.step)

    @property
    def body(self) -> dict[str, str]:
        """Return it as the API is asked for it."""
        if self.product is None or self.version is None:
            return {}
        if self.kind == "dev":
            return {"container_type": "dev", "runtime": self.product.variant, "version": self.version}
        named = {"game": self.product.game, "variant": self.product.variant, "version": self.version}
        return {"container_type": "game"} | named

    def at(self, step: StepName) -> str:
        """Return the address where a step is chosen again."""
        chosen = dict(list(self._words().items())[: (0, 1, 3, 4)[STEPS.index(step)]])
        return address(chosen | {NAME: self.name})

    def with_(self, **words: str) -> str:
        """Return the address where something more is chosen."""
        return address(self._words() | words | {NAME: self.name})

    @property
    def words(self) -> dict[str, str]:
        """Return it as its address or a form would have it."""
        return {name: word for name, word in self._words().items() if word}

    def _words(self) -> dict[str, str]:
        product = self.product
        found = {"kind": self.kind or ""}
        if product is not None:
            found |= {"game": product.game, "variant": product.variant, "version": self.version or ""}
        return found


def address(words: Mapping[str, str]) -> str:
    """Return the address of a choice."""
    given = {name: word for name, word in words.items() if word}
    return "/servers/create" + (f"?{urlencode(given)}" if given else "")


def choose(shelves: Mapping[Kind, Shelf], words: Mapping[str, str]) -> Choice:
    """Return what is chosen, as far as the catalogs have it."""
    kind: Kind | None = next((each for each in KINDS if each == words.get("kind")), None)
    name = words.get(NAME, "").strip()[:NAME_MAX]
    if kind is None:
        return Choice(name=name)
    wanted = (words.get("game", ""), words.get("variant", ""))
    product = next((p for p in shelves[kind].products if (p.game, p.variant) == wanted), None)
    if product is None:
        return Choice(kind, name=name)
    version = words.get("version")
    return Choice(kind, product, version if version in product.versions else None, name)


def choose_quickly(shelves: Mapping[Kind, Shelf]) -> Choice:
    """Return what most people begin with, in its newest version; as much as the catalogs have of it."""
    products = shelves["game"].products
    found = {p.variant: p for p in products if p.game == QUICK_GAME} or {p.variant: p for p in products}
    product = next((found[name] for name in QUICK_ENGINES if name in found), next(iter(found.values()), None))
    return Choice("game", product, product.versions[0] if product else None)


async def read_shelves(api: Api) -> dict[Kind, Shelf]:
    """Return both catalogs."""
    game, dev = await asyncio.gather(_read_shelf(api, "game"), _read_shelf(api, "dev"))
    return {"game": game, "dev": dev}


async def _read_shelf(api: Api, kind: Kind) -> Shelf:
    """Return a catalog, or why there is none."""
    try:
        found = await api.get(f"/api/catalog/{kind}")
    except Problem as problem:
        return Shelf(problem=problem)
    return Shelf(tuple(_products(found)))


def _products(found: dict[str, Any]) -> list[Product]:
    games = [(game["id"], row) for game in found.get("games", ()) for row in game["variants"]]
    runtimes = [("", row) for row in found.get("runtimes", ())]
    return [Product(game, row["id"], tuple(reversed(row["versions"]))) for game, row in games + runtimes]
