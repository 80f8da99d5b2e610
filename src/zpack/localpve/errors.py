"""Errors as Proxmox words them: the text goes into the reason phrase and the body."""

from __future__ import annotations


class ApiError(Exception):
    """An error answer. ``errors`` names parameters, as in Proxmox's 400."""

    def __init__(self, status: int, message: str, errors: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors


def bad_parameters(errors: dict[str, str]) -> ApiError:
    """Return Proxmox's 400."""
    return ApiError(400, "Parameter verification failed.", errors)


def no_such_guest(node: str, vmid: int) -> ApiError:
    """Return what Proxmox says of a container without a configuration file."""
    return ApiError(500, f"Configuration file 'nodes/{node}/lxc/{vmid}.conf' does not exist")
