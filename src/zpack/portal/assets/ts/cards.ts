// <div data-cards="/servers/cards">: a long list that stays live with one listener. What changed is asked for once a
// second, all of it in one request; a card that is not open is only its summary, and asks for the rest when opened.
import { CHUNK } from "./chunks";
import { renarrow } from "./filter";
import { become, keeping } from "./keeps";

const EVERY_MS = 1000;
const MANY = 200;
const list = document.querySelector<HTMLElement>("[data-cards]");
const stale = new Set<string>();
let everything = false;
let waiting = 0;

const cardOf = (id: string): HTMLDetailsElement | null => document.querySelector(`#card-${CSS.escape(id)}`);
const idOf = (card: Element): string => card.id.slice("card-".length);

async function ask(): Promise<void> {
  waiting = 0;
  if (!list) return;
  const all = everything || stale.size > MANY;
  const words = new URLSearchParams(all ? {} : { ids: [...stale].join(",") });
  words.set("open", [...list.querySelectorAll("details.card[open]")].map(idOf).join(","));
  everything = false;
  stale.clear();
  const answer = await fetch(`${list.dataset.cards}?${words}`, { headers: { "HX-Request": "true" } });
  if (!answer.ok) return;
  const told = new DOMParser().parseFromString(await answer.text(), "text/html");
  keeping(list, () => show(told, all));
}

function show(told: Document, all: boolean): void {
  if (!list) return;
  const totals = told.querySelector("#server-totals");
  if (!totals) return; // the session has ended; the page says so by itself
  const before = list.querySelector("#server-totals");
  if (before) become(before, totals);
  const left = new Set<Element>(all ? list.querySelectorAll("details.card") : []);
  for (const group of told.querySelectorAll(".group")) {
    const place = list.querySelector(`#${group.id} .cards`);
    for (const card of group.querySelectorAll<HTMLDetailsElement>("details.card")) {
      const old = cardOf(idOf(card));
      if (old) renew(old, card);
      else if (place) lastChunk(place).append(document.adoptNode(card));
      if (old) left.delete(old);
    }
  }
  for (const gone of left) gone.remove();
  for (const chunk of list.querySelectorAll(".chunk")) if (!chunk.firstElementChild) chunk.remove();
  renarrow(list);
}

function lastChunk(place: Element): Element {
  const last = place.lastElementChild;
  if (last && last.childElementCount < CHUNK) return last;
  const chunk = document.createElement("div");
  chunk.className = "chunk";
  place.append(chunk);
  return chunk;
}

function renew(old: HTMLDetailsElement, card: HTMLDetailsElement): void {
  const [summary, told] = [old.firstElementChild, card.firstElementChild];
  old.dataset.words = card.dataset.words;
  if (summary && told && summary.innerHTML !== told.innerHTML) become(summary, told);
  const [context, about] = [old.lastElementChild, card.lastElementChild];
  if (!context || !about || "lazy" in card.dataset) return;
  delete old.dataset.lazy;
  become(context, about);
}

function soon(id: string | null): void {
  if (id === null || cardOf(id) === null) everything = true;
  else stale.add(id);
  waiting ||= window.setTimeout(() => void ask().catch(() => undefined), EVERY_MS);
}

if (list) {
  document.body.addEventListener("servers", (event) => soon((event as CustomEvent<{ id: string }>).detail.id));
  document.body.addEventListener("servers-changed", () => soon(null));
  document.body.addEventListener("live-resumed", () => soon(null));
  list.addEventListener(
    "toggle",
    (event) => {
      const card = event.target as HTMLDetailsElement;
      if (!card.open || !("lazy" in card.dataset)) return;
      stale.add(idOf(card));
      void ask().catch(() => undefined);
    },
    true,
  );
}
