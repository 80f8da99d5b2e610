"""Errors as Proxmox words them: the text goes into the reason phrase and the body."""

from __future__ import annotations

from typing import Literal

Body = Literal["json", "text", "none"]


class ApiError(Exception):
    """An error answer. ``errors`` names parameters, as in Proxmox's 400.

    ``body`` says how the text is repeated there: what Proxmox's HTTP layer refuses, before its REST layer has
    seen it, is plain text or nothing.
    """

    def __init__(
        self, status: int, message: str, errors: dict[str, str] | None = None, *, body: Body = "json"
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors
        self.body: Body = body


def bad_parameters(errors: dict[str, str]) -> ApiError:
    """Return Proxmox's 400."""
    return ApiError(400, "Parameter verification failed.", errors)


def no_such_guest(node: str, vmid: int) -> ApiError:
    """Return what Proxmox says of a container without a configuration file."""
    return ApiError(500, f"Configuration file 'nodes/{node}/lxc/{vmid}.conf' does not exist")
