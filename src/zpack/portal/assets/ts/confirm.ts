// <button data-dialog="id">: opens a dialog; with scripts off the same link leads to a page that asks. Who declines is
// back where they were: the browser gives the focus back, unless what opened the dialog was shown anew or put away.
import { land } from "./keeps";

document.addEventListener("click", (event) => {
  const target = event.target as Element;
  const opener = target.closest<HTMLElement>("[data-dialog]");
  if (opener) {
    const dialog = document.getElementById(opener.dataset.dialog ?? "");
    if (dialog instanceof HTMLDialogElement) {
      event.preventDefault();
      const around = opener.parentElement?.closest("details.menu, [id]") ?? null;
      dialog.addEventListener("close", () => back(dialog, opener, around), { once: true });
      dialog.showModal();
    }
  }
  const closer = target.closest("[data-close]");
  if (closer) {
    event.preventDefault();
    closer.closest("dialog")?.close();
  }
});

function back(dialog: HTMLDialogElement, opener: HTMLElement, around: Element | null): void {
  const now = document.activeElement;
  if (now !== document.body && !dialog.contains(now)) return;
  const again = around?.querySelector<HTMLElement>(`[data-dialog="${CSS.escape(opener.dataset.dialog ?? "")}"]`);
  const shown = [opener, again].find((one) => one?.isConnected && one.checkVisibility());
  if (shown) shown.focus();
  else land(around);
}
