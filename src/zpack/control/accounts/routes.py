"""``/api/auth`` (contract §2.2)."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Request

from zpack.control.accounts.access import PUBLIC, InSession, OfAccount, SignedIn
from zpack.control.accounts.actions import Accounts
from zpack.control.accounts.models import LoginBody, LogoutBody, ProfileBody, RefreshBody, RegisterBody
from zpack.control.accounts.sessions import Sessions

router = APIRouter(prefix="/api/auth", tags=["accounts"])


async def accounts(request: Request) -> Accounts:
    """Return the room's actions."""
    return cast("Accounts", request.app.state.accounts)


async def login_sessions(request: Request) -> Sessions:
    """Return the login sessions."""
    return cast("Sessions", request.app.state.sessions)


Room = Annotated[Accounts, Depends(accounts)]
Logins = Annotated[Sessions, Depends(login_sessions)]


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"


@router.post("/register", status_code=201, dependencies=PUBLIC)
async def register(body: RegisterBody, request: Request, room: Room) -> dict[str, Any]:
    """Create an account and log it in."""
    return {"ok": True, **await room.register(body, address=_address(request))}


@router.post("/login", dependencies=PUBLIC)
async def login(body: LoginBody, request: Request, room: Room) -> dict[str, Any]:
    """Exchange a name and a password for an access and a refresh token."""
    return await room.log_in(body, address=_address(request))


@router.post("/refresh", dependencies=PUBLIC)
async def refresh(body: RefreshBody, logins: Logins) -> dict[str, Any]:
    """Exchange a refresh token, once, for an access token and its own successor."""
    return await logins.refresh(body.refreshToken)


@router.get("/me")
async def me(user: OfAccount) -> dict[str, Any]:
    """Return the caller, and how the account stands."""
    standing = {"billingStatus": user.billing_status, "serverBillingState": user.server_state}
    return {"ok": True, "user": user.wire(), **standing}


@router.patch("/me")
async def change_me(body: ProfileBody, user: SignedIn, room: Room) -> dict[str, Any]:
    """Change the caller's names."""
    return {"ok": True, "user": (await room.change_profile(user, body)).wire()}


@router.post("/logout", dependencies=PUBLIC)
async def logout(request: Request, logins: Logins, body: LogoutBody | None = None) -> dict[str, Any]:
    """End the session of the refresh token or the access token that was sent, if any."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    shown = {"access": token.strip()} if scheme.lower() == "bearer" else {}
    if body is not None and isinstance(body.refreshToken, str):
        shown["refresh"] = body.refreshToken
    await logins.log_out(shown)
    return {"ok": True, "message": "Logged out"}


@router.post("/logout-all")
async def logout_all(session: InSession, logins: Logins) -> dict[str, Any]:
    """End every session of the caller."""
    return {"ok": True, "ended": await logins.end_all(session)}


@router.get("/sessions")
async def sessions(session: InSession, logins: Logins) -> dict[str, Any]:
    """List the caller's sessions."""
    return {"sessions": await logins.listed(session)}


@router.delete("/sessions/{session_id}")
async def end_session(session_id: str, session: InSession, logins: Logins) -> dict[str, Any]:
    """End one of the caller's sessions."""
    await logins.end(session, session_id)
    return {"ok": True}
