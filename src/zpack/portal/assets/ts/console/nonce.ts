// Has what xterm.js makes carry the page's nonce: the policy refuses all others.
// Its cells' colours come as style attributes, which are refused too; the same text through CSSOM is not.
function tamed(element: HTMLElement, nonce: string): HTMLElement {
  if (element instanceof HTMLStyleElement) element.nonce = nonce;
  const set = element.setAttribute.bind(element);
  element.setAttribute = (name: string, value: string) => {
    if (name.toLowerCase() === "style") element.style.cssText = value;
    else set(name, value);
  };
  return element;
}

export function tame(nonce: string): void {
  const create = document.createElement.bind(document) as (tag: string) => HTMLElement;
  document.createElement = ((tag: string) => tamed(create(tag), nonce)) as typeof document.createElement;
}
