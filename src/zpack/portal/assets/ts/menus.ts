// The current tab of a row that is wider than the screen is brought into sight.
function showCurrent(): void {
  for (const tab of document.querySelectorAll<HTMLElement>(".tabs [aria-current]")) {
    const row = tab.parentElement as HTMLElement;
    row.scrollLeft = tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2;
  }
}
showCurrent();
addEventListener("resize", showCurrent);

// <details class="menu">: closes by Escape, by a click elsewhere, and when focus leaves it.
const opened = (): NodeListOf<HTMLDetailsElement> => document.querySelectorAll("details.menu[open]");

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
  for (const menu of opened()) {
    menu.open = false;
    menu.querySelector("summary")?.focus();
  }
});
document.addEventListener("click", (event) => {
  const within = (event.target as Element).closest("dialog");
  for (const menu of opened()) if (!within && !menu.contains(event.target as Node)) menu.open = false;
});
document.addEventListener("focusout", (event) => {
  const to = event.relatedTarget;
  if (!(to instanceof Node) || document.querySelector("dialog[open]")) return;
  for (const menu of opened()) if (menu.contains(event.target as Node) && !menu.contains(to)) menu.open = false;
});
