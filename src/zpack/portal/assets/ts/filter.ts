// <input data-filter="#list">: shows only the entries whose data-words hold every typed word; no request is made.
// Words are gathered in idle time. Entries in a .chunk are out with it where none fits, and the chunk knows how many it
// shows. `data-address` keeps the words in the address; "/" leads to the field, Escape empties it.
import { CHUNK, drawAhead, idle } from "./chunks";

const SPOKEN_MS = 300;
const FULL = String(CHUNK);

interface Chunk {
  place: HTMLElement;
  entries: { element: HTMLElement; words: string }[];
}

const gathered = new WeakMap<Element, Chunk[]>();
const inputs = (): NodeListOf<HTMLInputElement> => document.querySelectorAll("input[data-filter]");
const listOf = (input: HTMLInputElement): HTMLElement | null => document.querySelector(input.dataset.filter ?? "");
let speaking = 0;

function chunksOf(list: HTMLElement): Chunk[] {
  const known = gathered.get(list);
  if (known) return known;
  const chunks = new Map<HTMLElement, Chunk>();
  for (const element of list.querySelectorAll<HTMLElement>("[data-words]")) {
    const place = element.closest<HTMLElement>(".chunk") ?? list;
    const chunk = chunks.get(place) ?? { place, entries: [] };
    chunk.entries.push({ element, words: element.dataset.words ?? "" });
    chunks.set(place, chunk);
  }
  const found = [...chunks.values()];
  gathered.set(list, found);
  return found;
}

function show(chunk: Chunk, words: string[]): number {
  const { place, entries } = chunk;
  const fits = entries.map((entry) => words.every((word) => entry.words.includes(word)));
  const shown = fits.filter(Boolean).length;
  if (place.classList.contains("chunk")) {
    place.toggleAttribute("data-out", shown === 0);
    if (shown === 0) return 0;
    const count = String(shown);
    if ((place.style.getPropertyValue("--cards") || FULL) !== count) place.style.setProperty("--cards", count);
    delete place.dataset.part;
  }
  entries.forEach(({ element }, at) => {
    if (element.hidden === fits[at]) element.hidden = !fits[at];
  });
  return shown;
}

function narrow(input: HTMLInputElement): void {
  const list = listOf(input);
  if (!list) return;
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const chunk of chunksOf(list)) shown += show(chunk, words);
  for (const group of list.querySelectorAll<HTMLElement>(".group")) group.toggleAttribute("data-out", !group.querySelector(".chunk:not([data-out])"));
  const none = list.querySelector<HTMLElement>("[data-none]");
  if (none) none.hidden = shown > 0;
  clearTimeout(speaking);
  speaking = window.setTimeout(() => settle(input, list, shown), SPOKEN_MS);
}

// What can wait until nobody types: the number of found ones, the address, and drawing what is shown again.
function settle(input: HTMLInputElement, list: HTMLElement, shown: number): void {
  const told = input.form?.querySelector<HTMLElement>("[data-found]");
  const count = new Intl.NumberFormat(document.documentElement.lang).format(shown);
  const text = input.value.trim() && told?.dataset.found ? told.dataset.found.replace("{count}", count) : "";
  if (told && told.textContent !== text) told.textContent = text;
  if ("address" in input.dataset) {
    const address = new URL(location.href);
    address.searchParams.delete(input.name);
    if (input.value.trim()) address.searchParams.set(input.name, input.value.trim());
    if (address.href !== location.href) history.replaceState(history.state, "", address);
  }
  drawAhead(list);
}

function clear(input: HTMLInputElement): void {
  input.value = "";
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

// Entries came, went or changed: gather them again.
export function renarrow(list: Element): void {
  gathered.delete(list);
  for (const input of inputs()) if (listOf(input) === list) narrow(input);
}

document.addEventListener("input", (event) => {
  if (event.target instanceof HTMLInputElement && event.target.dataset.filter) narrow(event.target);
});
document.addEventListener("keydown", (event) => {
  const { target } = event;
  if (event.key === "Escape" && target instanceof HTMLInputElement && target.dataset.filter && target.value) {
    event.preventDefault();
    clear(target);
  }
  // With a modifier: a key by itself would have to be switchable (WCAG 2.1.4), for those who dictate.
  if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
  const input = document.querySelector<HTMLInputElement>("input[data-filter]");
  if (!input || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  input.focus();
  input.select();
});
document.body.addEventListener("htmx:after:swap", () => {
  for (const input of inputs()) {
    const list = listOf(input);
    if (list) gathered.delete(list);
    if (input.value) narrow(input);
  }
});
for (const input of inputs()) {
  const list = listOf(input);
  if (!list) continue;
  if (input.value) narrow(input);
  else idle(() => chunksOf(list));
  drawAhead(list);
}
