// The dock: the line that says how the reader is in the room, and the buttons that can be pressed now.

import { icon, label } from "./drawing.js";
import { ordinal } from "./room.js";

const BUTTONS = ["listen", "leave", "mic", "hand", "extras", "react-open"];

export class Dock {
  // isOnStage: what the server drew, until the room itself tells. leave(): for the keys outside the page.
  constructor({ room, key, sound, isLive, isOnStage, isInvited, title, host, leave }) {
    Object.assign(this, { room, key, sound, isLive, isOnStage, isInvited, title, host, leave });
    this.place = room.find("dock");
    this.buttons = Object.fromEntries(BUTTONS.map((name) => [name, room.find(name)]));
  }

  // A Space that is read and not entered has none.
  get isThere() {
    return Boolean(this.buttons.extras);
  }

  draw() {
    if (!this.isThere) return;
    const { room, key, sound, buttons } = this;
    const live = this.isLive();
    const onStage = room.state ? room.isOnStage : this.isOnStage;
    const hearing = sound.isWanted;
    buttons.leave.hidden = !hearing;
    if (buttons.listen) {
      buttons.listen.hidden = !live || hearing;
      buttons.listen.classList.toggle("main", !onStage);
      buttons.listen.classList.toggle("grow", !onStage);
      buttons.listen.classList.toggle("compact", onStage);
    }
    buttons.mic.hidden = !live || !onStage;
    const onAir = sound.isOnAir;
    buttons.mic.setAttribute("aria-pressed", String(onAir));
    buttons.mic.classList.toggle("main", !onAir);
    label(buttons.mic, onAir ? "Mute" : "Unmute");
    icon(buttons.mic, onAir ? "mic" : "mic-off");
    room.find("meter").hidden = !sound.microphone;
    const place = room.you?.hand_position ?? null;
    buttons.hand.hidden = !live || onStage || !buttons.listen || (room.state !== null && key.isKnown && !room.may("raise_hand") && !place);
    buttons.hand.setAttribute("aria-pressed", String(Boolean(place)));
    buttons.hand.classList.toggle("up", Boolean(place));
    label(buttons.hand, place ? `Lower hand (${ordinal(place)} in queue)` : "Raise hand");
    buttons["react-open"].hidden = !live || !key.isKnown;
    buttons["react-open"].disabled = Boolean(room.state?.is_paused);
    const isOffered = live && this.isInvited();
    room.find("invitation").hidden = !isOffered;
    if (isOffered) buttons.mic.hidden = true;
    this.drawPresence(onStage);
    room.find("behind").hidden = !sound.isBehind;
    sound.showOutside(this.title, this.host, this.leave);
  }

  drawPresence(onStage) {
    const { room, key } = this;
    const presence = room.find("presence");
    if (!presence) return;
    presence.hidden = !key.isKnown || onStage || !room.state;
    presence.querySelector("[data-presence-words]").textContent = room.you?.is_shown
      ? "Others see that you are listening."
      : "You listen privately. Nobody sees your name, not even the host.";
    presence.querySelector("[data-presence-switch]").textContent = room.you?.is_shown ? "Listen privately" : "Show me as listening";
  }

  // A button that goes under one's finger hands the focus to what stands in its place; who reads elsewhere stays there.
  drawKeepingFocus() {
    const { buttons } = this;
    const isLost = () => document.activeElement === document.body || !document.activeElement.checkVisibility();
    const isHere = isLost() || this.place?.contains(document.activeElement);
    this.draw();
    if (!isHere || !isLost()) return;
    [buttons.leave, buttons.listen, buttons.mic].find((one) => one?.checkVisibility())?.focus();
  }

  // Who is out of the room can press nothing of it, and may still report it.
  lock() {
    for (const [name, one] of Object.entries(this.buttons)) if (one && name !== "extras") one.hidden = true;
  }

  close() {
    for (const one of Object.values(this.buttons)) if (one) one.hidden = true;
    this.place?.querySelectorAll("form").forEach((form) => { form.hidden = true; });
  }
}

// In words, and by one colour.
export class Status {
  constructor({ room, sound }) {
    this.room = room;
    this.sound = sound;
  }

  say(kind, words) {
    const line = this.room.find("status");
    if (!line) return;
    line.dataset.is = kind;
    line.textContent = words;
  }

  // Says how one is heard and seen while nothing else happens.
  sayHow() {
    this.say("on", this.how);
  }

  get how() {
    if (this.room.isOnStage) return "You are on stage. Nobody hears you until you unmute.";
    if (this.sound.isBehind) return "Listening, a few seconds behind: your network lets no live sound through.";
    return this.room.you?.is_shown ? "Listening. Others see that you are here." : "Listening. Others see a number, not your name.";
  }
}
