// <button data-copy="text" data-done="Copied">: copies, and says so.
import { notify } from "./notices";

document.addEventListener("click", async (event) => {
  const button = (event.target as Element).closest<HTMLElement>("[data-copy]");
  if (!button) return;
  event.preventDefault();
  await navigator.clipboard.writeText(button.dataset.copy ?? "");
  notify(button.dataset.done ?? "", "ok");
});
