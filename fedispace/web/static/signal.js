// What happens in the room, as it happens: one WebSocket that comes back by itself.
//
// Every connection begins with `hello`, which carries the whole state of the room, so nothing has to be
// made up for after a gap. Where WebSockets do not get through, `isOpen` stays false and the page asks.
//
// A way that died without a word (a network left, a lid closed) looks open for minutes. So after some quiet
// the page says something, and a server that has answered such words before and does not now is left.

import { Refusal } from "./line.js";

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;
const STAYED = 5000;
const QUIET = 25_000;
const ANSWERS_WITHIN = 10_000;
const GREETED_WITHIN = 20_000;
const SPREAD = 2000;
const GOING_AWAY = 1001;
const OVER = new Set([4403, 4404, 4409, 4410]);
const SLOWER = 5000;

export class Signal {
  constructor({ url, key, heard, changed }) {
    this.url = url.replace(/^http/, "ws");
    this.key = key;
    this.heard = heard;
    this.changed = changed;
    this.tries = 0;
    this.socket = null;
    this.isOpen = false;
    this.wanted = false;
    this.isComing = false;
    key.onRenewal((pass) => this.say({ pass }));
    addEventListener("online", () => { if (this.wanted) this.restart(); });
    document.addEventListener("visibilitychange", () => { if (!document.hidden && !this.isOpen) this.again(0); });
  }

  start() {
    if (this.wanted || !this.url) return;
    this.wanted = true;
    this.connect();
  }

  stop() {
    this.wanted = false;
    clearTimeout(this.timer);
    this.letGo();
  }

  // Begins anew: by another pass, or by another way.
  restart() {
    if (!this.wanted) return this.start();
    this.tries = 0;
    this.letGo();
    return this.connect();
  }

  letGo() {
    const { socket } = this;
    this.socket = null;
    clearTimeout(this.pulse);
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close(1000);
    }
    if (!this.isOpen) return;
    this.isOpen = false;
    this.changed(false);
  }

  say(message) {
    if (this.isOpen) this.socket.send(JSON.stringify(message));
  }

  again(pause) {
    if (!this.wanted || this.isOpen) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.connect(), pause);
  }

  later(atLeast = 0) {
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.tries) * (0.5 + Math.random());
    this.tries += 1;
    this.again(Math.max(pause, atLeast));
  }

  // Waits for the next word; where none comes, asks whether anybody is there.
  listen(socket) {
    clearTimeout(this.pulse);
    this.pulse = setTimeout(() => {
      if (this.socket !== socket) return;
      if (this.isAnswered) this.pulse = setTimeout(() => { if (this.socket === socket) this.restart(); }, ANSWERS_WITHIN);
      else this.listen(socket);
      this.say({ ping: true });
    }, QUIET);
  }

  async connect() {
    clearTimeout(this.timer);
    if (!this.wanted || this.socket || this.isComing) return;
    let pass = null;
    let socket;
    this.isComing = true;
    try {
      pass = await this.key.bearer();
    } catch (error) {
      // Who is refused comes as a visitor, where the Space is open. Who could not ask just now must not:
      // as a visitor one would be off the stage.
      if (!(error instanceof Refusal)) {
        this.isComing = false;
        this.later(error.pause ?? 0);
        return;
      }
    }
    this.isComing = false;
    if (!this.wanted || this.socket) return;
    try {
      socket = new WebSocket(this.url);
    } catch {
      return;
    }
    this.socket = socket;
    this.isAnswered = false;
    clearTimeout(this.pulse);
    this.pulse = setTimeout(() => {
      if (this.socket !== socket) return;
      this.letGo();
      this.later();
    }, GREETED_WITHIN);
    socket.onopen = () => socket.send(JSON.stringify({ pass }));
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.event === "hello") {
        this.openedAt = performance.now();
        this.isOpen = true;
        this.changed(true);
        this.say({ ping: true });
      }
      if (message.event === "pong") this.isAnswered = true;
      this.listen(socket);
      this.heard(message);
    };
    socket.onclose = ({ code }) => {
      if (this.socket !== socket) return;
      const was = this.isOpen;
      this.isOpen = false;
      this.socket = null;
      clearTimeout(this.pulse);
      if (was && performance.now() - this.openedAt > STAYED) this.tries = 0;
      if (was) this.changed(false);
      if (OVER.has(code)) {
        this.wanted = false;
        this.heard({ event: "bye", code });
        return;
      }
      if (code === 4401) this.key.forget();
      // A server that goes sends everybody away at once; they do not come back at once.
      this.later(code === 4429 ? SLOWER : code === GOING_AWAY ? Math.random() * SPREAD : 0);
    };
  }
}
