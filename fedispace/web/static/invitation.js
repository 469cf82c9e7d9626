// An invitation into a role, and a hand that was taken: what is asked, and what is answered.

import { icon, label } from "./drawing.js";
import { attempt } from "./sheets.js";
import { announce } from "./voice.js";

export class Invitation {
  // part(): lets go of the room's events and sound. come(muted), listen(): what a yes leads to.
  constructor({ room, key, take, draw, part, come, listen }) {
    Object.assign(this, { room, key, take, draw, part, come, listen });
    this.isGreeted = false;
    this.isAccepting = false;
    room.find("accept")?.addEventListener("click", () => this.answer(true));
    room.find("decline")?.addEventListener("click", () => this.answer(false));
  }

  get isOpen() {
    return Boolean(this.room.you?.invited_as || this.isGreeted);
  }

  show(role) {
    const words = role === "cohost" ? "You're invited to be co-host" : role === "listener" ? "You're invited to listen" : "You're on stage";
    this.room.find("invited-words").textContent = words;
    // Who is asked says whether they come; who is there says whether they are heard.
    const isAsked = Boolean(this.room.you?.invited_as);
    const yes = !isAsked ? "Unmute" : role === "listener" ? "Listen" : "Go on stage";
    const accept = this.room.find("accept");
    label(accept, yes);
    icon(accept, !isAsked ? "mic" : role === "listener" ? "ear" : "check");
    announce(`${words}: ${yes}, or Not now.`, "assertive");
  }

  // Whose hand was taken is on stage already, and is asked only whether the microphone goes on now.
  greet() {
    this.isGreeted = true;
    this.show("speaker");
  }

  dismiss() {
    this.isGreeted = false;
  }

  async answer(accept) {
    const { room } = this;
    const offered = room.you?.invited_as;
    this.isAccepting = true;
    this.dismiss();
    if (offered) {
      const fresh = await attempt(this.key.call("/room/invitation", { body: { accept } }));
      if (fresh && !fresh.you.account) {
        // Who came by this invitation alone may not even see the Space any more.
        this.part();
        location.assign("/?did=invitation-declined");
        return;
      }
      if (fresh) this.take(fresh);
      if (room.you) room.you.invited_as = null;
    }
    this.draw();
    if (accept && room.isOnStage) await this.come(Boolean(offered));
    else if (accept) await this.listen();
    this.isAccepting = false;
  }
}
