// Sheets: what rises from the bottom of a phone and stands in the middle of a desk. All are <dialog>s,
// so Escape closes them, the focus stays in them and goes back to where it was.

import { Refusal } from "./line.js";

export function open(sheet) {
  if (!sheet || sheet.open) return;
  sheet.showModal();
  if (sheet.dataset.ready) return;
  sheet.dataset.ready = "1";
  sheet.addEventListener("click", (event) => {
    if (event.target === sheet || event.target.closest("[data-close]")) sheet.close();
  });
}

// Shows a sheet of choices; resolves to the value of the button that was pressed, or "".
export function choose(sheet) {
  sheet.returnValue = "";
  open(sheet);
  return new Promise((resolve) => sheet.addEventListener("close", () => resolve(sheet.returnValue), { once: true }));
}

// One sentence that passes by itself.
export function toast(words, kind = "") {
  document.querySelector(".toast")?.remove();
  const note = document.createElement("p");
  note.className = `toast ${kind}`;
  note.setAttribute("role", kind === "bad" ? "alert" : "status");
  note.textContent = words;
  (document.querySelector("dialog[open]") ?? document.body).append(note);
  setTimeout(() => note.remove(), 6000);
}

// Waits for what was asked of a server; that it was refused passes by, in the server's words.
export function attempt(promise) {
  return promise.catch((error) => {
    if (!(error instanceof Refusal)) throw error;
    toast(error.message, "bad");
  });
}

export function button(words, action, kind = "") {
  const made = document.createElement("button");
  made.type = "button";
  made.className = `button ${kind}`;
  made.textContent = words;
  made.addEventListener("click", action);
  return made;
}
