"""The states of customers' pages that a healthy platform seldom shows; tests/portal/furniture.py sets the scene."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.portal.furniture import BACKUP, code_of, with_factor, without_factor
from tests.portal.gallery import Picture
from tests.support.http import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.portal.scene import Scene
    from tests.support.person import Person

TRIES = 11
NOW = datetime.now(UTC)
GAME = "/servers/create?kind=game&game=minecraft&variant=flying-squid"
ARREARS: dict[str, dict[str, Any]] = {
    "past-due": {"billing_status": "past_due"},
    "overdue": {"billing_status": "overdue_warning"},
    "blocked": {"billing_status": "backup_blocked", "server_billing_state": "backup_blocked"},
    "suspended": {"billing_status": "suspended", "server_billing_state": "suspended_shutdown"},
    "retained": {"billing_status": "retained", "server_billing_state": "retained"},
    "deletion": {"billing_status": "pending_deletion", "server_billing_state": "retained"},
}


def sends(form: str, **fields: str) -> Callable[[Person], Awaitable[None]]:
    """Send a form as it stands but for these fields, whatever the browser thinks of them."""

    async def act(person: Person) -> None:
        found = person.page.locator(f'form[action^="{form}"]').first
        for name, value in fields.items():
            await found.locator(f"[name={name}]").evaluate("(field, value) => { field.value = value }", value)
        async with person.page.expect_event("load"):  # one within the page is none
            await found.evaluate("form => HTMLFormElement.prototype.submit.call(form)")

    return act


def opens(selector: str) -> Callable[[Person], Awaitable[None]]:
    """Press something that opens in the page."""

    async def act(person: Person) -> None:
        await person.page.locator(selector).locator("visible=true").first.click()

    return act


def says(text: str) -> Callable[[Person], Awaitable[None]]:
    """Wait until this can be read."""

    async def act(person: Person) -> None:
        await person.reads(text)

    return act


def stands(plan: str | None = None, sub: dict[str, Any] | None = None, **standing: Any) -> Any:
    """Let the payer's account stand so."""

    async def before(scene: Scene) -> None:
        owing = standing.get("billing_status", "none") not in {"none", "active", "trialing", "canceled"}
        account: dict[str, Any] = {"customer_id": "cus_payer"} if plan else {}
        account |= {"past_due_since": NOW - timedelta(days=4)} if owing else {}
        down = standing.get("server_billing_state") in {"suspended_shutdown", "retained"}
        account |= {"suspended_at": NOW - timedelta(days=1)} if down else {}
        kept = standing.get("server_billing_state") == "retained"
        account |= {"retention_until": NOW + timedelta(days=20)} if kept else {}
        await scene.execute("delete from billing_subscriptions where user_id = :id", id=scene.ids["payer"])
        since = {"suspended_at": NOW - timedelta(days=1)} if down else {}
        await scene.stands("payer", plan=plan, account=account, **standing | since)
        if plan:
            status = {"status": "past_due"} if owing else {}
            await scene.subscribes("payer", plan, **status | (sub or {}))

    return before


async def held(scene: Scene) -> None:
    """Let an administrator have suspended the payer."""
    await stands(held_at=NOW, held_reason="Port scans from one of your servers.")(scene)


async def tried_too_often(scene: Scene) -> None:
    """Let somebody have guessed a password too often."""
    for _ in range(TRIES):
        await scene.callers["ann"].post(
            "/api/auth/login", {"identifier": "ghost", "password": "wrong password"}
        )


async def broken(scene: Scene) -> None:
    """Let the database lack what a page needs."""
    await scene.execute("alter table if exists support_tickets rename to support_tickets_away")


async def mended(scene: Scene) -> None:
    """Put it back."""
    await scene.execute("alter table if exists support_tickets_away rename to support_tickets")


async def guarded(scene: Scene) -> None:
    """Let somebody have a second factor who never gets past it."""
    await with_factor(scene, "guarded")


async def second_step(person: Person) -> None:
    """Show the password; the code is asked for next."""
    await person.enters("guarded")
    await person.arrives("/login/second-factor")


async def shows_codes(person: Person) -> None:
    """Enrol, and confirm it with the code of the secret that is shown."""
    await sends("/profile/second-factor", factorPassword=PASSWORD)(person)
    secret = await person.page.locator("input[name=secret]").input_value()
    await sends("/profile/second-factor/confirm", code=code_of(secret))(person)


async def session_ends(person: Person) -> None:
    """Let the page learn that the session is over."""
    await person.page.evaluate("document.querySelector('#session-expired').showModal()")


async def goes_offline(person: Person) -> None:
    """Let the page learn that the network is gone, as its own calls would tell it."""
    await person.page.evaluate(
        "Object.defineProperty(navigator, 'onLine', { get: () => false, configurable: true });"
        "document.body.dispatchEvent(new Event('htmx:error'))"
    )
    await person.reads("You are offline.")


def at(server: str, tab: str = "") -> str:
    """Return a page of a server of the scene."""
    return f"/servers/{{{server}}}{tab}"


async def forges(person: Person) -> None:
    """Send a form with a proof that is none."""
    await sends("/profile", csrf="x")(person)


STATES = (
    Picture("login-refused", "/login", "nobody", sends("/login", identifier="ann", password="wrong password")),
    Picture(
        "login-too-many", "/login", "nobody",
        sends("/login", identifier="ghost", password="wrong password"), tried_too_often,
    ),
    Picture("login-second-step", "/login", "nobody", second_step, guarded),
    Picture("register-refused", "/register", "nobody", sends("/register", username="a", email="x", password="1")),
    Picture("reset-refused", "/reset-password?token=x", "nobody", sends("/reset-password")),
    Picture("forgot-sent", "/forgot-password", "nobody", sends("/forgot-password", email="a@example.org")),
    Picture("support-refused", "/support", "nobody", sends("/support", email="nobody")),
    Picture(
        "support-sent", "/support", "nobody",
        sends("/support", name="Eve", email="e@example.org", subject="Hello", message="Is anybody there?"),
    ),
    Picture("verify-refused", "/verify-email?token=x", "nobody"),
    Picture("nowhere-in", "/nowhere"),
    Picture("forged", "/profile", act=forges),
    Picture("broken", "/support/tickets", before=broken, after=mended),
    Picture("server-gone", "/servers/4999"),
    Picture("dashboard-states", "/dashboard"),
    Picture("servers-states", "/servers"),
    Picture("session-expired", "/dashboard", act=session_ends),
    Picture("offline", "/dashboard", act=goes_offline),
    Picture("create-game", "/servers/create?kind=game"),
    Picture("create-version", GAME),
    Picture("create-details", f"{GAME}&version=1.21.4"),
    Picture(
        "create-refused", f"{GAME}&version=1.21.4",
        act=sends("/servers/create", memoryMiB="100", world="../.."),
    ),
    Picture("create-dev", "/servers/create?kind=dev&game=&variant=node&version=24"),
    *(
        Picture(f"operation-{name}", f"/servers/create/op_{name}")
        for name in ("queued", "running", "undoing", "failed", "partly", "cancelled", "done", "gone", "deleting")
    ),
    *(
        Picture(f"server-{name}", at(name))
        for name in (
            "online", "idle", "off", "starting", "crashed", "silent", "unreachable", "publishing", "maintenance",
            "leaving", "deleting", "asleep",
        )
    ),
    Picture("host-stop", at("online", "/power?target=host&action=stop")),
    Picture("host-stop-dialog", at("online"), act=opens(".server-head summary")),
    Picture("settings-idle", at("online", "/settings")),
    Picture("settings-refused", at("online", "/settings"), act=sends("/servers/5000/idle", minutes="1")),
    Picture("settings-off", at("off", "/settings")),
    Picture("delete-unsure", at("off", "/settings"), act=sends("/servers/5002/delete", name="another")),
    Picture("activity-empty", at("bare", "/activity")),
    Picture("console-live", at("online", "/console"), act=says("Connected")),
    Picture("console-off", at("off", "/console"), act=says("The host is off.")),
    Picture("console-lost", at("silent", "/console"), act=says("Reconnecting")),
    Picture("console-log", at("online", "/console/log")),
    Picture("files", at("online", "/files")),
    Picture("files-mods", at("online", "/files?path=mods")),
    Picture("files-logs", at("online", "/files?path=logs")),
    Picture("files-empty", at("online", "/files?path=world")),
    Picture("files-refused", at("online", "/files?path=.zlh-shadow")),
    Picture("files-editor", at("online", "/files/edit?path=server.properties")),
    Picture("files-readonly", at("online", "/files/edit?path=eula.txt")),
    Picture("files-binary", at("online", "/files/edit?path=server.jar")),
    Picture("files-too-large", at("online", "/files/edit?path=logs/latest.log")),
    Picture(
        "files-conflict", at("online", "/files/edit?path=server.properties"),
        act=sends("/servers/5000/files/edit", etag='"of another version"'),
    ),
    Picture("files-missing", at("online", "/files/edit?path=gone.txt")),
    Picture("files-delete", at("online", "/files/delete?path=logs/latest.log")),
    Picture("files-dev", at("dev", "/files")),
    Picture("files-dev-new", at("dev", "/files"), act=opens(".server-body summary")),
    Picture("files-dev-empty", at("dev", "/files?path=src")),
    Picture("files-dev-editor", at("dev", "/files/edit?path=main.js")),
    Picture("backups", at("online", "/backups")),
    Picture("backups-empty", at("idle", "/backups")),
    Picture("backups-making", at("starting", "/backups")),
    Picture("backups-restoring", at("maintenance", "/backups")),
    Picture("backups-failed", at("crashed", "/backups")),
    Picture("backups-unread", at("bare", "/backups")),
    Picture("backup-restore", at("online", f"/backups/{BACKUP}/restore")),
    Picture("backup-delete", at("online", f"/backups/{BACKUP}/delete")),
    Picture("mods", at("online", "/mods")),
    Picture("mods-found", at("online", "/mods?q=i")),
    Picture("mods-nothing-found", at("online", "/mods?q=nothing-is-called-so")),
    Picture("mods-empty", at("idle", "/mods")),
    Picture("mods-none-here", at("bare", "/mods")),
    Picture("mod-remove", at("online", "/mods/sodium.jar/delete")),
    Picture("dev", at("dev", "/dev")),
    Picture("dev-port-refused", at("dev", "/dev"), act=sends("/servers/6000/dev/ports", port="80")),
    Picture("dev-asleep", at("dev_asleep", "/dev")),
    Picture("dev-silent", at("dev_silent", "/dev")),
    Picture("dev-settings", at("dev", "/settings")),
    Picture("profile-refused", "/profile", act=sends("/profile/email", email="x", currentPassword="x")),
    Picture("security", "/profile/security"),
    Picture("password-refused", "/profile/security", act=sends("/profile/password", currentPassword="wrong")),
    Picture("log-out-everywhere", "/profile/sessions/end-all"),
    Picture("keys", "/profile/keys"),
    Picture("keys-refused", "/profile/keys", act=sends("/profile/keys", name="")),
    Picture("key-revoke", "/profile/keys/revoke?id={key}"),
    Picture("profile-activity", "/profile/activity"),
    Picture("tickets-states", "/support/tickets"),
    Picture("ticket-open", "/support/tickets/{ticket}"),
    Picture("ticket-closed", "/support/tickets/{closed}"),
    Picture("tickets-empty", "/support/tickets", "new"),
    Picture("keys-empty", "/profile/keys", "new"),
    Picture("second-factor-off", "/profile/security", "new", before=without_factor),
    Picture(
        "second-factor-enrol", "/profile/security", "new",
        sends("/profile/second-factor", factorPassword=PASSWORD), without_factor,
    ),
    Picture("recovery-codes", "/profile/security", "new", shows_codes, without_factor),
    Picture("second-factor-on", "/profile/security", "new", before=with_factor),
    Picture("second-factor-gone", "/profile", "new", before=without_factor),
    Picture("billing-none", "/billing", "payer", before=stands()),
    Picture("billing-ended", "/billing", "payer", before=stands(billing_status="canceled")),
    Picture("billing-active", "/billing", "payer", before=stands("starter", billing_status="active")),
    Picture("billing-trial", "/billing", "payer", before=stands(
        "starter", {"status": "trialing", "trial_end": NOW + timedelta(days=6)}, billing_status="trialing",
    )),
    Picture("billing-ending", "/billing", "payer", before=stands(
        "starter", {"cancel_at_period_end": True}, billing_status="active",
    )),
    Picture("billing-planned", "/billing", "payer", before=stands(
        "pro", {"next_plan": "starter", "next_at": NOW + timedelta(days=18)}, billing_status="active",
    )),
    Picture("billing-cancel", "/billing/cancel", "payer", before=stands("starter", billing_status="active")),
    Picture("billing-downgrade", "/billing/change?plan=starter", "payer", before=stands(
        "pro", billing_status="active",
    )),
    Picture("billing-confirming", "/billing?paid=1", "payer", before=stands()),
    *(
        Picture(f"billing-{name}", "/billing", "payer", before=stands("starter", **standing))
        for name, standing in ARREARS.items()
    ),
    Picture("dashboard-overdue", "/dashboard", "payer", before=stands("starter", **ARREARS["overdue"])),
    Picture("suspended-unpaid", "/account-suspended", "payer", before=stands("starter", **ARREARS["suspended"])),
    Picture("dashboard-suspended", "/dashboard", "payer"),
    Picture("servers-suspended", "/servers", "payer"),
    Picture("server-suspended", at("held"), "payer"),
    Picture("console-suspended", at("held", "/console"), "payer"),
    Picture("files-suspended", at("held", "/files"), "payer"),
    Picture("backups-suspended", at("held", "/backups"), "payer"),
    Picture("mods-suspended", at("held", "/mods"), "payer"),
    Picture("settings-suspended", at("held", "/settings"), "payer"),
    Picture("dev-suspended", at("held_dev", "/dev"), "payer"),
    Picture("create-suspended", "/servers/create", "payer"),
    Picture("suspended-held", "/account-suspended", "payer", before=held),
    Picture("billing-held", "/billing", "payer"),
)  # fmt: skip
