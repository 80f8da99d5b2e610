// Which language a file is in, by its name.
import { javascript } from "@codemirror/lang-javascript";
import { json } from "@codemirror/lang-json";
import { markdown } from "@codemirror/lang-markdown";
import { python } from "@codemirror/lang-python";
import { xml } from "@codemirror/lang-xml";
import { yaml } from "@codemirror/lang-yaml";
import { StreamLanguage } from "@codemirror/language";
import { properties } from "@codemirror/legacy-modes/mode/properties";
import { toml } from "@codemirror/legacy-modes/mode/toml";
import type { Extension } from "@codemirror/state";

const settings = () => StreamLanguage.define(properties);
const script = (typescript: boolean) => () => javascript({ jsx: true, typescript });
const BY_ENDING: Record<string, () => Extension> = {
  json, mcmeta: json, json5: json, yml: yaml, yaml, properties: settings, ini: settings, cfg: settings, conf: settings,
  toml: () => StreamLanguage.define(toml), js: script(false), mjs: script(false), cjs: script(false), jsx: script(false),
  ts: script(true), tsx: script(true), py: python, xml, svg: xml, html: xml, md: markdown, markdown,
};

export function languageOf(path: string): Extension {
  return BY_ENDING[path.slice(path.lastIndexOf(".") + 1).toLowerCase()]?.() ?? [];
}
