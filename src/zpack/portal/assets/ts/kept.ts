// <input data-kept="a.some">: what is typed goes along in the address of these links, so that coming back finds it.
document.addEventListener("input", (event) => {
  const input = event.target;
  if (!(input instanceof HTMLInputElement) || !input.dataset.kept) return;
  for (const link of document.querySelectorAll<HTMLAnchorElement>(input.dataset.kept)) {
    const to = new URL(link.href);
    to.searchParams.set(input.name, input.value);
    link.href = to.href;
    if (link.hasAttribute("hx-get")) link.setAttribute("hx-get", to.pathname + to.search);
  }
});
