// Notices: what an action of this page led to, read out and gone again. An answer of htmx' brings them as an event.
const SHOWN_MS = 7000;

export function notify(text: string, tone = "ok"): void {
  const place = document.querySelector("#notices");
  if (!place) return;
  const notice = document.createElement("div");
  notice.className = "notice";
  notice.dataset.tone = tone;
  notice.setAttribute("role", tone === "bad" ? "alert" : "status");
  notice.textContent = text;
  place.append(notice);
  setTimeout(() => notice.remove(), SHOWN_MS);
}

export function beginNotices(): void {
  document.body.addEventListener("notice", (event) => {
    const { text, tone } = (event as CustomEvent<{ text: string; tone: string }>).detail;
    notify(text, tone);
  });
  document.body.addEventListener("htmx:error", () => {
    const place = document.querySelector<HTMLElement>("#notices");
    if (place?.dataset.offline && !navigator.onLine) notify(place.dataset.offline, "bad");
  });
}
