// <input data-strength="id">: a word on how hard a password is to guess, beside it. Only a hint: the API decides.
const TONES = ["bad", "warn", ""];

function rank(password: string): number {
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z\d]/].filter((kind) => kind.test(password)).length;
  if (password.length < 8 || new Set(password).size < 5) return 0;
  return password.length >= 16 || (password.length >= 11 && kinds >= 3) ? 2 : 1;
}

document.addEventListener("input", (event) => {
  const input = event.target as HTMLInputElement;
  const shown = document.getElementById(input.dataset.strength ?? "");
  const bar = shown?.querySelector("progress");
  const words = shown?.querySelector("span");
  if (!shown || !bar || !words) return;
  const found = rank(input.value);
  shown.hidden = input.value === "";
  bar.value = found + 1;
  bar.dataset.tone = TONES[found];
  words.textContent = [shown.dataset.weak, shown.dataset.fair, shown.dataset.good][found] ?? "";
});
