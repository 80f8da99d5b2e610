// What of a line reaches the terminal: text, tabs and colours. A game's lines are its players' words, and no
// player may set titles, fill the clipboard, move the cursor over other lines, or hide a link's target.
import type { Terminal } from "@xterm/xterm";

const COLOUR = /\x1b\[[0-9;:]{0,64}m/y;
const SEQUENCE = /\x1b(?:[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?|\[[0-?]*[ -/]*[@-~]?|[ -/]*[0-~]?)?/y;
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]/;
const REORDERING = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
const WORTH_A_LOOK = new RegExp(`${CONTROL.source}|${REORDERING.source}`);
const LONGEST = 4000;

// Returns one line of a game's, safe to write. `cut` says how many characters were left off.
export function safeLine(text: string, cut: (count: number) => string): string {
  const rest = text.length - LONGEST;
  const line = rest > 0 ? text.slice(0, LONGEST) : text;
  const told = WORTH_A_LOOK.test(line) ? filtered(line) : line;
  return rest > 0 ? `${told}\x1b[0m ${cut(rest)}` : told;
}

function filtered(line: string): string {
  let told = "";
  let coloured = false;
  for (let at = 0; at < line.length; ) {
    const character = line[at] as string;
    if (character === "\x1b") {
      COLOUR.lastIndex = SEQUENCE.lastIndex = at;
      const colour = COLOUR.exec(line)?.[0];
      told += colour ?? "";
      coloured ||= colour !== undefined;
      at += colour?.length ?? Math.max(1, SEQUENCE.exec(line)?.[0].length ?? 1);
      continue;
    }
    if (REORDERING.test(character)) told += `<U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}>`;
    else if (!CONTROL.test(character)) told += character;
    at += 1;
  }
  return coloured ? `${told}\x1b[0m` : told;
}

export function isWebAddress(address: string): boolean {
  try {
    return ["http:", "https:"].includes(new URL(address).protocol);
  } catch {
    return false;
  }
}

export function openWebAddress(_event: MouseEvent, address: string): void {
  if (isWebAddress(address)) window.open(address, "_blank", "noopener,noreferrer");
}

const SWALLOWED_OSC = [0, 1, 2, 4, 7, 9, 10, 11, 12, 50, 52, 104, 110, 111, 112, 133, 633, 777, 1337];

// A shell needs its cursor keys and screens; what would reach beyond its own rectangle is swallowed.
export function muzzle(terminal: Terminal): void {
  const nothing = () => true;
  for (const ident of SWALLOWED_OSC) terminal.parser.registerOscHandler(ident, nothing);
  terminal.parser.registerCsiHandler({ final: "t" }, nothing);
  terminal.parser.registerDcsHandler({ intermediates: "$", final: "q" }, nothing);
}
