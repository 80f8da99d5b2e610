// Notices: what an action of this page led to, read out and gone again. An answer of htmx' brings them as an event.
// What a page hears when it asks by itself is said once in a while only, however often it asks.
const SHOWN_MS = 7000;
const AGAIN_MS = 120_000;
const said = new Map<string, number>();

export function notify(text: string, tone = "ok"): void {
  const place = document.querySelector("#notices");
  if (!place) return;
  for (const shown of place.children) if (shown.textContent === text) shown.remove();
  const notice = document.createElement("div");
  notice.className = "notice";
  notice.dataset.tone = tone;
  if (tone === "bad") notice.setAttribute("role", "alert");
  notice.textContent = text;
  place.append(notice);
  setTimeout(() => notice.remove(), SHOWN_MS);
}

function rarely(text: string, tone: string): void {
  const before = said.get(text);
  if (before !== undefined && Date.now() - before < AGAIN_MS) return;
  said.set(text, Date.now());
  notify(text, tone);
}

export function beginNotices(): void {
  document.body.addEventListener("notice", (event) => {
    const { text, tone, unasked } = (event as CustomEvent<{ text: string; tone: string; unasked?: boolean }>).detail;
    (unasked ? rarely : notify)(text, tone);
  });
  document.body.addEventListener("htmx:error", () => {
    const place = document.querySelector<HTMLElement>("#notices");
    if (place?.dataset.offline && !navigator.onLine) rarely(place.dataset.offline, "bad");
  });
  addEventListener("online", () => said.clear());
}
