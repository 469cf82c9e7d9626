// What happens in the room, as it happens: one WebSocket that comes back by itself.
//
// Every connection begins with `hello`, which carries the whole state of the room, so nothing has to be
// made up for after a gap. Where WebSockets do not get through, `isOpen` stays false and the page asks.

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;
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
    key.onRenewal((pass) => this.say({ pass }));
    addEventListener("online", () => { this.tries = 0; this.again(0); });
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
    this.socket?.close(1000);
  }

  // Begins anew, so that the room knows us by another pass, or knows us at all.
  restart() {
    if (!this.wanted) return this.start();
    this.tries = 0;
    const old = this.socket;
    this.socket = null;
    if (old) {
      old.onclose = null;
      old.onmessage = null;
      old.close(1000);
    }
    return this.connect();
  }

  say(message) {
    if (this.isOpen) this.socket.send(JSON.stringify(message));
  }

  again(pause) {
    if (!this.wanted || this.isOpen) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.connect(), pause);
  }

  async connect() {
    clearTimeout(this.timer);
    if (!this.wanted || (this.socket && this.socket.readyState < WebSocket.CLOSING)) return;
    let pass = null;
    let socket;
    try {
      pass = await this.key.bearer();
    } catch { /* as a visitor then, where the Space is open */ }
    try {
      socket = new WebSocket(this.url);
    } catch {
      return;
    }
    this.socket = socket;
    socket.onopen = () => socket.send(JSON.stringify({ pass }));
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.event === "hello") {
        this.tries = 0;
        this.isOpen = true;
        this.changed(true);
      }
      this.heard(message);
    };
    socket.onclose = ({ code }) => {
      if (this.socket !== socket) return;
      const was = this.isOpen;
      this.isOpen = false;
      this.socket = null;
      if (was) this.changed(false);
      if (OVER.has(code)) {
        this.wanted = false;
        this.heard({ event: "bye", code });
        return;
      }
      if (code === 4401) this.key.forget();
      const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.tries) * (1 + Math.random() * 0.3);
      this.tries += 1;
      this.again(Math.max(pause, code === 4429 ? SLOWER : 0));
    };
  }
}
