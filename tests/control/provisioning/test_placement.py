"""Which node a container goes to: the pure choice, by example and by property."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from zpack.control.outside.proxmox_facts import Guest, NodeFacts, StorageFacts
from zpack.control.provisioning.placement import Candidate, Need, Placed, choose, fullness

if TYPE_CHECKING:
    from collections.abc import Sequence

GIB = 1 << 30
NEED = Need(memory=2 * GIB, cores=2, disk=8 * GIB)


def node(name: str, *, used: int = 2, load: float = 0.1, memory: int = 32) -> NodeFacts:
    return NodeFacts(name, True, memory * GIB, used * GIB, 8, load)


def store(at: str, *, used: int = 10, size: int = 500, shared: bool = False) -> StorageFacts:
    return StorageFacts("vms", at, True, shared, size * GIB, used * GIB)


def on(*nodes: NodeFacts, shared: bool = False) -> list[Candidate]:
    return [Candidate(each, store(each.name, shared=shared)) for each in nodes]


def pick(
    candidates: Sequence[Candidate],
    *,
    guests: Sequence[Guest] = (),
    placed: Sequence[Placed] = (),
    need: Need = NEED,
) -> str | None:
    return choose(need, candidates, guests=guests, placed=placed)


def guest(vmid: int, at: str, memory: int, status: str = "stopped") -> Guest:
    return Guest(vmid, at, status, f"ct{vmid}", False, memory=memory * GIB)


def test_the_node_with_the_most_free_memory() -> None:
    assert pick(on(node("a", used=20), node("b", used=4), node("c", used=8))) == "b"


def test_a_busy_node_is_avoided() -> None:
    assert pick(on(node("a", load=0.9), node("b", load=0.2))) == "b"


def test_a_full_storage_is_no_choice() -> None:
    full = Candidate(node("a"), store("a", used=495))
    assert pick([full, *on(node("b", used=25))]) == "b"


def test_memory_promised_to_stopped_guests_counts() -> None:
    assert pick(on(node("a"), node("b", used=6)), guests=[guest(5001, "a", 24)]) == "b"


def test_promised_memory_may_be_more_than_there_is() -> None:
    assert pick(on(node("a")), guests=[guest(5000 + n, "a", 8) for n in range(9)]) == "a"


def test_no_node_has_room() -> None:
    assert pick(on(node("a", used=31), node("b", used=31))) is None
    assert pick([]) is None


def test_a_storage_that_is_not_told_of_does_not_stand_in_the_way() -> None:
    assert pick([Candidate(node("a"), None), Candidate(node("b"), store("b", size=0, used=0))]) == "a"


def test_a_create_that_runs_already_is_not_counted_twice() -> None:
    placed = [Placed(5001, "a", NEED)]
    running = [guest(5001, "a", 2, status="running")]
    coming = fullness(on(node("a"))[0], NEED, guests=[], placed=placed)
    there = fullness(on(node("a", used=4))[0], NEED, guests=running, placed=placed)
    assert coming is not None
    assert there is not None
    assert there < coming


def test_creates_elsewhere_write_to_a_shared_storage_too() -> None:
    tight = [Candidate(node("a"), store("a", used=485, shared=True))]
    assert pick(tight) == "a"
    assert pick(tight, placed=[Placed(5001, "b", NEED)]) is None


def test_forty_at_once_spread_evenly_over_three_nodes() -> None:
    candidates, placed = on(node("a", memory=128), node("b", memory=128), node("c", memory=128)), []
    for vmid in range(5000, 5040):
        chosen = pick(candidates, placed=placed)
        assert chosen is not None
        placed.append(Placed(vmid, chosen, NEED))
    counts = sorted(sum(place.node == name for place in placed) for name in "abc")
    assert counts == [13, 13, 14]


names = st.sampled_from(["a", "b", "c", "d"])
facts = st.builds(
    node, names, used=st.integers(0, 32), load=st.floats(0, 1), memory=st.sampled_from([16, 32, 64])
)
clusters = st.lists(facts, max_size=4, unique_by=lambda each: each.name)
needs = st.builds(Need, st.integers(1, 40 * GIB), st.integers(1, 16), st.integers(0, 600 * GIB))
places = st.lists(
    st.builds(Placed, st.integers(5000, 5999), names, needs), max_size=8, unique_by=lambda place: place.vmid
)


@given(clusters, needs, places)
def test_what_is_chosen_has_the_room(cluster: list[NodeFacts], need: Need, placed: list[Placed]) -> None:
    chosen = pick(on(*cluster), need=need, placed=placed)
    by_name = {each.name: each for each in cluster}
    for name, each in by_name.items():
        coming = sum(place.need.memory for place in placed if place.node == name)
        fits = each.memory_used + coming + need.memory <= each.memory
        assert fits or chosen != name
    assert chosen is None or chosen in by_name


@given(clusters, needs, places, st.randoms())
def test_the_order_of_the_nodes_does_not_matter(
    cluster: list[NodeFacts], need: Need, placed: list[Placed], shuffle: object
) -> None:
    turned = list(cluster)
    shuffle.shuffle(turned)  # pyright: ignore[reportAttributeAccessIssue]
    assert pick(on(*turned), need=need, placed=placed) == pick(on(*cluster), need=need, placed=placed)


@given(clusters, needs, places)
def test_a_create_more_never_makes_a_node_emptier(
    cluster: list[NodeFacts], need: Need, placed: list[Placed]
) -> None:
    for candidate in on(*cluster):
        before = fullness(candidate, need, guests=[], placed=placed)
        another = Placed(6999, candidate.node.name, NEED)
        after = fullness(candidate, need, guests=[], placed=[*placed, another])
        assert after is None or (before is not None and after >= before)


@given(clusters, needs)
def test_a_node_that_grows_is_not_fuller(cluster: list[NodeFacts], need: Need) -> None:
    for candidate in on(*cluster):
        bigger = replace(candidate, node=replace(candidate.node, memory=2 * candidate.node.memory))
        small = fullness(candidate, need, guests=[], placed=[])
        large = fullness(bigger, need, guests=[], placed=[])
        assert small is None or (large is not None and large <= small)
