"""The catalog: semantic order, no empties, no typo, and an outage bridged by the last answer."""

from __future__ import annotations

import asyncio

import pytest

from zpack.control.catalog import actions
from zpack.control.catalog.actions import Catalog, CatalogAway, NotInCatalog
from zpack.control.catalog.models import dev_wire, game_wire, version_key
from zpack.control.engine.errors import ForeignError


class Store:
    """An artifact server that can go away."""

    def __init__(self) -> None:
        self.away = False
        self.reads = 0
        self.answers = asyncio.Event()
        self.answers.set()

    async def game_catalog(self) -> dict[str, dict[str, list[str]]]:
        await self.answers.wait()
        if self.away:
            raise ForeignError("away", transient=True)
        return {"minecraft": {"paper": ["1.9", "1.21.4", "1.21"], "empty": [], "pupur": ["1"]}, "bare": {}}

    async def dev_catalog(self) -> dict[str, list[str]]:
        self.reads += 1
        return {"python": ["3.12", "3.9"], "go": []}


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def catalog(store: Store) -> Catalog:
    return Catalog(artifacts=store)  # type: ignore[arg-type]


async def test_versions_are_sorted_by_meaning(catalog: Catalog) -> None:
    variants = (await catalog.games())["games"]
    assert variants == [
        {"id": "minecraft", "variants": [{"id": "paper", "versions": ["1.9", "1.21", "1.21.4"]}]}
    ]


@pytest.mark.parametrize(
    ("game", "variant", "version", "available"),
    [
        ("doom", "paper", "1.9", ["bare", "minecraft"]),
        ("minecraft", "pupur", "1", ["paper"]),
        ("minecraft", "paper", "9", ["1.9", "1.21.4", "1.21"]),
    ],
)
async def test_what_is_not_there_is_refused_with_what_is(
    catalog: Catalog, game: str, variant: str, version: str, available: list[str]
) -> None:
    with pytest.raises(NotInCatalog) as refusal:
        await catalog.check_game(game=game, variant=variant, version=version)
    assert refusal.value.details == {"available": available}


async def test_many_readers_are_one_read(catalog: Catalog, store: Store) -> None:
    found = await asyncio.gather(*(catalog.runtimes() for _ in range(20)))
    assert store.reads == 1
    assert found[0] == {"runtimes": [{"id": "python", "versions": ["3.9", "3.12"]}]}


async def test_a_later_outage_is_bridged_by_the_last_answer(
    catalog: Catalog, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "FRESH_SECONDS", 0.0)
    before = await catalog.games()
    store.away = True
    assert await catalog.games() == before


async def test_nobody_waits_for_a_store_that_hangs_while_there_is_a_last_answer(
    catalog: Catalog, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(actions, "PATIENCE_SECONDS", 0.0)
    before = await catalog.games()
    store.answers.clear()
    assert await asyncio.gather(*(catalog.games() for _ in range(20))) == [before] * 20
    store.answers.set()


async def test_an_outage_at_the_beginning_is_said(catalog: Catalog, store: Store) -> None:
    store.away = True
    with pytest.raises(CatalogAway):
        await catalog.games()


def test_pre_releases_come_before_their_release() -> None:
    versions = ["1.21", "1.20.6", "1.21-rc1", "1.21-pre2", "26.1"]
    assert sorted(versions, key=version_key) == ["1.20.6", "1.21-pre2", "1.21-rc1", "1.21", "26.1"]


def test_empty_runtimes_are_left_out() -> None:
    assert dev_wire({"python": ["3.12", "3.9"], "go": []}) == {
        "runtimes": [{"id": "python", "versions": ["3.9", "3.12"]}]
    }
    assert game_wire({}) == {"games": []}
