// The ways to tell others: loaded when somebody asks for them.

import { toast } from "./sheets.js";

async function copy(text, words) {
  await navigator.clipboard.writeText(text);
  toast(words);
}

export function prepareShare(sheet, { link, title }) {
  if (sheet.dataset.filled) return;
  sheet.dataset.filled = "1";
  const picture = sheet.querySelector("[data-qr]");
  if (picture && !picture.getAttribute("src")) picture.src = picture.dataset.qr;
  const device = sheet.querySelector("[data-share-device]");
  if (device && navigator.share) {
    device.hidden = false;
    device.addEventListener("click", () => navigator.share({ title, url: link }).catch(() => {}));
  }
  sheet.addEventListener("click", (event) => {
    const taken = event.target.closest("[data-take]");
    if (!taken) return;
    event.preventDefault();
    const field = sheet.querySelector(taken.dataset.take);
    copy(field.value, "Copied.").catch(() => { field.focus(); field.select(); });
  });
  sheet.querySelector("[data-tell]")?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target;
    const send = form.querySelector("button");
    send.disabled = true;
    try {
      const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), headers: { "X-Piece": "stay" } });
      if (!answer.ok) throw new Error(await answer.text());
      form.reset();
      toast("Sent.");
    } catch (error) {
      toast(error.message || "It was not sent. Try again.", "bad");
    } finally {
      send.disabled = false;
    }
  });
}
