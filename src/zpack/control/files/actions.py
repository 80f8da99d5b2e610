"""File verbs, passed to the agent of a server the caller owns (rows S66, S68)."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from zpack.control.audit.store import record
from zpack.control.engine.errors import ForeignError, Refusal
from zpack.control.engine.relay_http import Answer, ClientGone, RequestBody, Rights, logged
from zpack.control.files.models import ANSWER_LIMIT, asked_headers, conditions, shown_headers
from zpack.control.outside.agent import refusal_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Send

    from zpack.control.accounts.actions import Accounts
    from zpack.control.accounts.models import Session
    from zpack.control.db.session import Database
    from zpack.control.entitlements.actions import Entitlements
    from zpack.control.instances.actions import Instances
    from zpack.control.instances.models import ContainerType, Reached
    from zpack.control.outside.agent import Agents
    from zpack.control.outside.agent_stream import AgentAnswer, AgentStreams

FAILED = "Agent file operation failed"
OCTETS = {"Content-Type": "application/octet-stream"}


class BadCondition(Refusal):
    """A condition that cannot be passed on; a change without it would be another one."""

    code = "invalid_request"


class Files:
    """The files of every server of one type: a game's folder, or a developer's workspace."""

    def __init__(
        self,
        *,
        ctype: ContainerType,
        database: Database,
        accounts: Accounts,
        entitlements: Entitlements,
        instances: Instances,
        agents: Agents,
        streams: AgentStreams,
    ) -> None:
        self._ctype: ContainerType = ctype
        self._at = f"/{ctype}/files"
        self._database = database
        self._accounts = accounts
        self._entitlements = entitlements
        self._instances = instances
        self._agents = agents
        self._streams = streams

    async def look(self, session: Session, server_id: str, verb: str, path: str) -> Any:
        """Return the agent's ``list``, ``stat`` or ``read``.

        Raises ServerMissing, WrongType, NoAddress, AgentRefused, ForeignError; so do all the others, and
        those that change something AccountSuspended.
        """
        at = await self._reach(session, server_id)
        return await self._call("GET", at, f"/{verb}", path)

    async def delete(self, session: Session, server_id: str, path: str) -> Any:
        """Remove a file."""
        at = await self._reach_to_write(session, server_id)
        await self._record("files.delete", session, at, path)
        return await self._call("DELETE", at, "", path)

    async def revert(self, session: Session, server_id: str, path: str) -> Any:
        """Put back what a file held before it was first overwritten."""
        at = await self._reach_to_write(session, server_id)
        await self._record("files.revert", session, at, path)
        return await self._call("POST", at, "/revert", path)

    async def move(self, session: Session, server_id: str, path: str, to: str, *, overwrite: bool) -> Any:
        """Give a file another name or folder."""
        at = await self._reach_to_write(session, server_id)
        await self._record("files.move", session, at, path, to=to, overwrite=overwrite)
        return await self._call("POST", at, "/move", path, to=to, overwrite=str(overwrite).lower())

    async def make_folder(self, session: Session, server_id: str, path: str) -> Any:
        """Create a folder, where the agent's policy knows folders."""
        at = await self._reach_to_write(session, server_id)
        await self._record("files.folder", session, at, path)
        return await self._call("POST", at, "/folder", path)

    async def write(
        self, session: Session, server_id: str, path: str, receive: Receive, *, headers: Mapping[str, str]
    ) -> tuple[int, Any]:
        """Overwrite a file with the body; return the agent's status and body. Raises BadCondition."""
        if (condition := conditions(headers)) is None:
            raise BadCondition("If-Match and If-None-Match are lists of entity tags.")
        at = await self._reach_to_write(session, server_id)
        await self._record("files.write", session, at, path)
        return await self._send(
            "PUT", session, at, "", receive, params={"path": path}, headers=OCTETS | condition
        )

    async def upload(
        self,
        session: Session,
        server_id: str,
        path: str,
        receive: Receive,
        *,
        overwrite: bool,
        content_type: str,
    ) -> tuple[int, Any]:
        """Pass a multipart body on with its boundary; return the agent's status and body."""
        at = await self._reach_to_write(session, server_id)
        await self._record("files.upload", session, at, path, overwrite=overwrite)
        params = {"path": path, "overwrite": str(overwrite).lower()}
        headers = {"Content-Type": content_type}
        return await self._send("POST", session, at, "/upload", receive, params=params, headers=headers)

    async def download(
        self,
        session: Session,
        server_id: str,
        path: str,
        *,
        method: str,
        headers: Mapping[str, str],
        receive: Receive,
        send: Send,
    ) -> None:
        """Answer the client with a file, as it comes from the agent."""
        at = await self._reach(session, server_id)
        answer = Answer(
            receive, send, rights=self._rights(session, at), idle_seconds=self._streams.idle_seconds
        )
        try:
            with logged(f"download from {at.vmid}", lambda: answer.size):
                async with self._streams.ask(
                    *(method, at.ip, f"{self._at}/download", at.token),
                    params={"path": path},
                    headers=asked_headers(headers),
                ) as upstream:
                    await self._relay(upstream, answer, path)
        except (ClientGone, Refusal, ForeignError):
            if not answer.begun:
                raise
            # Too late for another answer: the connection ends before its announced length.

    @staticmethod
    async def _relay(upstream: AgentAnswer, answer: Answer, path: str) -> None:
        if upstream.status >= 300:  # noqa: PLR2004 - 2xx is success
            raise refusal_of(upstream.status, await upstream.json(), fallback=FAILED)
        headers = shown_headers(upstream.headers, path=path)
        if upstream.status not in {200, 206} or "Content-Length" not in headers:
            raise ForeignError("the agent's answer is no download", transient=False)
        await answer.relay(upstream.status, headers, upstream)

    async def _send(
        self,
        method: str,
        session: Session,
        at: Reached,
        sub_path: str,
        receive: Receive,
        *,
        params: Mapping[str, str],
        headers: Mapping[str, str],
    ) -> tuple[int, Any]:
        body = RequestBody(
            receive, rights=self._rights_to_write(session, at), idle_seconds=self._streams.idle_seconds
        )
        with logged(f"upload to {at.vmid}", lambda: body.size):
            async with self._streams.ask(
                method, at.ip, self._at + sub_path, at.token, params=params, headers=headers, body=body
            ) as upstream:
                said = await upstream.json()
                if upstream.status >= 300:  # noqa: PLR2004 - 2xx is success
                    raise refusal_of(upstream.status, said, fallback=FAILED)
                return upstream.status, said

    async def _call(self, method: str, at: Reached, sub_path: str, path: str, **more: str) -> Any:
        return await self._agents.call(
            *(method, at.ip, self._at + sub_path, at.token),
            fallback=FAILED,
            params={"path": path} | more,
            limit=ANSWER_LIMIT,
        )

    async def _reach(self, session: Session, server_id: str) -> Reached:
        return await self._instances.reach(session.user, server_id, ctype=self._ctype)

    async def _reach_to_write(self, session: Session, server_id: str) -> Reached:
        at = await self._reach(session, server_id)
        await self._entitlements.check_owner(at.owner, "write")
        return at

    async def _record(self, action: str, session: Session, at: Reached, path: str, **more: Any) -> None:
        async with self._database.transaction() as transaction:
            record(transaction, action, actor=session.user.id, vmid=at.vmid, path=path, **more)

    def _rights(self, session: Session, at: Reached) -> Rights:
        return Rights(lambda: self._holds(session, at))

    def _rights_to_write(self, session: Session, at: Reached) -> Rights:
        async def hold() -> bool:
            found = await self._entitlements.of_owner(at.owner)
            return found.allows("write") and await self._holds(session, at)

        return Rights(hold)

    async def _holds(self, session: Session, at: Reached) -> bool:
        if session.seconds_left() <= 0 or await self._accounts.lost_rights({session}):
            return False
        with contextlib.suppress(Refusal):
            return (await self._instances.owned(session.user, at.vmid)).ip == at.ip
        return False
