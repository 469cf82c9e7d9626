// A line to the audio server: one RTCPeerConnection, opened by one HTTP exchange (WHIP, RFC 9725, or
// WHEP) and opened again, ever more patiently, whenever it breaks while it is wanted.
//
// The server answers with its own addresses and ignores ours, so the offer is sent at once and no
// candidate follows it. Each try begins afresh: new connection, new ticket, and the resource of the
// last one is deleted, so that nobody is counted twice.

const FIRST_PAUSE = 400;
const LONGEST_PAUSE = 8000;
const GRACE = 1200;
const ANSWER_TIME = 10000;
const CONNECT_TIME = 8000;

export class Refusal extends Error {
  constructor(words, isOver = false) {
    super(words);
    this.isOver = isOver;
  }
}

export class Line {
  // door(): the promise of { url, ticket }, asked anew for every try.
  // dress(pc): puts tracks and transceivers on a new connection.
  // tell(state, words): "connecting" | "on" | "waiting" | "refused" | "over" | "off".
  constructor({ door, dress, tell }) {
    this.door = door;
    this.dress = dress;
    this.tell = tell;
    this.wanted = false;
    this.pc = null;
    this.resource = "";
    this.tries = 0;
    this.timer = 0;
    this.wake = () => { if (this.wanted && this.timer) this.again(0); };
  }

  get isOn() {
    return this.pc?.connectionState === "connected";
  }

  start() {
    if (this.wanted) return;
    this.wanted = true;
    this.tries = 0;
    addEventListener("online", this.wake);
    document.addEventListener("visibilitychange", this.wake);
    this.connect();
  }

  stop() {
    const was = this.wanted;
    this.wanted = false;
    removeEventListener("online", this.wake);
    document.removeEventListener("visibilitychange", this.wake);
    clearTimeout(this.timer);
    this.timer = 0;
    this.drop();
    if (was) this.tell("off", "");
  }

  // The last part of the session's address: how the server knows it.
  get name() {
    return this.resource.split("/").pop();
  }

  async stats() {
    return this.pc ? [...(await this.pc.getStats()).values()] : [];
  }

  drop() {
    const { pc, resource } = this;
    this.pc = null;
    this.resource = "";
    if (pc) {
      pc.onconnectionstatechange = null;
      pc.close();
    }
    if (resource) fetch(resource, { method: "DELETE", keepalive: true, credentials: "omit" }).catch(() => {});
  }

  again(pause) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = 0;
      if (this.wanted) this.connect();
    }, pause);
  }

  broke(atLeast = 0) {
    if (!this.wanted) return;
    this.drop();
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.tries) * (1 + Math.random() * 0.3);
    this.tries += 1;
    this.tell("waiting", navigator.onLine ? "Reconnecting…" : "You are offline. Reconnecting when you are back…");
    this.again(Math.max(pause, atLeast));
  }

  async connect() {
    this.drop();
    const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    this.pc = pc;
    if (this.tries === 0) this.tell("connecting", "Connecting…");
    const isOurs = () => this.pc === pc && this.wanted;
    let grace = setTimeout(() => { if (isOurs() && !this.isOn) this.broke(); }, ANSWER_TIME + CONNECT_TIME);
    pc.onconnectionstatechange = () => {
      if (!isOurs()) return;
      clearTimeout(grace);
      if (pc.connectionState === "connected") {
        this.tries = 0;
        this.tell("on", "");
      } else if (pc.connectionState === "failed" || pc.connectionState === "closed") {
        this.broke();
      } else if (pc.connectionState === "disconnected") {
        grace = setTimeout(() => { if (isOurs() && !this.isOn) this.broke(); }, GRACE);
      } else {
        grace = setTimeout(() => { if (isOurs() && !this.isOn) this.broke(); }, CONNECT_TIME);
      }
    };
    try {
      this.dress(pc);
      await pc.setLocalDescription();
      const door = await this.door();
      if (!isOurs()) return;
      const { answer, resource } = await offer(door, pc.localDescription.sdp);
      if (!isOurs()) {
        fetch(resource, { method: "DELETE", keepalive: true, credentials: "omit" }).catch(() => {});
        return;
      }
      this.resource = resource;
      await pc.setRemoteDescription({ type: "answer", sdp: answer });
    } catch (error) {
      if (!isOurs()) return;
      clearTimeout(grace);
      if (error instanceof Refusal) {
        this.wanted = false;
        this.drop();
        this.tell(error.isOver ? "over" : "refused", error.message);
      } else {
        this.broke(error.pause ?? 0);
      }
    }
  }
}

// Posts the offer; throws a Refusal when asking again would not help.
async function offer({ url, ticket }, sdp) {
  const headers = { "Content-Type": "application/sdp" };
  if (ticket) headers.Authorization = `Bearer ${ticket}`;
  const answer = await fetch(url, {
    method: "POST",
    headers,
    body: sdp,
    credentials: "omit",
    signal: AbortSignal.timeout(ANSWER_TIME),
  });
  if (answer.status === 201) {
    const place = answer.headers.get("Location");
    return { answer: await answer.text(), resource: place ? new URL(place, url).href : "" };
  }
  throw await refusalOf(answer);
}

// Turns an HTTP answer into what to do next: a Refusal with words, or an error after which to retry.
export async function refusalOf(answer) {
  if (answer.status === 429 || answer.status >= 500) {
    const error = new Error(`the server answered ${answer.status}`);
    error.pause = 1000 * Math.min(30, Number(answer.headers.get("Retry-After")) || 0);
    return error;
  }
  let words = "";
  try {
    const said = await answer.json();
    words = said.detail ?? said.error ?? "";
  } catch { /* not JSON: our own words will do */ }
  return new Refusal(words || "You can't join this Space.", [404, 409, 410].includes(answer.status));
}
