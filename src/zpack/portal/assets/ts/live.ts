// Hears from /live what changed and says so as events on <body>: `server-6000`, `servers`, `operation-…`,
// `operations`, `ticket-…`, `tickets`, and `live-resumed` when something may have been missed. Pages ask again by hx-trigger.
const AGAIN_MS = 3000;

function say(name: string, detail: unknown = {}): void {
  document.body.dispatchEvent(new CustomEvent(name, { detail }));
}

interface Hint {
  id: string;
  vmid?: string | number | null;
}

let source: EventSource | null = null;
let first = true;

function hear(): void {
  if (source !== null || document.hidden) return;
  const opened = new EventSource("/live");
  source = opened;
  const about = (kind: string, all: string) => (event: MessageEvent<string>) => {
    const hint = JSON.parse(event.data) as Hint;
    say(`${kind}-${hint.id}`, hint);
    if (kind === "operation" && hint.vmid != null) say(`server-${hint.vmid}`, hint);
    say(all, hint);
  };
  opened.addEventListener("server", about("server", "servers"));
  opened.addEventListener("gone", about("server", "servers-changed"));
  opened.addEventListener("operation", about("operation", "operations"));
  opened.addEventListener("ticket", about("ticket", "tickets"));
  opened.addEventListener("resumed", () => {
    document.documentElement.dataset.live = "on";
    if (!first) say("live-resumed");
    first = false;
  });
  opened.addEventListener("ended", (event: MessageEvent<string>) => {
    hush("ended");
    const { reason } = JSON.parse(event.data) as { reason?: string };
    if (reason === "access_revoked") void look();
    else setTimeout(look, AGAIN_MS);
  });
  opened.onerror = () => {
    document.documentElement.dataset.live = "off";
    if (opened.readyState !== EventSource.CLOSED) return;
    source = null;
    setTimeout(look, AGAIN_MS); // a 204: the session has ended, or the API is on its way out
  };
}

function hush(state: string): void {
  source?.close();
  source = null;
  document.documentElement.dataset.live = state;
}

// Say that the session is over, above the page: what was typed there is still to be copied.
function expire(): void {
  hush("expired");
  const dialog = document.querySelector<HTMLDialogElement>("#session-expired");
  if (dialog && !dialog.open) dialog.showModal();
}

// Ask whether the session is over before listening again; if it is, say so instead of trying for ever.
async function look(): Promise<void> {
  if (document.hidden) return;
  try {
    const answer = await fetch("/session", { redirect: "manual" });
    if (answer.status === 401) {
      expire();
      return;
    }
    hear();
  } catch {
    setTimeout(look, AGAIN_MS);
  }
}

export function beginLive(): void {
  if (!document.body.hasAttribute("data-live")) return;
  document.addEventListener("visibilitychange", () => (document.hidden ? hush("asleep") : void look()));
  addEventListener("pagehide", () => hush("asleep"));
  document.body.addEventListener("session-ended", expire);
  hear();
}
