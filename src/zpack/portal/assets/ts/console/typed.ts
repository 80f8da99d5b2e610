// The command line: earlier commands by ↑ and ↓, kept while the tab is open.
const KEPT = 100;

export class CommandLine {
  private readonly key: string;
  private readonly history: string[];
  private at: number;
  private draft = "";

  constructor(
    private readonly form: HTMLFormElement,
    private readonly input: HTMLInputElement,
    id: string,
    private readonly send: (command: string) => Promise<boolean>,
  ) {
    this.key = `console-${id}`;
    this.history = JSON.parse(sessionStorage.getItem(this.key) ?? "[]") as string[];
    this.at = this.history.length;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.submit();
    });
    input.addEventListener("keydown", (event) => this.press(event));
  }

  private async submit(): Promise<void> {
    const command = this.input.value.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, " ");
    if (!command.trim()) return;
    this.form.setAttribute("aria-busy", "true");
    const sent = await this.send(command);
    this.form.removeAttribute("aria-busy");
    if (!sent) return;
    if (this.history.at(-1) !== command) this.history.push(command);
    this.history.splice(0, this.history.length - KEPT);
    sessionStorage.setItem(this.key, JSON.stringify(this.history));
    this.at = this.history.length;
    this.input.value = this.draft = "";
  }

  private press(event: KeyboardEvent): void {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step === undefined || event.isComposing || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (this.at === this.history.length) this.draft = this.input.value;
    this.at = Math.min(this.history.length, Math.max(0, this.at + step));
    this.input.value = this.history[this.at] ?? this.draft;
    this.input.setSelectionRange(this.input.value.length, this.input.value.length);
  }
}
