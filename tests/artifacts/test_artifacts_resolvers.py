"""Each vendor's documented answers, read by pure functions."""

from __future__ import annotations

import copy

import pytest
from tests.artifacts.recorded import recorded

from zpack.artifacts.resolvers import fabric, forge, mojang, neoforge, papermc, purpur
from zpack.artifacts.resolvers.model import ResolveError
from zpack.artifacts.resolvers.vendors import VENDORS, bases_of, setting_name


@pytest.mark.parametrize("wanted", ["1.21.4", "latest"])
def test_mojang_finds_the_document_of_a_version(wanted: str) -> None:
    found = mojang.version_url(recorded("mojang_manifest"), wanted)
    assert found == ("1.21.4", "https://piston-meta.mojang.com/v1/packages/bbbb/1.21.4.json")


def test_mojang_takes_the_server_and_its_sha1() -> None:
    download = mojang.server_download(recorded("mojang_version"))
    assert download.url.endswith("/server.jar")
    assert (download.checksum.algorithm, download.size) == ("sha1", 56880775)


def test_mojang_says_which_version_is_unknown() -> None:
    with pytest.raises(ResolveError, match=r"no version 9\.9"):
        mojang.version_url(recorded("mojang_manifest"), "9.9")


def test_mojang_says_that_an_old_version_has_no_server() -> None:
    document = recorded("mojang_version")
    del document["downloads"]["server"]
    with pytest.raises(ResolveError, match="no server"):
        mojang.server_download(document)


def test_paper_takes_the_newest_stable_build() -> None:
    download = papermc.choose_build(recorded("paper_builds"), "1.21.4", None)
    assert (download.build, download.checksum.digest, download.size) == ("232", "3" * 64, 51411879)


def test_paper_takes_a_named_build_of_any_channel() -> None:
    assert papermc.choose_build(recorded("paper_builds"), "1.21.4", "233").checksum.digest == "2" * 64


def test_paper_without_a_stable_build_asks_for_one_by_name() -> None:
    alpha = [build for build in recorded("paper_builds") if build["channel"] == "ALPHA"]
    with pytest.raises(ResolveError, match="name one"):
        papermc.choose_build(alpha, "1.21.4", None)


def test_paper_names_its_newest_version() -> None:
    assert papermc.newest_version(recorded("paper_project")) == "1.21.4"


def test_purpur_latest_version_and_build() -> None:
    assert purpur.newest_version(recorded("purpur_project")) == "1.21.4"
    assert purpur.choose_build(recorded("purpur_version"), None) == "2416"


def test_purpur_refuses_a_build_that_does_not_exist() -> None:
    with pytest.raises(ResolveError, match="no build 1"):
        purpur.choose_build(recorded("purpur_version"), "1")


def test_purpur_refuses_a_build_that_failed() -> None:
    failed = recorded("purpur_build") | {"result": "FAILURE"}
    with pytest.raises(ResolveError, match="did not succeed"):
        purpur.server_download("https://api", failed)


def test_purpur_download_carries_the_md5() -> None:
    download = purpur.server_download("https://api", recorded("purpur_build"))
    assert download.url == "https://api/v2/purpur/1.21.4/2416/download"
    assert (download.checksum.algorithm, download.checksum.digest) == ("md5", "5" * 32)


def test_fabric_takes_the_newest_stable_of_each() -> None:
    assert fabric.newest_stable(recorded("fabric_game"), "game version") == "1.21.4"
    assert fabric.choose_loader(recorded("fabric_loader"), "1.21.4", None) == "0.16.10"
    assert fabric.newest_stable(recorded("fabric_installer"), "installer") == "1.0.1"


@pytest.mark.parametrize(("loaders", "build"), [([], None), (recorded("fabric_loader"), "0.1.0")])
def test_fabric_refuses_what_it_does_not_list(loaders: list[object], build: str | None) -> None:
    with pytest.raises(ResolveError):
        fabric.choose_loader(loaders, "1.21.4", build)


@pytest.mark.parametrize(
    ("wanted", "version", "build"),
    [("1.20.4", "1.20.4", "49.1.0"), ("1.21.4", "1.21.4", "54.1.0"), ("latest", "1.21.4", "54.1.0")],
)
def test_forge_prefers_the_recommended_build(wanted: str, version: str, build: str) -> None:
    assert forge.promoted_build(recorded("forge_promotions"), wanted) == (version, build)


def test_forge_installer_address() -> None:
    url = forge.installer_url("https://maven", "1.21.4", "54.1.0")
    assert url == "https://maven/net/minecraftforge/forge/1.21.4-54.1.0/forge-1.21.4-54.1.0-installer.jar"


@pytest.mark.parametrize(
    ("neoforged", "game"),
    [
        ("21.4.111-beta", "1.21.4"),
        ("21.0.167", "1.21"),
        ("20.2.3-beta", "1.20.2"),
        ("26.1.0.2-beta", "26.1"),
        ("26.1.2.7", "26.1.2"),
        ("0.25w14craftmine.5-beta", None),
    ],
)
def test_neoforge_version_says_the_minecraft_version(neoforged: str, game: str | None) -> None:
    assert neoforge.game_version(neoforged) == game


@pytest.mark.parametrize(
    ("wanted", "build", "chosen"),
    [
        ("1.21.4", None, "21.4.110"),
        ("1.21.4", "21.4.111-beta", "21.4.111-beta"),
        ("1.21.5", None, "21.5.2-beta"),
        ("latest", None, "26.1.2.7"),
    ],
)
def test_neoforge_prefers_a_finished_release(wanted: str, build: str | None, chosen: str) -> None:
    assert neoforge.choose_version(recorded("neoforge_versions"), wanted, build)[1] == chosen


def test_neoforge_refuses_a_version_it_does_not_serve() -> None:
    with pytest.raises(ResolveError, match=r"no release for 1\.12\.2"):
        neoforge.choose_version(recorded("neoforge_versions"), "1.12.2", None)


def test_an_answer_of_another_shape_is_named_by_its_missing_place() -> None:
    builds = copy.deepcopy(recorded("paper_builds"))
    del builds[1]["downloads"]["server:default"]["checksums"]
    with pytest.raises(ResolveError, match="checksums"):
        papermc.choose_build(builds, "1.21.4", None)


def test_every_vendor_is_reached_over_https_and_can_be_replaced() -> None:
    for variant, vendor in VENDORS.items():
        assert all(base.startswith("https://") for base in vendor.bases.values())
        assert set(bases_of(vendor, "https://mirror.example/").values()) == {"https://mirror.example"}
        assert setting_name(variant).startswith("ZPACK_MIRROR_")
