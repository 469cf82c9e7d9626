// What this server draws of a Space, fetched anew: the thread always, the stage where the room itself does
// not tell. The same answer says whether one's sessions of sound still stand.

import { crowd } from "./looks.js";
import { correct, tell as tellTimes } from "./times.js";

const ANSWERS_WITHIN = 10_000;

export class Pieces {
  // isLive(): whether the Space is live. become(state): what it is by this server's word.
  constructor({ url, key, room, sound, isLive, become }) {
    Object.assign(this, { url, key, room, sound, isLive, become });
    this.askedAt = performance.now();
    this.shown = { stage: "", replies: "" };
    this.turns = { last: 0, stage: 0, replies: 0 };
    this.waiting = new Set();
  }

  async ask(wants = "") {
    this.askedAt = performance.now();
    const turn = this.turns.last += 1;
    const held = [this.sound.listening, this.sound.speaking].filter((line) => line.name);
    const sessions = held.map((line) => line.name).join(",");
    let answer;
    try {
      answer = await fetch(`${this.url}?sessions=${sessions}&only=${wants}`, { headers: { "X-Piece": "space" }, signal: AbortSignal.timeout(ANSWERS_WITHIN) });
    } catch {
      return;
    }
    if (!answer.ok) return;
    correct(answer);
    const over = (answer.headers.get("X-Sessions-Ended") ?? "").split(",");
    for (const line of held) {
      if (this.isLive() && line.isOn && over.includes(line.name)) line.broke();
    }
    this.become(answer.headers.get("X-Space-State"));
    // Of another server's room nothing else is known before one enters it.
    if (!this.room.state && this.isLive()) this.room.paused(answer.headers.get("X-Space-Paused") === "yes");
    const drawn = document.createElement("template");
    drawn.innerHTML = await answer.text();
    this.put("replies", drawn.content.querySelector("[data-part=replies]"), turn);
    // Where the room itself answers, it is asked; another server's may not.
    if (!this.room.state || !this.isLive()) this.put("stage", drawn.content.querySelector("[data-part=stage]"), turn);
  }

  // What was written at the room's server may take a moment to this one, which does not know of its pauses.
  replies(isOwn = false) {
    if (this.key.isElsewhere && this.room.state?.is_paused) return;
    const spread = isOwn ? 0 : crowd(this.room);
    for (const later of this.key.isElsewhere ? [0, 2000, 6000] : [0]) {
      if (this.waiting.has(later) && !isOwn) continue;
      this.waiting.add(later);
      setTimeout(() => { this.waiting.delete(later); this.ask("replies"); }, later + spread);
    }
  }

  put(part, fresh, turn) {
    const place = this.room.find(part);
    if (!place || !fresh || turn < this.turns[part]) return; // an older answer came later
    this.turns[part] = turn;
    if (this.shown[part] === fresh.innerHTML) return;
    if (place.contains(document.activeElement) || place.querySelector("details[open]")) return;
    this.shown[part] = fresh.innerHTML;
    place.replaceChildren(...fresh.childNodes);
    tellTimes(place);
  }
}
