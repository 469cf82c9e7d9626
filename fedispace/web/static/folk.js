// People in the room: what one can do about somebody, and how one reports them, or the room itself.

import { attempt, button, open, toast } from "./sheets.js";
import { clock, running } from "./times.js";

export class Folk {
  // desk(): what hosts can do, where the reader is one.
  constructor({ root, room, key, isLive, desk }) {
    Object.assign(this, { root, room, key, desk });
    this.accused = null;
    // Pressing somebody opens what one can do about them; the link to their page stays a link.
    root.addEventListener("click", (event) => {
      const link = event.target.closest("[data-person]");
      if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || !isLive()) return;
      const { account } = link.closest("[data-account]").dataset;
      const person = room.people.get(account);
      if (!person) return;
      event.preventDefault();
      this.show(person, link.getAttribute("href"), account);
    });
    room.find("report-form")?.addEventListener("submit", (event) => {
      event.preventDefault();
      this.report(event.target);
    });
  }

  show(person, path, account) {
    const sheet = this.room.find("person-sheet");
    sheet.querySelector("[data-name]").textContent = person.name;
    sheet.querySelector("[data-handle]").textContent = person.handle;
    sheet.querySelector("[data-visit]").href = path;
    this.shown = account;
    this.drawMenu(sheet);
    const complain = sheet.querySelector("[data-complain]");
    complain.hidden = !this.key.isKnown || this.room.isMe(account);
    complain.onclick = () => {
      sheet.close();
      this.accuse(person);
      open(this.room.find("report-sheet"));
    };
    open(sheet);
  }

  draw() {
    const sheet = this.room.find("person-sheet");
    if (sheet?.open) this.drawMenu(sheet);
  }

  drawMenu(sheet) {
    const desk = this.desk();
    sheet.querySelector("[data-menu]").replaceChildren(...(desk?.menuOf(this.shown) ?? []).map((one) => button(one.words, async () => {
      sheet.close();
      if (!one.asks || (await desk.confirm(one.asks))) await one.go();
    }, one.kind)));
  }

  // A report says who, when, and what; the last minute of sound goes along if its writer wants that.
  accuse(person) {
    const sheet = this.room.find("report-sheet");
    this.accused = person;
    sheet.querySelector("[data-whom]").textContent = person ? `${person.name} (${person.handle})` : "This Space";
    const began = this.root.querySelector("[data-running]")?.dateTime;
    const now = new Date(clock());
    this.moment = began ? Math.max(0, Math.round((now - new Date(began)) / 1000)) : null;
    sheet.querySelector("[data-moment]").textContent = began ? running(new Date(began), now) : "now";
  }

  report(form) {
    const body = {
      account_id: this.accused?.id ?? null,
      category: form.elements.category.value,
      comment: form.elements.comment.value,
      moment: this.moment,
      with_sound: form.elements.with_sound?.checked ?? false,
    };
    return attempt(this.key.call("/room/report", { body }).then(() => {
      form.reset();
      this.room.find("report-sheet").close();
      toast("Thank you. The moderators will look at it. Whom you named is not told.");
    }));
  }
}
