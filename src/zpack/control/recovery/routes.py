"""``/api/auth``: passwords and addresses (contract §2.2, §10.2)."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Request

from zpack.control.accounts.access import PUBLIC, InSession, SignedIn
from zpack.control.recovery.actions import Recovery
from zpack.control.recovery.models import AddressBody, ChangeBody, ForgottenBody, ResetBody, TokenBody

router = APIRouter(prefix="/api/auth", tags=["accounts"])
GENERIC = "If there is an account with this e-mail address, a link to a new password is on its way to it."


async def recovery(request: Request) -> Recovery:
    """Return the room's actions."""
    return cast("Recovery", request.app.state.recovery)


Room = Annotated[Recovery, Depends(recovery)]


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"


@router.post("/password-reset/request", dependencies=PUBLIC)
@router.post("/forgot-password", dependencies=PUBLIC)
async def request_reset(body: ForgottenBody, request: Request, room: Room) -> dict[str, Any]:
    """Ask for a link to a new password."""
    await room.request_reset(body, address=_address(request))
    return {"ok": True, "message": GENERIC}


@router.post("/password-reset/confirm", dependencies=PUBLIC)
@router.post("/reset-password", dependencies=PUBLIC)
async def reset(body: ResetBody, request: Request, room: Room) -> dict[str, Any]:
    """Choose a new password with the link's token."""
    await room.reset(body, address=_address(request))
    return {"ok": True, "message": "The password was changed; log in with it."}


@router.post("/change-password")
async def change_password(
    body: ChangeBody, request: Request, caller: InSession, room: Room
) -> dict[str, Any]:
    """Choose a new password with the current one."""
    await room.change_password(caller, body, address=_address(request))
    return {"ok": True, "message": "The password was changed; every other login has ended."}


@router.post("/verify-email", dependencies=PUBLIC)
async def verify_email(body: TokenBody, request: Request, room: Room) -> dict[str, Any]:
    """Confirm an e-mail address with the link's token."""
    await room.verify_email(body, address=_address(request))
    return {"ok": True}


@router.post("/verify-email/resend")
async def send_verification(user: SignedIn, room: Room) -> dict[str, Any]:
    """Ask for another link to confirm the address."""
    await room.send_verification(user)
    return {"ok": True}


@router.post("/change-email")
async def change_email(body: AddressBody, request: Request, user: SignedIn, room: Room) -> dict[str, Any]:
    """Ask for a link that makes another e-mail address the account's."""
    await room.change_email(user, body, address=_address(request))
    return {"ok": True, "message": "A link is on its way to the new address."}


@router.post("/change-email/confirm", dependencies=PUBLIC)
async def confirm_email(body: TokenBody, request: Request, room: Room) -> dict[str, Any]:
    """Confirm another e-mail address with the link's token."""
    await room.confirm_email(body, address=_address(request))
    return {"ok": True}
