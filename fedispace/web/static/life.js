// The life of a Space as its page follows it, and the end of one's own stay there.

import { crowd } from "./looks.js";
import { announce } from "./voice.js";

const OVER = "That Space has ended. Read its thread below.";
const CALLED_OFF = "This Space was called off.";

export class Life {
  // part(): lets go of the room's events and sound. ask(wants): has the page's pieces drawn anew.
  constructor({ state, room, dock, status, part, ask }) {
    Object.assign(this, { state, room, dock, status, part, ask });
  }

  get isLive() {
    return this.state === "live";
  }

  // Follows the Space to what it is now; whether that was news.
  become(now) {
    if (!now || now === this.state) return false;
    const before = this.state;
    this.state = now;
    if (before === "scheduled" && now === "live") location.reload();
    else this.close();
    return true;
  }

  // Takes away what only a live room has, and leads to what stays: the thread.
  close() {
    const { root } = this.room;
    const find = (name) => this.room.find(name);
    const isCancelled = this.state === "cancelled";
    this.part();
    this.tell("", isCancelled ? CALLED_OFF : OVER);
    this.dock.close();
    for (const one of [find("invitation"), find("desk"), find("picker"), ...root.querySelectorAll("dialog[open]")]) {
      if (one instanceof HTMLDialogElement) one.close();
      else if (one) one.hidden = true;
    }
    find("stage")?.querySelector(".stage")?.classList.remove("on");
    find("paused").hidden = true;
    find("onair").textContent = isCancelled ? "Cancelled" : "Ended";
    root.classList.add("is-over");
    find("bubbles")?.replaceChildren();
    find("count")?.parentElement.remove();
    root.querySelector("#tab-thread")?.click();
    setTimeout(() => this.ask("stage"), crowd(this.room));
    document.title = document.title.replace(/^LIVE: /, "");
    document.dispatchEvent(new CustomEvent("space-over"));
  }

  // One's own stay is over, the Space is not.
  expel(words) {
    this.part();
    this.tell("bad", words);
    this.dock.lock();
  }

  tell(kind, words) {
    this.status.say(kind, words);
    announce(words, "assertive");
  }
}
