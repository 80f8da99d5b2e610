// The island of the files' pages: the editor of one file, or uploads into a folder.
import { Editor } from "./files/editor";
import { takeUploads } from "./files/upload";

const headers = JSON.parse(document.body.getAttribute("hx-headers:inherited") ?? "{}") as Record<string, string>;

const form = document.querySelector<HTMLFormElement>("form[data-editor]");
const area = form?.querySelector("textarea");
if (form && area) new Editor(form, area, headers);
for (const root of document.querySelectorAll<HTMLElement>("[data-upload]")) takeUploads(root, headers);
