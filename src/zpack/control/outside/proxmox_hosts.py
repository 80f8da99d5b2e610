"""The API hosts of one cluster: any of them answers for all, so a call goes on to the next when one is away.

A read goes on after any failure. A change goes on only when it was surely not sent: no connection, or a
proxy that had none. When its answer was lost it is not repeated here (Lost): who asked for it looks first. A
host that failed rests for some seconds; so does the way from a host to a node that it could not reach, since
another host, or the node itself, may.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from zpack.control.engine.errors import ForeignError
from zpack.control.outside.http import Untrusted
from zpack.control.outside.proxmox_errors import (
    DENIED,
    GATEWAY,
    NEVER_SENT,
    Garbled,
    Lost,
    Unreachable,
    error_for,
    message_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zpack.control.engine.budget import Budget
    from zpack.control.outside.http import Answer, ForeignHttp
    from zpack.control.outside.proxmox_access import Access

log = logging.getLogger("zpack.proxmox")
CALL_SECONDS = 30.0
LOGIN_SECONDS = 15.0
REST_SECONDS = 15.0
ANSWER_LIMIT = 16 << 20
SUCCESS = range(200, 300)
UNAUTHORIZED = 401


@dataclass(frozen=True)
class Question:
    """One call, for whichever host answers it."""

    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    form: Mapping[str, str] | None = None
    params: Mapping[str, str] | None = None

    @property
    def reads(self) -> bool:
        """Whether asking twice is asking once."""
        return self.method == "GET"


class ApiHosts:
    """Sends calls to a cluster whose hosts are ``urls``, in the order of preference."""

    def __init__(
        self, *, urls: Sequence[str], access: Access, http: ForeignHttp, rest: float = REST_SECONDS
    ) -> None:
        self._bases = tuple(url.rstrip("/") + "/api2/json" for url in urls)
        self._access = access
        self._http = http
        self._rest = rest
        self._resting: dict[tuple[str, str | None], float] = {}

    async def ask(self, question: Question, budget: Budget) -> Answer:
        """Return the answer of the first host that has one: Proxmox's own, good or bad.

        Raises Unreachable, Lost, Garbled, Untrusted, Denied.
        """
        node, failure = node_of(question.path), None
        order = self._order(node)
        for number, base in enumerate(order):
            share = budget.at_most(CALL_SECONDS)
            if question.reads:  # a silent host must leave the others some time
                share = share.at_most(budget.left / (len(order) - number))
            try:
                answer = await self._asked(base, question, share)
            except ForeignError as away:
                if _is_final(away):
                    raise
                self._note(base, node if away.status else None, away)
                if not question.reads and _may_have_been_sent(away):
                    raise Lost(away.message, transient=True, status=away.status, timed_out=True) from away
                failure = away if failure is None or away.transient else failure
            else:
                self._resting.pop((base, None), None)
                return answer
        raise _given_up(failure)

    async def close(self) -> None:
        """Close the session."""
        await self._http.close()

    async def _asked(self, base: str, question: Question, budget: Budget) -> Answer:
        """Ask one host, a second time when only our ticket was too old. Raises ForeignError."""
        answer, headers = await self._let_in(base, question, budget)
        if answer.status == UNAUTHORIZED and self._access.refused(headers):
            answer, _ = await self._let_in(base, question, budget)
        if answer.status in GATEWAY:
            raise error_for(answer.status, message_of(answer))
        if answer.status in SUCCESS and not _is_proxmox(answer):
            message = "what answered is not Proxmox"
            raise Garbled(message, transient=True, status=answer.status, timed_out=True)
        return answer

    async def _let_in(
        self, base: str, question: Question, budget: Budget
    ) -> tuple[Answer, Mapping[str, str]]:
        headers = await self._headers(base, question.method, budget)
        answer = await self._http.request(
            question.method,
            base + question.path,
            budget=budget,
            headers=headers,
            form=question.form,
            params=question.params,
            limit=ANSWER_LIMIT,
        )
        return answer, headers

    async def _headers(self, base: str, method: str, budget: Budget) -> Mapping[str, str]:
        async def login(form: Mapping[str, str]) -> Answer:
            mine = budget.at_most(LOGIN_SECONDS)
            return await self._http.request("POST", f"{base}/access/ticket", budget=mine, form=form)

        try:
            async with budget.timeout():
                return await self._access.headers(method, login)
        except TimeoutError as failure:
            raise Unreachable("Proxmox did not let us in in time", transient=True) from failure
        except ForeignError as failure:
            failure.timed_out = False  # a login changes nothing
            raise

    def _order(self, node: str | None) -> list[str]:
        """Return the hosts, those that rest last, in the order in which they come back."""
        now = asyncio.get_running_loop().time()
        self._resting = {key: until for key, until in self._resting.items() if until > now}

        def rests(base: str) -> float:
            return max(self._resting.get((base, None), 0.0), self._resting.get((base, node), 0.0))

        return sorted(self._bases, key=rests)

    def _note(self, base: str, node: str | None, failure: ForeignError) -> None:
        if len(self._bases) > 1 and (base, node) not in self._resting:
            log.warning("Proxmox at %s: %s; the next host is asked", base, failure.message)
        self._resting[base, node] = asyncio.get_running_loop().time() + self._rest


def node_of(path: str) -> str | None:
    """Return the node that a path is about."""
    words = path.split("/")
    return words[2] if words[1] == "nodes" and len(words) > 2 else None  # noqa: PLR2004 - /nodes/<name>


def _is_final(failure: ForeignError) -> bool:
    """Say whether another host would say the same."""
    return failure.status in DENIED or not (failure.transient or isinstance(failure, Untrusted))


def _may_have_been_sent(failure: ForeignError) -> bool:
    return failure.status not in NEVER_SENT if failure.status else failure.timed_out


def _is_proxmox(answer: Answer) -> bool:
    body = answer.json
    return isinstance(body, dict) and "data" in body


def _given_up(failure: ForeignError | None) -> ForeignError:
    if failure is None:
        return Unreachable("no Proxmox host is configured", transient=False)
    if isinstance(failure, Unreachable | Garbled | Untrusted):
        return failure
    return Unreachable(failure.message, transient=failure.transient, timed_out=failure.timed_out)
