// The terminal and the queue before it. Lines come as fast as a hostile game can write; a frame takes what it
// can show, and what would scroll out of reach unseen is dropped, and said to be.
import { FitAddon } from "@xterm/addon-fit";
import { SearchAddon } from "@xterm/addon-search";
import { Terminal, type ITheme } from "@xterm/xterm";
import { tame } from "./nonce";
import { isWebAddress, muzzle, openWebAddress, safeLine } from "./safe";

const SCROLL_BACK = 5000;
const QUEUED_CHARACTERS = 1 << 20;
const FRAME_LINES = 250;
const FRAME_CHARACTERS = 24 * 1024;
const ALOUD_LINES = 12;
const SIZES = [10, 11, 12, 13, 14, 16, 18, 20, 24];

export type Words = Record<string, string>;

export function worded(words: Words, name: string, count: number): string {
  return (words[name] ?? name).replace("%(n)s", count.toLocaleString(document.documentElement.lang || "en"));
}

function theme(): ITheme {
  const token = getComputedStyle(document.documentElement);
  const dark = { background: "#0b0d11", foreground: "#dfe5ee", cursor: "#4da3ff", selectionBackground: "#1f8eff66" };
  return { ...dark, black: "#3b4452", brightBlack: "#8b96a6", blue: "#4da3ff", red: "#ff7b7b", green: "#4ade94", yellow: "#f5b84b", scrollbarSliderBackground: token.getPropertyValue("--edge-strong").startsWith("#") ? "#3b4452" : "#3b4452aa" };
}

export class Screen {
  readonly terminal: Terminal;
  readonly search = new SearchAddon();
  private readonly fit = new FitAddon();
  private queue: string[] = [];
  private queued = 0;
  private skipped = 0;
  private told = { shown: 0, skipped: 0 };
  private busy = false;
  private asked = false;
  private unseen = 0;
  private aloud: string[] = [];

  constructor(
    private readonly place: HTMLElement,
    nonce: string,
    private readonly words: Words,
    private readonly isShell: boolean,
    private readonly news: (count: number) => void,
    private readonly region: HTMLElement,
  ) {
    tame(nonce);
    this.terminal = new Terminal({
      disableStdin: !isShell,
      cursorBlink: isShell,
      cursorInactiveStyle: isShell ? "outline" : "none",
      convertEol: !isShell,
      scrollback: SCROLL_BACK,
      fontFamily: '"Geist Mono", ui-monospace, monospace',
      fontSize: Number(localStorage.getItem("console-size")) || 13,
      lineHeight: 1.25,
      minimumContrastRatio: 4.5,
      theme: theme(),
      linkHandler: { activate: openWebAddress, allowNonHttpProtocols: false },
    });
    muzzle(this.terminal);
    this.terminal.loadAddon(this.fit);
    this.terminal.loadAddon(this.search);
    this.terminal.open(place);
    if (!isShell) this.terminal.write("\x1b[?25l");
    this.terminal.attachCustomKeyEventHandler((event) => this.mine(event));
    this.terminal.onScroll(() => this.looked());
    place.addEventListener("wheel", () => requestAnimationFrame(() => this.looked()), { passive: true });
    new ResizeObserver(() => this.fitted()).observe(place);
    this.link();
    setInterval(() => this.read(), 1000);
  }

  // Escape, then Tab leaves a shell; a game's terminal never takes the Tab.
  private escaped = false;
  private mine(event: KeyboardEvent): boolean {
    if (event.key === "Tab" && (this.escaped || !this.isShell)) return false;
    if (event.type === "keydown") this.escaped = event.key === "Escape";
    if (event.ctrlKey && event.shiftKey && event.key === "C") return !this.terminal.hasSelection();
    return true;
  }

  line(text: string): void {
    this.push(`${safeLine(text, (count) => worded(this.words, "cut", count))}\n`);
  }

  chunk(text: string): void {
    this.push(text);
  }

  note(text: string): void {
    this.push(`\x1b[0;2;3m[${text}]\x1b[0m\r\n`);
  }

  private push(text: string): void {
    this.queue.push(text);
    this.queued += text.length;
    if (this.queue.length > 2 * SCROLL_BACK || this.queued > 2 * QUEUED_CHARACTERS) this.drop();
    this.ask();
  }

  private drop(): void {
    let from = Math.max(0, this.queue.length - SCROLL_BACK);
    let kept = this.queue.slice(from).reduce((sum, text) => sum + text.length, 0);
    while (kept > QUEUED_CHARACTERS && from < this.queue.length) kept -= (this.queue[from++] as string).length;
    this.skipped += from;
    this.queue = this.queue.slice(from);
    this.queued = kept;
  }

  private ask(): void {
    if (this.asked || this.busy) return;
    this.asked = true;
    requestAnimationFrame(() => this.frame());
  }

  private frame(): void {
    this.asked = false;
    let take = 0;
    let size = 0;
    while (take < this.queue.length && take < FRAME_LINES && size < FRAME_CHARACTERS) size += (this.queue[take++] as string).length;
    if (take === 0) return;
    const taken = this.queue.splice(0, take);
    this.queued -= size;
    let text = taken.join("");
    this.count(take);
    if (this.skipped) text = `\x1b[0;33m${worded(this.words, "skipped", this.skipped)}\x1b[0m\r\n${text}`;
    this.skipped = 0;
    if (this.region.ariaLive === "polite") this.aloud = [...this.aloud, ...taken].slice(-ALOUD_LINES);
    const tail = this.atTail;
    this.busy = true;
    this.terminal.write(text, () => {
      this.busy = false;
      this.unseen = tail ? 0 : this.unseen + take;
      this.news(this.unseen);
      if (this.queue.length) this.ask();
    });
  }

  // How many lines came to the screen, were left off, are held and wait: on the element, for whoever wants to know.
  private count(shown: number): void {
    this.told.shown += shown;
    this.told.skipped += this.skipped;
    const { shown: all, skipped } = this.told;
    Object.assign(this.place.dataset, { shown: all, skipped, kept: this.terminal.buffer.normal.length, queued: this.queue.length });
  }

  private read(): void {
    if (!this.aloud.length) return;
    this.region.textContent = this.aloud.map((text) => text.replace(/\x1b\[[0-?]*[ -/]*[@-~]/g, "")).join("");
    this.aloud = [];
  }

  get atTail(): boolean {
    const buffer = this.terminal.buffer.active;
    return buffer.viewportY >= buffer.baseY;
  }

  private looked(): void {
    if (!this.atTail) return;
    this.unseen = 0;
    this.news(0);
  }

  tail(): void {
    this.terminal.scrollToBottom();
    this.looked();
  }

  fitted(): void {
    if (this.terminal.element?.isConnected) this.fit.fit();
  }

  resize(by: number): void {
    const now = SIZES.indexOf(this.terminal.options.fontSize ?? 13);
    const size = SIZES[Math.min(SIZES.length - 1, Math.max(0, now + by))] ?? 13;
    this.terminal.options.fontSize = size;
    localStorage.setItem("console-size", String(size));
    this.fitted();
  }

  // Web addresses in lines, and nothing else, can be followed.
  private link(): void {
    this.terminal.registerLinkProvider({
      provideLinks: (y, give) => {
        const text = this.terminal.buffer.active.getLine(y - 1)?.translateToString(true) ?? "";
        const found = [...text.matchAll(/\bhttps?:\/\/[^\s"'<>()\x7f-\x9f]{1,500}/g)].filter((match) => isWebAddress(match[0]));
        give(
          found.map((match) => ({
            text: match[0],
            range: { start: { x: match.index + 1, y }, end: { x: match.index + match[0].length, y } },
            activate: openWebAddress,
          })),
        );
      },
    });
  }
}
