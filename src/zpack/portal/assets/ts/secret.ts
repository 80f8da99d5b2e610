// <button data-reveal="id">: shows what a password's field holds, until it is sent; `<p id="<id>-caps">` when caps lock is on.
for (const button of document.querySelectorAll<HTMLButtonElement>("[data-reveal]")) {
  const input = document.getElementById(button.dataset.reveal ?? "") as HTMLInputElement | null;
  if (!input) continue;
  const reveal = (shown: boolean): void => {
    input.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
  };
  button.hidden = false;
  button.addEventListener("click", () => reveal(input.type === "password"));
  input.form?.addEventListener("submit", () => reveal(false)); // browsers offer to keep passwords, not texts

  const caps = document.getElementById(`${input.id}-caps`);
  input.addEventListener("keyup", (event) => {
    if (caps) caps.hidden = !event.getModifierState("CapsLock");
  });
}
