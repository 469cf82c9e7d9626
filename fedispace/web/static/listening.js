// Listening to a Space: what is asked before it is heard, who sees that one listens, and leaving.

import { keep, kept } from "./memory.js";
import { attempt, choose } from "./sheets.js";

const SETTLES = 600;

export class Listening {
  // wake(): opens the way to the room, of which another server may not know the reader yet.
  constructor({ room, key, sound, status, looks, pieces, dock, microphone, domain, wake }) {
    Object.assign(this, { room, key, sound, status, looks, pieces, dock, microphone, domain, wake });
    this.warned = false;
  }

  async start() {
    const { room, key, sound, status } = this;
    if (sound.listening.wanted) return;
    this.wake();
    if (key.isKnown && !room.state) { // Whom one blocks on stage is said before they are heard.
      if (key.isElsewhere) status.say("wait", `Asking ${this.domain}…`);
      await this.looks.now();
      if (key.isElsewhere) status.say("", `This room is on ${this.domain}.`);
    }
    const warnings = room.state?.warnings?.blocked_on_stage ?? 0;
    if (warnings && !this.warned) {
      const sheet = room.find("warning-sheet");
      sheet.querySelector("[data-words]").textContent = `${warnings} ${warnings === 1 ? "person" : "people"} you block ${warnings === 1 ? "is" : "are"} on stage.`;
      if ((await choose(sheet)) !== "listen") return;
      this.warned = true;
    }
    if (key.isKnown && !room.isOnStage && !kept("presence")) {
      const chosen = await choose(room.find("presence-sheet"));
      if (!chosen && !room.isOnStage) return;
      if (chosen) keep("presence", chosen);
    }
    if (key.isKnown && kept("presence") === "shown" && !room.you?.is_shown) this.show(true);
    sound.listen();
    this.dock.drawKeepingFocus();
  }

  leave() {
    this.sound.stop();
    this.microphone.tell();
    this.dock.drawKeepingFocus();
    this.pieces.ask();
  }

  async show(shown) {
    const { room, sound } = this;
    await attempt(this.key.call("/room/presence", { body: { shown } }).then(() => {
      if (room.you) room.you.is_shown = shown;
      keep("presence", shown ? "shown" : "private");
      if (sound.listening.isOn && !sound.speaking.wanted) this.status.sayHow();
      this.dock.draw();
      this.looks.now();
    }));
  }

  // What its line says of itself.
  heard(kind, words) {
    const { status } = this;
    if (kind === "held") status.say("bad", "Your browser holds the sound back. Press Listen again.");
    else if (kind === "over") {
      status.say("bad", words);
      this.pieces.ask();
    } else if (this.sound.speaking.wanted) return; // What is said of the stage matters more.
    else if (kind === "on") {
      status.sayHow();
      setTimeout(() => this.pieces.ask(), SETTLES);
    } else if (kind === "connecting" || kind === "waiting") status.say("wait", words);
    else if (kind === "off") status.say("", "You left. Come back any time.");
    else status.say("bad", words);
  }
}
