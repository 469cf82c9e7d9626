// The composer with a thread in it: more posts, a counter, and drafts that survive a closed tab.

const LINK = /https?:\/\/[^\s<>"']+/gi;
const MENTION = /(^|[^\w@/])@([\w.-]+)@[\w.-]+\.\w+/g;
const LINK_LENGTH = 23;

// Counts as the server does: characters people see, links as 23, an address as its name.
export function lengthOf(text) {
  const plain = text
    .replace(LINK, "x".repeat(LINK_LENGTH))
    .replace(MENTION, (_, before, name) => `${before}@${name}`);
  return [...new Intl.Segmenter().segment(plain)].length;
}

function partsOf(form) {
  return [...form.querySelectorAll(".part")];
}

function number(form) {
  const parts = partsOf(form);
  parts.forEach((part, index) => {
    part.classList.toggle("full", parts.length > 1);
    const field = part.querySelector("textarea");
    if (parts.length > 1) field.setAttribute("aria-label", `Post ${index + 1} of ${parts.length}`);
    part.querySelector(".drop")?.remove();
    if (parts.length > 1) {
      const drop = document.createElement("button");
      drop.type = "button";
      drop.className = "act drop";
      drop.textContent = "×";
      drop.setAttribute("aria-label", `Remove post ${index + 1}`);
      drop.addEventListener("click", () => {
        const neighbour = partsOf(form)[Math.max(0, index - 1)];
        part.remove();
        number(form);
        (neighbour === part ? partsOf(form)[0] : neighbour).querySelector("textarea").focus();
      });
      part.append(drop);
    }
  });
  count(form);
}

const lastWritten = new WeakMap();

function count(form) {
  const limit = Number(form.dataset.limit);
  const fields = [...form.querySelectorAll("textarea")];
  const least = Math.min(...fields.map((field) => limit - lengthOf(field.value)));
  // What was written in last stays the one that is told of: a count that changes its width while the
  // button is pressed would move the button from under the finger.
  const focused = fields.find((field) => field === document.activeElement)
    ?? fields.find((field) => field === lastWritten.get(form)) ?? fields[fields.length - 1];
  lastWritten.set(form, focused);
  const left = limit - lengthOf(focused.value);
  const told = form.querySelector("[data-left]");
  const shown = least < 0 ? least : left;
  told.textContent = shown < limit * 0.1 || focused.value.length > 400 ? String(shown) : "";
  told.classList.toggle("low", shown >= 0 && shown < limit * 0.1);
  told.classList.toggle("over", shown < 0);
  const offer = form.querySelector("[data-splitline]");
  if (offer) offer.hidden = least >= 0;
  const empty = fields.every((field) => !field.value.trim());
  form.querySelector("[data-send]").setAttribute("aria-disabled", String(least < 0 || empty));
}

function add(form) {
  const parts = partsOf(form);
  if (parts.length >= Number(form.dataset.most)) return;
  const last = parts[parts.length - 1];
  const fresh = last.cloneNode(true);
  const field = fresh.querySelector("textarea");
  field.value = "";
  field.placeholder = "And then…";
  field.removeAttribute("autofocus");
  last.after(fresh);
  number(form);
  field.focus();
}

// Cuts a text into pieces that fit a post, at the ends of sentences; a sentence that is too long, anywhere.
export function cut(text, limit) {
  const pieces = [];
  let piece = "";
  const sentences = [...new Intl.Segmenter(undefined, { granularity: "sentence" }).segment(text)];
  for (const { segment } of sentences) {
    if (piece && lengthOf((piece + segment).trimEnd()) > limit) {
      pieces.push(piece.trim());
      piece = "";
    }
    piece += segment;
    while (lengthOf(piece.trimEnd()) > limit) {
      const characters = [...new Intl.Segmenter().segment(piece)].map((one) => one.segment);
      pieces.push(characters.slice(0, limit).join(""));
      piece = characters.slice(limit).join("");
    }
  }
  if (piece.trim()) pieces.push(piece.trim());
  return pieces;
}

function split(form) {
  const limit = Number(form.dataset.limit);
  for (const part of partsOf(form)) {
    const field = part.querySelector("textarea");
    const pieces = lengthOf(field.value) > limit ? cut(field.value, limit) : [];
    const room = Number(form.dataset.most) - partsOf(form).length;
    if (pieces.length < 2 || pieces.length - 1 > room) continue;
    field.value = pieces[0];
    let last = part;
    for (const piece of pieces.slice(1)) {
      const fresh = part.cloneNode(true);
      fresh.querySelector("textarea").value = piece;
      last.after(fresh);
      last = fresh;
    }
  }
  number(form);
  keep(form);
  form.querySelector("textarea").focus();
}

function draftKey(form) {
  return `draft:${form.elements.in_reply_to?.value ?? "new"}`;
}

function keep(form) {
  const texts = [...form.querySelectorAll("textarea")].map((field) => field.value);
  try {
    if (texts.some((text) => text.trim())) localStorage.setItem(draftKey(form), JSON.stringify(texts));
    else localStorage.removeItem(draftKey(form));
  } catch { /* storage is full or forbidden: the text is still in the page */ }
}

function restore(form) {
  const first = form.querySelector("textarea");
  if (first.value || partsOf(form).length > 1) return;
  let texts = null;
  try {
    texts = JSON.parse(localStorage.getItem(draftKey(form)) ?? "null");
  } catch { /* not ours */ }
  if (!Array.isArray(texts)) return;
  texts.slice(0, Number(form.dataset.most)).forEach((text, index) => {
    if (index > 0) add(form);
    partsOf(form)[index].querySelector("textarea").value = String(text);
  });
  document.activeElement?.blur();
}

function warning(form, open) {
  const line = form.querySelector("[data-warnline]");
  line.hidden = !open;
  form.querySelector("[data-warn]").setAttribute("aria-expanded", String(open));
  if (open) line.querySelector("input").focus();
  else line.querySelector("input").value = "";
}

export function prepare(root = document) {
  for (const form of root.querySelectorAll("form[data-compose]:not([data-ready])")) {
    form.dataset.ready = "1";
    const warn = form.querySelector("[data-warn]");
    warn.hidden = false;
    warn.addEventListener("click", () => warning(form, form.querySelector("[data-warnline]").hidden));
    form.querySelector("[data-add]").addEventListener("click", (event) => {
      event.preventDefault();
      add(form);
    });
    form.querySelector("[data-split]")?.addEventListener("click", () => split(form));
    form.addEventListener("input", () => { count(form); keep(form); });
    form.addEventListener("focusin", () => count(form));
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit(form.querySelector("[data-send]"));
    });
    form.addEventListener("submit", (event) => {
      if (event.submitter?.matches("[data-send]") && event.submitter.getAttribute("aria-disabled") === "true") {
        event.preventDefault();
        form.querySelector("textarea").focus();
        return;
      }
      try { localStorage.removeItem(draftKey(form)); } catch { /* see keep */ }
    });
    restore(form);
    number(form);
  }
}

prepare();
