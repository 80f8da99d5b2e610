// A document for xterm.js whose style sheets carry the page's nonce: the policy refuses all others.
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

export function documentWith(nonce: string): Document {
  return new Proxy(document, {
    get(target, name) {
      if (name === "createElement") return (tag: string) => tamed(target.createElement(tag), nonce);
      const found: unknown = Reflect.get(target, name, target);
      return typeof found === "function" ? (found.bind(target) as unknown) : found;
    },
  });
}
