// Uploads: picked or dropped, one after the other, each with its progress and a way to end it.
import { notify } from "../notices";

const CONFLICT = 409;
type Texts = DOMStringMap;

function sent(file: File, to: URL, headers: Record<string, string>, row: Row): Promise<{ status: number; message: string }> {
  return new Promise((done) => {
    const request = new XMLHttpRequest();
    request.open("POST", to);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.responseType = "json";
    request.upload.onprogress = (event) => event.lengthComputable && (row.progress.value = event.loaded / event.total);
    request.onload = () => done({ status: request.status, message: (request.response as { message?: string } | null)?.message ?? "" });
    request.onerror = () => done({ status: 0, message: "" });
    request.onabort = () => done({ status: -1, message: "" });
    row.cancel.onclick = () => request.abort();
    const form = new FormData();
    form.append("file", file, "file");
    request.send(form);
  });
}

class Row {
  readonly line = document.createElement("li");
  readonly progress = document.createElement("progress");
  readonly cancel = document.createElement("button");
  private readonly said = document.createElement("span");

  constructor(list: Element, file: File, texts: Texts) {
    const name = document.createElement("bdi");
    name.textContent = file.name;
    this.progress.max = 1;
    this.progress.value = 0;
    this.progress.setAttribute("aria-label", file.name);
    this.cancel.type = "button";
    this.cancel.className = "button";
    this.cancel.dataset.size = "small";
    this.cancel.textContent = texts.cancel ?? "";
    this.said.className = "small muted";
    this.line.append(name, this.progress, this.said, this.cancel);
    list.append(this.line);
  }

  end(text: string, tone: string): void {
    this.said.textContent = text;
    this.line.dataset.tone = tone;
    this.cancel.remove();
    this.progress.remove();
  }
}

let going = 0;
let whole = true;

// The page is loaded anew when the last one is done, and only when none has to be told of.
async function upload(files: Iterable<File>, root: HTMLElement, list: Element, headers: Record<string, string>): Promise<void> {
  const texts = root.dataset;
  const rows = [...files].map((file) => [file, new Row(list, file, texts)] as const);
  if (!rows.length) return;
  going += 1;
  for (const [file, row] of rows) {
    const to = new URL(texts.upload ?? "", location.href);
    to.searchParams.set("path", texts.folder ? `${texts.folder}/${file.name}` : file.name);
    let answer = await sent(file, to, headers, row);
    if (answer.status === CONFLICT && confirm(`${file.name}\n${texts.replace ?? ""}`)) {
      to.searchParams.set("overwrite", "true");
      answer = await sent(file, to, headers, row);
    }
    const well = answer.status >= 200 && answer.status < 300;
    whole &&= well;
    row.end(well ? (texts.done ?? "") : answer.status < 0 ? (texts.cancelled ?? "") : answer.message || (texts.broken ?? ""), well ? "ok" : "bad");
  }
  going -= 1;
  if (going > 0) return;
  if (whole) location.reload();
  else notify(texts.broken ?? "", "warn");
  whole = true;
}

export function takeUploads(root: HTMLElement, headers: Record<string, string>): void {
  const list = root.querySelector("[data-uploads]");
  const picker = root.querySelector<HTMLElement>("[data-picker]");
  const input = picker?.querySelector("input");
  if (!list || !picker || !input) return;
  picker.hidden = false;
  input.addEventListener("change", () => void upload(input.files ?? [], root, list, headers));
  root.addEventListener("dragover", (event) => {
    event.preventDefault();
    root.dataset.over = "";
  });
  root.addEventListener("dragleave", () => delete root.dataset.over);
  root.addEventListener("drop", (event) => {
    event.preventDefault();
    delete root.dataset.over;
    void upload(event.dataTransfer?.files ?? [], root, list, headers);
  });
}
