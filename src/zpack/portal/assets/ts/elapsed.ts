// <time data-since="2026-11-25T20:00:00Z">: counts on, second by second, what the page wrote as m:ss.
const SECOND_MS = 1000;

function count(): void {
  if (document.hidden) return;
  for (const shown of document.querySelectorAll<HTMLElement>("time[data-since]")) {
    const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(shown.dataset.since ?? "")) / SECOND_MS));
    if (!Number.isNaN(seconds)) shown.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }
}

setInterval(count, SECOND_MS);
