"""What ``/billing`` says in each standing, and how it leads to Stripe and back without a script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from zpack.control.entitlements import store as entitlements

if TYPE_CHECKING:
    from tests.control.billing.conftest import Platform
    from tests.support.visitor import Shown, Visitor
    from zpack.control.wiring import Clients

DECLINED = "pm_card_chargeCustomerFail"
PAY = 'form[action="/billing/portal"]'


def offer(plan: str) -> str:
    return f'form[action="/billing/checkout"]:has(input[value="{plan}"])'


async def buy(ann: Visitor, platform: Platform, plan: str, card: str = "pm_card_visa") -> Shown:
    await ann.get("/billing")
    page = await ann.submit(offer(plan))
    await platform.complete(str(page.one("main a[data-kind=primary]")["href"]), card=card)
    await platform.settle()
    return await ann.get("/billing")


def said(page: Shown) -> str:
    return page.one("#standing").get_text()


async def test_who_bought_nothing_is_offered_the_plans(ann: Visitor, platform: Platform) -> None:
    page = await ann.get("/billing")
    assert said(page) == "No subscription yet"
    assert len(page.all('form[action="/billing/checkout"]')) == 3
    assert not page.all(PAY)


async def test_the_way_to_the_payment_page_is_a_link_that_follows_itself(
    ann: Visitor, platform: Platform, stripe_base: str
) -> None:
    await ann.get("/billing")
    page = await ann.submit(offer("pro"))
    link = str(page.one("main a[data-kind=primary]")["href"])
    assert page.status == 200
    assert link.startswith(stripe_base)
    assert page.one("meta[http-equiv=refresh]")["content"] == f"0; url={link}"


async def test_a_payment_is_confirmed_some_time_after_coming_back(ann: Visitor, platform: Platform) -> None:
    page = await ann.get("/billing?paid=1")
    assert page.one("#confirming")["hx-get"] == "/billing/confirming?paid=2"
    assert page.one("noscript meta")["content"] == "4; url=/billing?paid=2"
    await buy(ann, platform, "pro")
    page = await ann.get("/billing/confirming?paid=2")
    assert (page.path, page.one(".notice").get_text()) == (
        "/billing",
        "Your payment is confirmed. Thank you!",
    )
    assert said(page) == "All is paid"


async def test_asking_for_the_confirmation_ends(ann: Visitor, platform: Platform) -> None:
    for words in ("20", "21", "999", "x", "-1", "²"):
        page = await ann.get("/billing/confirming", params={"paid": words})
        assert not page.one("#confirming").has_attr("hx-get"), words


async def test_who_pays_sees_plan_limits_use_and_renewal(ann: Visitor, platform: Platform) -> None:
    page = await buy(ann, platform, "pro")
    assert "Renews" in page.text
    assert page.one(".plan[data-own] h3").get_text() == "Pro"
    assert not page.all('form[action="/billing/checkout"]')
    assert [link["href"] for link in page.all(".plan a.button")] == [
        "/billing/change?plan=starter",
        "/billing/change?plan=performance",
    ]


async def test_an_upgrade_says_its_price_before_it_is_done(ann: Visitor, platform: Platform) -> None:
    await buy(ann, platform, "pro")
    page = await ann.get("/billing/change?plan=performance")
    assert "To pay today" in page.text
    page = await ann.submit('form[action="/billing/change"]')
    assert (page.path, page.one(".plan[data-own] h3").get_text()) == ("/billing", "Performance")


async def test_a_downgrade_waits_for_the_period_and_can_be_taken_back(
    ann: Visitor, platform: Platform
) -> None:
    await buy(ann, platform, "pro")
    await ann.get("/billing/change?plan=starter")
    page = await ann.submit('form[action="/billing/change"]')
    assert "Planned change to Starter" in page.text
    page = await ann.submit('form[action="/billing/resume"]')
    assert "Planned change" not in page.text


async def test_a_cancellation_is_asked_for_and_can_be_taken_back(ann: Visitor, platform: Platform) -> None:
    await buy(ann, platform, "pro")
    assert "Paid until" in (await ann.get("/billing/cancel")).text
    page = await ann.submit('main form[action="/billing/cancel"]')
    assert said(page) == "Your subscription is cancelled"
    assert said(await ann.submit('form[action="/billing/resume"]')) == "All is paid"


async def test_the_customer_portal_is_one_link_away(
    ann: Visitor, platform: Platform, stripe_base: str
) -> None:
    await buy(ann, platform, "pro")
    page = await ann.submit(PAY)
    assert str(page.one("main a[data-kind=primary]")["href"]).startswith(stripe_base)


async def test_a_refusal_keeps_the_page_and_says_why(ann: Visitor, platform: Platform) -> None:
    page = await ann.get("/billing")
    page = await ann.submit(offer("pro"), plan="platinum")
    assert page.status == 404
    assert "platinum" in page.one("[role=alert]").get_text()


async def test_a_plan_that_cannot_be_chosen_leads_back(ann: Visitor, platform: Platform) -> None:
    for plan in ("pro", "nothing", "<b>"):
        page = await ann.get("/billing/change", params={"plan": plan})
        assert (page.path, page.one(".notice")["data-tone"]) == ("/billing", "warn")


async def test_each_rung_of_the_ladder_has_its_words(
    ann: Visitor, platform: Platform, clients: Clients
) -> None:
    user = (await platform.caller.get("/api/auth/me")).body["user"]["id"]
    for status, state, words in (
        ("trialing", "allowed", "trial"),
        ("past_due", "allowed", "failed"),
        ("overdue_warning", "allowed", "overdue"),
        ("overdue_warning", "backup_blocked", "Backups are blocked"),
        ("suspended", "suspended_shutdown", "suspended"),
        ("retained", "retained", "only kept"),
        ("pending_deletion", "retained", "wait to be deleted"),
        ("canceled", "allowed", "has ended"),
    ):
        async with clients.database.transaction() as session:
            await entitlements.grant(session, user, billing_status=status, server_state=state)
        assert words in said(await ann.get("/billing"))


async def test_an_administrators_word_is_not_for_sale(
    ann: Visitor, platform: Platform, clients: Clients
) -> None:
    user = (await platform.caller.get("/api/auth/me")).body["user"]["id"]
    async with clients.database.transaction() as session:
        await entitlements.hold(session, user, "abuse")
    page = await ann.get("/billing")
    assert said(page) == "Your account is suspended by an administrator"
    assert page.one('.standing a[href="/support"]')


async def test_who_is_exempt_sees_no_offers(root: Visitor) -> None:
    page = await root.get("/billing")
    assert said(page) == "Your account is free of charge"
    assert not page.all(".plan")


async def test_a_plan_of_a_hostile_name_is_only_shown(
    ann: Visitor, platform: Platform, clients: Clients
) -> None:
    async with clients.database.transaction() as session:
        await session.execute(text("update plans set name = '<script>x</script>' where id = 'pro'"))
    page = await ann.get("/billing")
    assert "<script>x" not in page.html
    assert "<script>x</script>" in page.text
