// <input data-filter="#list">: shows only the children whose data-words hold every typed word. No request is made.
function narrow(input: HTMLInputElement): void {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  const list = document.querySelector(input.dataset.filter ?? "");
  if (!list) return;
  let shown = 0;
  for (const entry of list.querySelectorAll<HTMLElement>("[data-words]")) {
    const held = entry.dataset.words ?? "";
    const fits = words.every((word) => held.includes(word));
    if (entry.hidden === fits) entry.hidden = !fits;
    if (fits) shown += 1;
  }
  const none = list.querySelector<HTMLElement>("[data-none]");
  if (none) none.hidden = shown > 0;
}

document.addEventListener("input", (event) => {
  if (event.target instanceof HTMLInputElement && event.target.dataset.filter) narrow(event.target);
});
document.body.addEventListener("htmx:after:swap", () => {
  for (const input of document.querySelectorAll<HTMLInputElement>("input[data-filter]")) if (input.value) narrow(input);
});
