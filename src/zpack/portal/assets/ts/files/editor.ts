// The editor in place of a textarea: the form below it stays what it was, and saves in place.
import { EditorState } from "@codemirror/state";
import { keymap } from "@codemirror/view";
import { indentWithTab } from "@codemirror/commands";
import { basicSetup, EditorView } from "codemirror";
import { notify } from "../notices";
import { languageOf } from "./language";

const LOOK = EditorView.theme({
  "&": { height: "100%", backgroundColor: "transparent", color: "var(--ink)", fontSize: "var(--text-sm)" },
  ".cm-scroller": { fontFamily: "var(--font-mono)", lineHeight: "1.6" },
  ".cm-content": { caretColor: "var(--accent)" },
  ".cm-gutters": { backgroundColor: "var(--plate-sunken)", color: "var(--ink-faint)", borderRight: "1px solid var(--edge)" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--accent) 9%, transparent)" },
  ".cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground": { backgroundColor: "color-mix(in srgb, var(--accent) 30%, transparent)" },
  ".cm-panels": { backgroundColor: "var(--plate-raised)", color: "var(--ink)" },
  ".cm-cursor": { borderLeftColor: "var(--accent)" },
});

const CHANGED = 412;

interface Stat {
  etag?: string;
  message?: string;
}

export class Editor {
  private readonly view: EditorView;
  private saved: string;
  private busy = false;
  private readonly mark: HTMLElement | null;

  constructor(
    private readonly form: HTMLFormElement,
    private readonly area: HTMLTextAreaElement,
    private readonly headers: Record<string, string>,
  ) {
    this.saved = area.value;
    this.mark = form.querySelector("[data-mark]");
    const readOnly = form.dataset.readonly === "yes";
    this.view = new EditorView({
      state: EditorState.create({
        doc: area.value,
        extensions: [
          keymap.of([{ key: "Mod-s", run: () => (readOnly || void this.save(), true) }, indentWithTab]),
          basicSetup,
          languageOf(form.dataset.editor ?? ""),
          LOOK,
          EditorState.readOnly.of(readOnly),
          EditorView.lineWrapping,
          EditorView.cspNonce.of(form.dataset.nonce ?? ""),
          EditorView.contentAttributes.of({ "aria-label": area.labels[0]?.textContent ?? "" }),
          EditorView.updateListener.of((update) => update.docChanged && this.tell()),
        ],
      }),
    });
    area.hidden = true;
    const place = document.createElement("div");
    place.className = "editor";
    area.after(place);
    place.append(this.view.dom);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.save();
    });
    addEventListener("beforeunload", (event) => this.dirty && event.preventDefault());
  }

  private get text(): string {
    return this.view.state.doc.toString();
  }

  private get dirty(): boolean {
    return this.text !== this.saved;
  }

  private tell(): void {
    if (this.mark) this.mark.textContent = this.dirty ? (this.form.dataset.unsaved ?? "") : "";
  }

  private field(name: string): HTMLInputElement {
    return this.form.elements.namedItem(name) as HTMLInputElement;
  }

  private async save(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    const text = this.text;
    const body = this.field("newline").value === "crlf" ? text.replaceAll("\n", "\r\n") : text;
    try {
      const where = new URL(this.form.dataset.to ?? "", location.href);
      const etag = this.field("etag");
      const headers = etag.value ? { ...this.headers, "If-Match": etag.value } : this.headers;
      const answer = await fetch(where, { method: "PUT", body, headers });
      const said = (await answer.json()) as Stat;
      if (answer.ok) {
        this.saved = text;
        etag.value = said.etag ?? "";
        notify(this.form.dataset.saved ?? "", "ok");
      } else if (answer.status === CHANGED) this.fallBack(text);
      else notify(said.message ?? "", "bad");
    } catch {
      notify(this.form.dataset.broken ?? "", "bad");
    }
    this.busy = false;
    this.tell();
  }

  // A conflict is the page's to explain: the form goes as it would without scripts.
  private fallBack(text: string): void {
    this.area.value = this.saved = text;
    this.form.submit();
  }
}
