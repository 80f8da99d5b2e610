"""What the terminal says about itself, in the visitor's language: a script has no catalog of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zpack.portal.texts import Texts


def words_for(texts: Texts, *, is_shell: bool) -> dict[str, str]:
    """Return each state and each end of the socket (docs/flows/console.md) in words."""
    ended = texts("The shell was left.") if is_shell else texts("The console has ended.")
    return {
        "connecting": texts("Connecting…"),
        "connected": texts("Connected"),
        "retry": texts("Reconnecting in %(n)s s"),
        "ended": texts("Ended"),
        "offline": texts("You are offline. It goes on when the network is back."),
        "suspended": texts("Your account is suspended. The console opens again once billing is settled."),
        "expired": texts("Your session has ended. Log in again to go on."),
        "gone": texts("This server was deleted."),
        "denied": texts("You may no longer use this console."),
        "off": texts("The host is off. Start it to open the console."),
        "lost": texts("some lines were lost"),
        "skipped": texts("… %(n)s lines skipped: they came faster than anybody can read"),
        "cut": texts("… %(n)s characters cut"),
        "news": texts("%(n)s new lines"),
        "copied": texts("Copied."),
        "nothing": texts("Nothing is selected. Select lines first."),
        "unsent": texts("It was not sent. Try again when the console is connected."),
        "none": texts("Nothing found"),
        "console_ended": ended,
        "shell_ended": ended,
        "too_slow": texts("Your browser was too slow to follow."),
        "agent_lost": texts("The connection to the server broke off."),
        "upstream_failed": texts("The server cannot be reached."),
        "upstream_timeout": texts("The server did not answer in time."),
        "upstream_silent": texts("The server has gone silent."),
        "agent_restarting": texts("The server's agent is restarting."),
        "server_stopping": texts("The platform is restarting."),
        "token_expired": texts("The session was renewed."),
        "agent_refused": texts("The server does not take another viewer now."),
        "network": texts("The connection broke off."),
    }
