// <form data-once>: is sent once; a second click while the first is under way does nothing. Coming back opens it again.
document.addEventListener("submit", (event) => {
  const form = event.target as HTMLFormElement;
  if (!("once" in form.dataset)) return;
  if (form.dataset.once === "sent") event.preventDefault();
  form.dataset.once = "sent";
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-once]")) form.dataset.once = "";
});
