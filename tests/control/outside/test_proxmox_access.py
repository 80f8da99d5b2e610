"""How we get in: the token whole or in parts, or a login whose ticket many share."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.control.provisioning.counterparts import TOKEN, Cluster
from zpack.control.engine.budget import Budget
from zpack.control.outside.http import ForeignHttp
from zpack.control.outside.proxmox import Denied, Proxmox
from zpack.control.outside.proxmox_access import Ticket, token_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@pytest.fixture
def ticket() -> Ticket:
    return Ticket(user="root@pam", password="secret")


@pytest.fixture
async def logged_in(cluster_url: str, ticket: Ticket) -> AsyncGenerator[Proxmox]:
    http = ForeignHttp(name="Proxmox")
    client = Proxmox(base_url=cluster_url, access=ticket, node="local", http=http)
    yield client
    await client.close()


def logins(cluster: Cluster) -> int:
    return sum(str(path).endswith("/access/ticket") for _, path, _ in cluster.requests)


@pytest.mark.parametrize("token_id", ["zpack", "root@pam!zpack", "PVEAPIToken=root@pam!zpack"])
def test_the_parts_of_a_token(token_id: str) -> None:
    assert token_of(user="root@pam", token_id=token_id, secret="secret") == TOKEN


async def test_many_wait_for_one_login(logged_in: Proxmox, cluster: Cluster) -> None:
    await asyncio.gather(*(logged_in.version(Budget.seconds(20)) for _ in range(30)))
    assert logins(cluster) == 1


async def test_a_ticket_may_change_things(logged_in: Proxmox, cluster: Cluster) -> None:
    cluster.add_ct(5000, node="local")
    await logged_in.start(vmid=5000, node="local", budget=Budget.seconds(5))
    assert cluster.ct(5000).status == "running"


async def test_a_ticket_that_is_refused_is_renewed_once(logged_in: Proxmox, cluster: Cluster) -> None:
    cluster.add_ct(5000, node="local")
    await logged_in.version(Budget.seconds(5))
    cluster.revoke_tickets()
    await logged_in.start(vmid=5000, node="local", budget=Budget.seconds(5))
    assert logins(cluster) == 2


async def test_a_ticket_is_renewed_before_it_runs_out(
    logged_in: Proxmox, ticket: Ticket, cluster: Cluster
) -> None:
    ticket._renew = 0
    for _ in range(3):
        await logged_in.version(Budget.seconds(5))
    assert logins(cluster) == 3


async def test_a_wrong_password_is_denied_to_all_by_one_login(cluster: Cluster, cluster_url: str) -> None:
    access = Ticket(user="root@pam", password="hunter2")
    client = Proxmox(base_url=cluster_url, access=access, node="local", http=ForeignHttp(name="Proxmox"))
    calls = [client.version(Budget.seconds(20)) for _ in range(10)]
    failures = await asyncio.gather(*calls, return_exceptions=True)
    await client.close()
    assert all(isinstance(failure, Denied) and "hunter2" not in str(failure) for failure in failures)
    assert logins(cluster) == 1


async def test_a_second_factor_is_the_operator_s_to_solve(logged_in: Proxmox, cluster: Cluster) -> None:
    cluster.tfa = True
    with pytest.raises(Denied, match="second factor"):
        await logged_in.version(Budget.seconds(5))
