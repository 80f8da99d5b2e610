// What is shown anew by itself takes nothing from who uses the page: the focus stays on its control, or lands beside it
// when that is gone; what somebody has typed stays typed; and an answer that is no such part leaves the old one there.
import htmx from "htmx.org";

const CONTROLS = "a[href], button, input, select, textarea, summary, [tabindex]";
const HEADINGS = "h1, h2, h3";
const NAMES = ["id", "href", "name", "data-dialog", "aria-label"];
const VALUES = ["value", "checked", "selected"];

interface Task {
  target: Element | null;
  fragment: DocumentFragment;
  swapSpec: { style: string };
}
type Swap = CustomEvent<{ ctx: object; tasks: Task[] }>;
type Morph = (old: Element, told: DocumentFragment, within: boolean) => void;

interface Held {
  part: Element;
  control: HTMLElement;
  name: string;
  place: number;
  around: { element: Element; beside: (Element | null)[] }[];
}

const touched = new WeakSet<EventTarget>();
const held = new WeakMap<object, Held | null>();
let morphed: Morph = () => undefined;

// Morphing leaves what somebody has changed in a form as it is, until the form is sent.
htmx.registerExtension("keeps", {
  init: (inner: { morph: Morph }) => {
    morphed = inner.morph;
  },
  htmx_before_morph_node: (element: Node) => !(element instanceof HTMLTextAreaElement && touched.has(element)),
  htmx_before_morph_attr: (element: Element, { attrName }: { attrName: string }) =>
    !VALUES.includes(attrName) || !touched.has(element.closest("select") ?? element),
});
document.addEventListener("input", (event) => event.target && touched.add(event.target));
document.addEventListener("submit", (event) => {
  for (const field of (event.target as HTMLFormElement).elements) touched.delete(field);
});

// A control is the same when it is called the same and does the same, in what has the same id.
function nameOf(control: Element): string {
  const words = NAMES.map((name) => control.getAttribute(name));
  const sends = control instanceof HTMLButtonElement ? [control.form?.getAttribute("action"), control.value] : [];
  return [control.tagName, control.closest("[id]")?.id, ...words, ...sends].join("\n");
}

function called(part: Element, name: string): HTMLElement[] {
  return [...part.querySelectorAll<HTMLElement>(CONTROLS)].filter((control) => nameOf(control) === name);
}

const usable = (control: Element): boolean => control.isConnected && !control.matches(":disabled") && control.checkVisibility();

function hold(part: Element): Held | null {
  const control = document.activeElement;
  if (!(control instanceof HTMLElement) || !part.contains(control)) return null;
  const name = nameOf(control);
  const around: Held["around"] = [];
  for (let element = control.closest("[id]"); element; element = element === part ? null : (element.parentElement?.closest("[id]") ?? null))
    around.push({ element, beside: [element.nextElementSibling, element.previousElementSibling] });
  return { part, control, name, place: called(part, name).indexOf(control), around };
}

function giveBack({ part, control, name, place, around }: Held): void {
  const now = document.activeElement;
  if (now !== control && now !== document.body) return; // something has asked for it on purpose
  if (usable(control) && nameOf(control) === name) return control.focus({ preventScroll: true });
  const whole = part.isConnected ? part : document.getElementById(part.id);
  const same = whole && called(whole, name)[place];
  if (same && usable(same)) return same.focus({ preventScroll: true });
  const near = around.flatMap(({ element, beside }) => (element === control ? beside : [element, ...beside]));
  land(near.find((element) => element && usable(element)) ?? whole);
}

// Put the focus on a row, or on the heading of what is larger; nothing is pressed by accident there.
export function land(place: Element | null): void {
  if (!place) return;
  const inner = place.matches("details") ? "summary" : HEADINGS;
  const found = place.matches("tr, li") ? place : (place.querySelector(inner) ?? place);
  if (!(found instanceof HTMLElement)) return;
  if (!found.matches(CONTROLS)) found.tabIndex = -1;
  found.focus({ preventScroll: true });
}

// Change a part of the page, and have the focus where it was.
export function keeping(part: Element, change: () => void): void {
  const before = hold(part);
  change();
  if (before) giveBack(before);
}

// Have an element be as another one tells, without replacing what is the same.
export function become(old: Element, told: Element): void {
  const fragment = document.createDocumentFragment();
  fragment.append(document.adoptNode(told));
  morphed(old, fragment, false);
}

document.addEventListener("htmx:before:swap", (event) => {
  const { ctx, tasks } = (event as Swap).detail;
  for (const { target, fragment, swapSpec } of tasks) {
    if (!target?.id || !swapSpec.style.startsWith("outer")) continue;
    if (fragment.querySelector(`#${CSS.escape(target.id)}`)) held.set(ctx, hold(target));
    else event.preventDefault();
  }
});
document.addEventListener("htmx:after:swap", (event) => {
  const before = held.get((event as Swap).detail.ctx);
  if (before) giveBack(before);
});
