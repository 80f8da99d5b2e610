// <div data-cards="/servers/cards">: a long list that stays live with one listener. What changed is asked for once a
// second, all of it in one request; a card that is not open is only its summary, and asks for the rest when opened.
// A long answer is read and shown in slices, each in an idle moment, so that nobody who scrolls meanwhile notices.
import { CHUNK, rest } from "./chunks";
import { renarrow } from "./filter";
import { become, keeping } from "./keeps";

const EVERY_MS = 1000;
const MANY = 200;
const SLICE = 16384;
const list = document.querySelector<HTMLElement>("[data-cards]");
const stale = new Set<string>();
const shown = new WeakMap<Element, number>();
let everything = false;
let waiting = 0;
let asked = 0;

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
  const turn = ++asked;
  const answer = await fetch(`${list.dataset.cards}?${words}`, { headers: { "HX-Request": "true" } });
  if (answer.ok) await show(await read(await answer.text()), all, turn);
}

async function read(text: string): Promise<Document> {
  const told = document.implementation.createHTMLDocument("");
  for (let at = 0; at < text.length; at += SLICE) {
    if (at) await rest();
    told.write(text.slice(at, at + SLICE));
  }
  told.close();
  return told;
}

// `turn` counts the answers: one that is shown slowly does not undo what a later one has said of a card.
async function show(told: Document, all: boolean, turn: number): Promise<void> {
  if (!list) return;
  const totals = told.querySelector("#server-totals");
  if (!totals) return; // the session has ended; the page says so by itself
  const before = list.querySelector("#server-totals");
  if (before) become(before, totals);
  const left = new Set<Element>(all ? list.querySelectorAll("details.card") : []);
  for (const group of told.querySelectorAll(".group")) {
    const place = list.querySelector(`#${group.id} .cards`);
    for (const chunk of group.querySelectorAll(".chunk")) {
      if (all) await rest();
      for (const card of chunk.querySelectorAll<HTMLDetailsElement>("details.card")) {
        const old = cardOf(idOf(card));
        if (old) keeping(old, () => renew(old, card, turn));
        else if (place) lastChunk(place).append(document.adoptNode(card));
        if (old) left.delete(old);
      }
    }
  }
  keeping(list, () => {
    for (const gone of left) gone.remove();
    for (const chunk of list.querySelectorAll(".chunk")) if (!chunk.firstElementChild) chunk.remove();
  });
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

function renew(old: HTMLDetailsElement, card: HTMLDetailsElement, turn: number): void {
  if ((shown.get(old) ?? 0) > turn) return;
  shown.set(old, turn);
  const [summary, told] = [old.firstElementChild, card.firstElementChild];
  old.dataset.words = card.dataset.words;
  if (summary && told && !summary.isEqualNode(told)) become(summary, told);
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
