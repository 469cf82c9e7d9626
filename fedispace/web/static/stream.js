// The sound of a Space over plain HTTP, for when WebRTC does not come through: seconds late, and otherwise
// the same. It has the face of a Line (line.js), and like one begins again when it breaks.
//
// Browsers' players want many seconds of a live Ogg stream before they begin. So its pages are taken apart
// here and handed on as WebM, which MediaSource plays as soon as there is a second of it. Where there is no
// MediaSource for that, the player gets the address itself.

import { Refusal, refusalOf } from "./line.js";
import { Ogg, WebM } from "./ogg.js";

const TYPE = 'audio/webm; codecs="opus"';
const PLAIN = 'audio/ogg; codecs="opus"';
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 8000;
const ANSWER_TIME = 10000;
const SILENT_TIME = 5000;
const HELD = 1.2;
const TOO_LATE = 8;
const KEPT = 20;
const STEADY = 10000;

export class Stream {
  // door(): the promise of { url, ticket }, asked anew for every try. sound: the <audio> that plays it.
  // tell(state, words): as of a Line.
  constructor({ door, sound, tell }) {
    this.door = door;
    this.sound = sound;
    this.tell = tell;
    this.wanted = false;
    this.isOn = false;
    this.resource = "";
    this.tries = 0;
    this.since = 0; // when it last began
    this.wake = () => { if (this.wanted && this.timer) this.again(0); };
  }

  get name() {
    return this.resource.split("/").pop();
  }

  start() {
    if (this.wanted) return;
    this.wanted = true;
    addEventListener("online", this.wake);
    this.open();
  }

  stop() {
    const was = this.wanted;
    this.release();
    if (was) this.tell("off", "");
  }

  release() {
    this.wanted = false;
    removeEventListener("online", this.wake);
    clearTimeout(this.timer);
    this.timer = 0;
    this.drop();
  }

  async stats() {
    return [];
  }

  drop() {
    const { resource } = this;
    this.running?.abort();
    this.running = null;
    this.isOn = false;
    this.resource = "";
    if (this.sound.src) {
      this.sound.removeAttribute("src");
      this.sound.load();
    }
    if (resource) fetch(resource, { method: "DELETE", keepalive: true, credentials: "omit" }).catch(() => {});
  }

  again(pause) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = 0;
      if (this.wanted) this.open();
    }, pause);
  }

  broke(atLeast = 0) {
    if (!this.wanted) return;
    this.drop();
    // A player that fails as soon as it begins (no sound card, say) is not asked again at once, for ever.
    if (this.since && performance.now() - this.since > STEADY) this.tries = 0;
    this.since = 0;
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.tries) * (0.5 + Math.random());
    this.tries += 1;
    this.tell("waiting", navigator.onLine ? "Reconnecting…" : "You are offline. Reconnecting when you are back…");
    this.again(Math.max(pause, atLeast));
  }

  async open() {
    this.drop();
    const running = new AbortController();
    this.running = running;
    const isOurs = () => this.running === running && this.wanted;
    const Source = [globalThis.MediaSource, globalThis.ManagedMediaSource].find((one) => one?.isTypeSupported(TYPE));
    try {
      if (!Source && !this.sound.canPlayType(PLAIN)) {
        throw new Refusal("Your network lets no live sound through, and this browser plays no other.");
      }
      const { url, ticket } = await this.door();
      const said = await invite(url, ticket);
      if (!isOurs()) return;
      this.resource = new URL(said.session, url).href;
      const address = new URL(said.url, url).href;
      if (Source) await this.feed(new Source(), address, running.signal, isOurs);
      else await this.hand(address, running.signal);
      if (isOurs()) this.broke();
    } catch (error) {
      if (!isOurs()) return;
      if (error instanceof Refusal) {
        this.release();
        this.tell(error.isOver ? "over" : "refused", error.message);
      } else {
        this.broke(error.pause ?? 0);
      }
    }
  }

  // Reads, and feeds the player piece by piece, until the stream ends.
  async feed(media, address, signal, isOurs) {
    const answer = await fetch(address, { credentials: "omit", cache: "no-store", signal });
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    const source = URL.createObjectURL(media);
    this.sound.disableRemotePlayback = true; // as some phones want it
    this.sound.src = source;
    await happens(media, "sourceopen", signal);
    URL.revokeObjectURL(source);
    const buffer = media.addSourceBuffer(TYPE);
    const reader = answer.body.getReader();
    const ogg = new Ogg();
    const webm = new WebM();
    for (;;) {
      const { done, value } = await soon(reader.read(), SILENT_TIME);
      if (done || !isOurs()) return;
      for (const packets of ogg.put(value)) {
        const piece = webm.put(packets);
        if (piece.length) await appended(buffer, piece, signal);
        if (!isOurs()) return;
        await this.keepUp(buffer, signal);
      }
    }
  }

  // Begins when there is enough to play, leaves out what has become too late, and forgets what was played.
  async keepUp(buffer, signal) {
    const { buffered } = buffer;
    if (!buffered.length) return;
    const [from, to] = [buffered.start(0), buffered.end(buffered.length - 1)];
    if (!this.isOn && to - from > HELD) this.begins();
    else if (to - this.sound.currentTime > TOO_LATE) this.sound.currentTime = to - HELD;
    if (this.sound.currentTime - from > 2 * KEPT) {
      buffer.remove(from, this.sound.currentTime - KEPT);
      await happens(buffer, "updateend", signal);
    }
  }

  // The player opens the address by itself.
  async hand(address, signal) {
    this.sound.src = address;
    const over = Promise.race([happens(this.sound, "ended", signal), happens(this.sound, "error", signal)]);
    happens(this.sound, "playing", signal).then(() => this.begins(), () => {});
    this.sound.play().catch(() => {});
    await over;
  }

  begins() {
    this.isOn = true;
    this.since = performance.now();
    this.tell("on", "");
  }
}

// Asks for an address that opens once; throws a Refusal when asking again would not help.
async function invite(url, ticket) {
  const headers = ticket ? { Authorization: `Bearer ${ticket}` } : {};
  const signal = AbortSignal.timeout(ANSWER_TIME);
  const answer = await fetch(url, { method: "POST", headers, credentials: "omit", signal });
  if (answer.status !== 201) throw await refusalOf(answer);
  return answer.json();
}

// Listens to the signal only as long as it waits: a stream waits several times a second, for hours.
function happens(target, name, signal) {
  return new Promise((done, failed) => {
    const came = () => { signal.removeEventListener("abort", over); done(); };
    const over = () => { target.removeEventListener(name, came); failed(signal.reason); };
    if (signal.aborted) { failed(signal.reason); return; }
    target.addEventListener(name, came, { once: true });
    signal.addEventListener("abort", over, { once: true });
  });
}

async function appended(buffer, piece, signal) {
  buffer.appendBuffer(piece);
  await happens(buffer, "updateend", signal);
}

function soon(promise, time) {
  let timer;
  const late = new Promise((_, failed) => { timer = setTimeout(() => failed(new Error("nothing came")), time); });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
