// The socket behind a terminal: gets a ticket for each visit, counts lines, and comes again with the last
// number, so that nothing is lost or told twice. Why it is away it says in one word of the page's.
export interface Said {
  seq?: number;
  line?: string;
  lost?: boolean;
  error?: string;
  message?: string;
}
export interface Listener {
  line(text: string): void;
  lost(): void;
  refused(message: string): void;
  opened(): void;
  state(tone: string, word: string, seconds?: number): void;
}

const PROTOCOL = "zpack.console.v1";
const FIRST_WAIT = 1;
const LONGEST_WAIT = 20;
const FINAL: Record<number, string> = { 1000: "", 4403: "denied", 4404: "gone" };
const AT_ONCE = new Set([1012, 4401]);
const TICKET_REFUSALS: Record<number, string> = { 400: "off", 401: "expired", 403: "denied", 404: "gone" };
const HOPELESS = new Set([401, 403, 404]);

export class Feed {
  private socket: WebSocket | null = null;
  private last = 0;
  private wait = FIRST_WAIT;
  private timer = 0;
  private visit = 0;

  constructor(
    private readonly id: string,
    private readonly headers: Record<string, string>,
    private readonly listener: Listener,
  ) {
    addEventListener("offline", () => this.leave("offline"));
    addEventListener("online", () => this.comeNow());
    addEventListener("pagehide", () => this.leave("connecting"));
    addEventListener("pageshow", (event) => event.persisted && this.comeNow());
    document.body.addEventListener(`server-${id}`, () => this.timer && this.comeNow());
  }

  get open(): boolean {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  send(asked: { input?: string; resize?: { cols: number; rows: number } }): boolean {
    if (!this.open) return false;
    this.socket?.send(JSON.stringify(asked));
    return true;
  }

  comeNow(): void {
    if (this.open) return;
    this.wait = FIRST_WAIT;
    void this.come();
  }

  private leave(word: string): void {
    this.visit += 1;
    clearInterval(this.timer);
    this.timer = 0;
    this.socket?.close();
    this.socket = null;
    this.listener.state("warn", word);
  }

  private async come(): Promise<void> {
    clearInterval(this.timer);
    this.timer = 0;
    const visit = ++this.visit;
    this.listener.state("busy", "connecting");
    const ticket = await this.ticket();
    if (visit !== this.visit || ticket === null) return;
    const where = new URL(`/api/servers/${this.id}/console/stream`, location.href);
    where.protocol = where.protocol.replace("http", "ws");
    where.search = String(new URLSearchParams({ ticket, after: String(this.last) }));
    const socket = new WebSocket(where, PROTOCOL);
    this.socket = socket;
    socket.onopen = () => {
      if (socket !== this.socket) return;
      this.listener.state("ok", "connected");
      this.listener.opened();
    };
    socket.onmessage = (event: MessageEvent<string>) => socket === this.socket && this.hear(event.data);
    socket.onclose = (event) => socket === this.socket && this.closed(event);
  }

  private hear(frame: string): void {
    this.wait = FIRST_WAIT;
    for (const text of frame.split("\n")) {
      let said: Said;
      try {
        said = JSON.parse(text) as Said;
      } catch {
        continue;
      }
      if (said.lost) {
        this.last = 0;
        this.listener.lost();
      } else if (typeof said.seq === "number") {
        if (said.seq <= this.last) continue;
        this.last = said.seq;
        this.listener.line(String(said.line ?? ""));
      } else if (said.error) this.listener.refused(String(said.message ?? said.error));
    }
  }

  private async ticket(): Promise<string | null> {
    let answer: Response;
    try {
      const path = `/servers/${this.id}/console/ticket`;
      answer = await fetch(path, { method: "POST", headers: this.headers, redirect: "manual" });
    } catch {
      this.again("network");
      return null;
    }
    if (answer.ok) return ((await answer.json()) as { ticket: string }).ticket;
    const status = answer.type === "opaqueredirect" ? 401 : answer.status;
    const said = (await answer.json().catch(() => ({}))) as Said;
    const word = said.error === "account_suspended" ? "suspended" : (TICKET_REFUSALS[status] ?? "upstream_failed");
    if (HOPELESS.has(status)) this.ended(word);
    else this.again(word);
    return null;
  }

  private closed(event: CloseEvent): void {
    this.socket = null;
    const final = FINAL[event.code];
    if (final !== undefined) this.ended(event.reason === "account_suspended" ? "suspended" : final || event.reason);
    else if (AT_ONCE.has(event.code) && this.wait === FIRST_WAIT) {
      this.wait = 2;
      void this.come();
    } else this.again(event.reason || "network");
  }

  private ended(word: string): void {
    this.socket = null;
    this.listener.state("bad", word || "ended");
  }

  private again(word: string): void {
    this.socket = null;
    if (!navigator.onLine) return this.listener.state("warn", "offline");
    const due = Date.now() + this.wait * 1000 * (0.8 + Math.random() * 0.4);
    this.wait = Math.min(LONGEST_WAIT, this.wait * 2);
    const tell = () => {
      const left = Math.ceil((due - Date.now()) / 1000);
      if (left <= 0) void this.come();
      else this.listener.state("warn", word, left);
    };
    clearInterval(this.timer);
    this.timer = window.setInterval(tell, 500);
    tell();
  }
}
