// One's own microphone: on stage with it, on and off, and the room that is told of both.

import { Refusal } from "./line.js";
import { toast } from "./sheets.js";

const SETTLES = 600;

export class Microphone {
  // isMine: whether the Space is the reader's own, and goes on without them.
  constructor({ room, key, sound, status, looks, pieces, isLive, isMine, take, draw }) {
    Object.assign(this, { room, key, sound, status, looks, pieces, isLive, isMine, take, draw });
    this.told = null;
    this.telling = Promise.resolve();
  }

  async takeStage(muted) {
    this.status.say("wait", "Waiting for your microphone…");
    try {
      await this.sound.takeStage(muted);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.status.say("bad", error.message);
    }
    this.draw();
  }

  async toggle() {
    const { room, sound } = this;
    if (!sound.microphone) return this.takeStage(false);
    if (!sound.isOnAir && room.you?.is_muted && room.you.may_unmute === false) {
      toast("A host muted you. You can speak again when they allow it.", "bad");
      return undefined;
    }
    // Turning it on ends a host's soft mute, so the room is told before anything is sent.
    const on = !sound.isOnAir;
    if (on && room.you?.is_muted) {
      try {
        const fresh = await this.order(on);
        this.looks.ordered();
        this.take(fresh);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        toast(error.message, "bad");
        this.looks.now();
        return undefined;
      }
    }
    sound.mute(!on);
    this.tell();
    this.draw();
    return undefined;
  }

  // Tells the room what it has not been told yet.
  tell() {
    const on = this.sound.isOnAir;
    if (on !== this.told && this.key.isKnown) this.order(on).catch(() => {});
  }

  // One after the other: the room must not hear "on" before the "off" that came first.
  order(on) {
    this.told = on;
    const said = this.telling.then(() => this.key.call("/room/microphone", { body: { on } }));
    this.telling = said.catch(() => { this.told = null; });
    return said;
  }

  // A host muted it: the room is told that it is off, whatever it was told before.
  muted() {
    this.sound.mute(true);
    this.told = null;
    this.tell();
  }

  // What its line says of itself.
  heard(kind, words) {
    const { sound, status } = this;
    if (kind === "on" || kind === "mute") {
      if (sound.microphone && sound.speaking.isOn) status.say("on", sound.isOnAir ? "You are on air." : "You are on stage, muted. Nobody hears you.");
      if (kind === "on") {
        this.told = null;
        setTimeout(() => this.pieces.ask(), SETTLES);
      }
      this.tell();
    } else if (kind === "connecting") status.say("wait", "Going on stage…");
    else if (kind === "waiting") status.say("wait", words);
    else if (kind === "off") {
      if (this.isLive()) status.say("", this.isMine ? "You left the stage. The Space goes on until you end it." : "You left the stage.");
    } else {
      status.say("bad", words);
      if (kind === "over") this.pieces.ask();
    }
  }
}
