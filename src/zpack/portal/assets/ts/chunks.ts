// .chunk: some entries of a long list, which the browser skips while they are out of sight (content-visibility). Each is
// laid out once in an idle moment, since a skipped chunk keeps its layout: whoever scrolls fast finds it done.
export const CHUNK = 20;
const SLICE_MS = 6;
const LATER_MS = 200;
const done = new WeakSet<Element>();
let waiting: HTMLElement[] = [];
let asked = false;

export function idle(run: (deadline?: IdleDeadline) => void): void {
  if ("requestIdleCallback" in window) requestIdleCallback(run);
  else setTimeout(run, LATER_MS);
}

// Long work lets others have their turn: it goes on in an idle moment, or a little later where there is none.
export function rest(): Promise<void> {
  return new Promise((done) => {
    if ("requestIdleCallback" in window) requestIdleCallback(() => done(), { timeout: LATER_MS });
    else setTimeout(done);
  });
}

function draw(deadline?: IdleDeadline): void {
  asked = false;
  do {
    const chunk = waiting.shift();
    if (!chunk) return;
    chunk.style.contentVisibility = "visible";
    chunk.getBoundingClientRect();
    chunk.style.contentVisibility = "";
    done.add(chunk);
  } while ((deadline?.timeRemaining() ?? 0) > SLICE_MS);
  ask();
}

function ask(): void {
  if (asked || !waiting.length) return;
  asked = true;
  idle(draw);
}

// Draw the chunks of a list that are not out and were not drawn yet.
export function drawAhead(list: Element): void {
  waiting = [...list.querySelectorAll<HTMLElement>(".chunk:not([data-out])")].filter((chunk) => !done.has(chunk));
  ask();
}
