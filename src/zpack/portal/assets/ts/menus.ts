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
function close(menu: HTMLDetailsElement, focus: boolean): void {
  menu.open = false;
  if (focus) menu.querySelector("summary")?.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = (event.target as Element).closest<HTMLDetailsElement>("details.menu[open]");
  if (menu) close(menu, true);
});
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu[open]"))
    if (!menu.contains(event.target as Node)) close(menu, false);
});
