// Small conveniences on pages that work without them. Events are heard at the document, so what
// arrives later needs no setting up.
import { keepTime, tell } from "./times.js";

// A press that changes one post redraws that post, drawn by the server like everything else.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("form[data-swap]") || event.defaultPrevented) return;
  const old = form.closest("article");
  if (!old) return;
  event.preventDefault();
  const pressed = form.querySelector("button");
  if (form.dataset.busy) return;
  form.dataset.busy = "1";
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      headers: { "X-Piece": "post" },
    });
    if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
    const drawn = document.createElement("template");
    drawn.innerHTML = await answer.text();
    const fresh = drawn.content.querySelector("article");
    const label = pressed.getAttribute("aria-label").split(",")[0];
    for (const kept of ["class"]) fresh.setAttribute(kept, old.getAttribute(kept));
    const above = old.querySelector(":scope > .above");
    const place = old.querySelector(".place");
    fresh.querySelector(":scope > .above")?.remove();
    if (above) fresh.prepend(above);
    if (place && !fresh.querySelector(".place")) fresh.querySelector(".when > a").before(place);
    if (!old.querySelector(".readon")) fresh.querySelector(".readon")?.remove();
    old.replaceWith(fresh);
    tell(fresh);
    [...fresh.querySelectorAll("form[data-swap] button")]
      .find((button) => button.getAttribute("aria-label").startsWith(label))?.focus();
  } catch {
    delete form.dataset.busy;
    form.removeAttribute("data-swap");
    form.requestSubmit(pressed);
  }
});

document.addEventListener("click", async (event) => {
  const copy = event.target.closest("[data-copy]");
  if (copy && navigator.clipboard) {
    event.preventDefault();
    await navigator.clipboard.writeText(copy.dataset.copy);
    const words = copy.querySelector("span");
    const before = words.textContent;
    words.textContent = "Copied";
    setTimeout(() => { words.textContent = before; }, 2000);
    return;
  }
  const more = event.target.closest("[data-more]");
  if (more) {
    event.preventDefault();
    await older(more);
    return;
  }
  const back = event.target.closest("[data-back]");
  if (back && history.length > 1 && document.referrer.startsWith(location.origin)) {
    event.preventDefault();
    history.back();
    return;
  }
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.activeElement?.closest("details.menu[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// Older posts join the page they belong to; the reader keeps the place.
async function older(link) {
  link.setAttribute("aria-disabled", "true");
  try {
    const answer = await fetch(link.href);
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const feed = document.getElementById(link.dataset.more);
    const posts = [...page.querySelectorAll(`#${link.dataset.more} > article`)];
    feed.append(...posts);
    tell(feed);
    const next = page.querySelector(`[data-more="${link.dataset.more}"]`);
    if (next) {
      link.href = next.getAttribute("href");
      link.removeAttribute("aria-disabled");
    } else {
      link.parentElement.remove();
    }
    posts[0]?.querySelector("a:not([tabindex])")?.focus({ preventScroll: true });
  } catch {
    location.href = link.href;
  }
}

// A time chosen in a form is meant in the reader's zone; the offset goes along.
function localForms() {
  for (const field of document.querySelectorAll("[data-local]")) {
    const form = field.form;
    const hint = form.querySelector("[data-zone]");
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    hint.textContent = hint.textContent.replace("UTC time", `Your time (${zone})`);
    form.addEventListener("submit", () => {
      const chosen = field.value ? new Date(field.value) : new Date();
      form.querySelector("[data-zone-offset]").value = String(chosen.getTimezoneOffset());
    });
  }
}

// What was half written does not stay behind on a shared machine.
document.addEventListener("submit", (event) => {
  if (!event.target.action.endsWith("/auth/sign_out")) return;
  for (const name of Object.keys(localStorage)) if (name.startsWith("draft:")) localStorage.removeItem(name);
});

// Cards of Spaces that are coming or live are looked at again while somebody may be looking at them.
const CARDS = 12000;

async function cards() {
  if (document.hidden || !document.querySelector(".spacecard")) return;
  const { look } = await import("./cards.js");
  await look();
}

setInterval(cards, CARDS);
document.addEventListener("visibilitychange", cards);

keepTime();
localForms();
