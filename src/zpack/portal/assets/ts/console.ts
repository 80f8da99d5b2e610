// The island of a console's page: one terminal, its socket, its line and its buttons.
import "@xterm/xterm/css/xterm.css";
import { Feed } from "./console/feed";
import { Screen, worded, type Words } from "./console/screen";
import { CommandLine } from "./console/typed";
import { notify } from "./notices";

const KEYS_AT_ONCE = 4000;

function part<T extends HTMLElement>(root: HTMLElement, selector: string): T {
  const found = root.querySelector<T>(selector);
  if (!found) throw new Error(`the console's page has no ${selector}`);
  return found;
}

function token(): Record<string, string> {
  return JSON.parse(document.body.getAttribute("hx-headers:inherited") ?? "{}") as Record<string, string>;
}

function begin(root: HTMLElement): void {
  const words = JSON.parse(root.dataset.words ?? "{}") as Words;
  const id = root.dataset.console ?? "";
  const isShell = root.dataset.kind === "shell";
  const again = part(root, '[data-act="again"]');
  const tail = part(root, '[data-act="tail"]');
  const region = part(root, "[data-aloud]");
  const news = (count: number) => {
    tail.hidden = count === 0;
    part(root, "[data-news]").textContent = worded(words, "news", count);
  };
  const screen = new Screen(part(root, "[data-screen]"), root.dataset.nonce ?? "", words, isShell, news, region);
  const said = part(root, "[data-said]");
  const state = (tone: string, word: string, seconds?: number) => {
    part(root, "[data-state] .dot").dataset.tone = tone;
    root.dataset.state = tone;
    const why = words[root.dataset.off && tone === "warn" ? "off" : word] ?? words.network ?? "";
    const text = seconds === undefined ? why : `${why} ${worded(words, "retry", seconds)}`;
    if (said.textContent !== text) said.textContent = text;
    again.hidden = tone !== "bad" && seconds === undefined;
  };
  const size = () => isShell && feed.send({ resize: { cols: screen.terminal.cols, rows: screen.terminal.rows } });
  const feed = new Feed(id, token(), {
    line: (text) => {
      delete root.dataset.off; // who speaks is on; an open socket is the API's word alone
      if (isShell) screen.chunk(text);
      else screen.line(text);
    },
    lost: () => screen.note(words.lost ?? ""),
    refused: (message) => notify(message, "bad"),
    opened: size,
    state,
  });
  if (isShell) {
    screen.terminal.onData((keys) => {
      for (let at = 0; at < keys.length; at += KEYS_AT_ONCE) feed.send({ input: keys.slice(at, at + KEYS_AT_ONCE) });
    });
    screen.terminal.onResize(size);
  }
  buttons(root, screen, feed, words);
  line(root, feed, id, words);
  if (root.dataset.suspended) state("warn", "suspended");
  else feed.comeNow();
}

function buttons(root: HTMLElement, screen: Screen, feed: Feed, words: Words): void {
  const acts: Record<string, () => void> = {
    again: () => feed.comeNow(),
    tail: () => screen.tail(),
    smaller: () => screen.resize(-1),
    larger: () => screen.resize(1),
    clear: () => screen.terminal.clear(),
    copy: () => void copy(screen, words),
  };
  root.addEventListener("click", (event) => acts[(event.target as Element).closest<HTMLElement>("[data-act]")?.dataset.act ?? ""]?.());
  const find = part<HTMLFormElement>(root, "[data-find]");
  const sought = part<HTMLInputElement>(find, "input");
  const seek = (back: boolean) => {
    const found = sought.value === "" || (back ? screen.search.findPrevious(sought.value) : screen.search.findNext(sought.value));
    part(root, "[data-found]").textContent = found ? "" : (words.none ?? "");
  };
  find.addEventListener("submit", (event) => event.preventDefault());
  sought.addEventListener("input", () => seek(true));
  sought.addEventListener("keydown", (event) => event.key === "Enter" && seek(!event.shiftKey));
  root.addEventListener("change", (event) => {
    const box = event.target as HTMLInputElement;
    if (box.dataset.switch === "reader") screen.terminal.options.screenReaderMode = box.checked;
    if (box.dataset.switch === "aloud") part(root, "[data-aloud]").ariaLive = box.checked ? "polite" : "off";
  });
}

async function copy(screen: Screen, words: Words): Promise<void> {
  const text = screen.terminal.getSelection();
  if (!text) return notify(words.nothing ?? "", "warn");
  await navigator.clipboard.writeText(text);
  notify(words.copied ?? "", "ok");
}

function line(root: HTMLElement, feed: Feed, id: string, words: Words): void {
  const form = root.querySelector<HTMLFormElement>("[data-line]");
  if (!form) return;
  new CommandLine(form, part(form, "input[name=command]"), id, async (command) => {
    if (feed.send({ input: command })) return true;
    try {
      const body = new URLSearchParams({ command });
      const answer = await fetch(form.action, { method: "POST", body, headers: token(), redirect: "manual" });
      if (answer.type === "opaqueredirect") return true;
    } catch {
      // told below, whatever it was
    }
    notify(words.unsent ?? "", "bad");
    return false;
  });
}

for (const root of document.querySelectorAll<HTMLElement>("[data-console]")) begin(root);
