// Reacting with an emoji: the picker above the dock, and no more of them than a room can bear.

import { attempt } from "./sheets.js";

const REACTIONS_AT_ONCE = 5;
const REACTIONS_IN = 2000;

export class Reactions {
  constructor({ room, key, opener, wake }) {
    this.key = key;
    this.opener = opener;
    this.wake = wake;
    this.picker = room.find("picker");
    this.pressed = [];
    opener?.addEventListener("click", () => this.show(this.picker.hidden));
    this.picker?.addEventListener("click", (event) => {
      const one = event.target.closest("[data-react]");
      if (one) this.react(one.dataset.react);
    });
  }

  get isOpen() {
    return !this.picker.hidden;
  }

  show(opened) {
    this.picker.hidden = !opened;
    this.opener.setAttribute("aria-expanded", String(opened));
    if (opened) this.picker.querySelector("button").focus();
  }

  dismiss() {
    this.show(false);
    this.opener.focus();
  }

  react(emoji) {
    const { pressed } = this;
    const now = performance.now();
    while (pressed.length && now - pressed[0] > REACTIONS_IN) pressed.shift();
    if (pressed.length >= REACTIONS_AT_ONCE) return;
    pressed.push(now);
    this.wake();
    attempt(this.key.call("/room/reactions", { body: { emoji } }));
  }
}
