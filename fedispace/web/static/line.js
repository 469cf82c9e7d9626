// A line to the audio server: one RTCPeerConnection, opened by one HTTP exchange (WHIP, RFC 9725, or
// WHEP) and opened again, ever more patiently, whenever it breaks while it is wanted.
//
// The server answers with its own addresses and ignores ours, so the offer is sent at once and no
// candidate follows it. When the way there breaks, or the network changes, ICE is restarted first (RFC
// 9725, section 4.3.3): the session and its keys stay, only the way is sought anew. If that does not
// help, the next try begins afresh: new connection, new ticket, and the resource of the last one is
// deleted, so that nobody is counted twice.
//
// UDP and TCP are tried at once. When neither comes through although the server has answered, `blocked` is
// asked what now: a listener goes on over plain HTTP (stream.js), by the address that the answer links to.

const FIRST_PAUSE = 400;
const LONGEST_PAUSE = 8000;
const RESTART_TIME = 4000;
const LOOK_TIME = 700;
const UNANSWERED = 3;
const SETTLE_TIME = 1000;
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
  // blocked(link): takes over and returns nothing, or returns words for whoever has to wait.
  constructor({ door, dress, tell, blocked }) {
    this.door = door;
    this.dress = dress;
    this.tell = tell;
    this.blocked = blocked;
    this.link = "";
    this.came = false;
    this.wanted = false;
    this.pc = null;
    this.resource = "";
    this.tries = 0;
    this.timer = 0;
    this.mending = false;
    this.wake = () => {
      if (!this.wanted) return;
      if (this.timer) this.again(0);
      else if (this.pc && !this.isOn) this.mend();
    };
    this.moved = () => { if (this.wanted && this.isOn && navigator.onLine) this.mend(); };
  }

  get isOn() {
    return this.pc?.connectionState === "connected";
  }

  start() {
    if (this.wanted) return;
    this.wanted = true;
    this.tries = 0;
    this.looking = setInterval(() => this.look(), LOOK_TIME);
    addEventListener("online", this.wake);
    document.addEventListener("visibilitychange", this.wake);
    navigator.connection?.addEventListener?.("change", this.moved);
    this.connect();
  }

  stop() {
    const was = this.wanted;
    this.release();
    if (was) this.tell("off", "");
  }

  release() {
    this.rest();
    this.drop();
  }

  rest() {
    this.wanted = false;
    removeEventListener("online", this.wake);
    document.removeEventListener("visibilitychange", this.wake);
    navigator.connection?.removeEventListener?.("change", this.moved);
    clearInterval(this.looking);
    clearTimeout(this.timer);
    this.timer = 0;
  }

  // Begins afresh on purpose: what the connection is dressed with has changed.
  renew() {
    if (!this.wanted) return;
    clearTimeout(this.timer);
    this.timer = 0;
    this.tries = 0;
    this.connect();
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
    this.mending = false;
    clearTimeout(this.grace);
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

  broke(atLeast = 0, words = "Reconnecting…") {
    if (!this.wanted) return;
    this.drop();
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.tries) * (0.5 + Math.random());
    this.tries += 1;
    this.tell("waiting", navigator.onLine ? words : "You are offline. Reconnecting when you are back…");
    this.again(Math.max(pause, atLeast));
  }

  // Gives the connection so much time to be on before it counts as broken.
  allow(time) {
    clearTimeout(this.grace);
    const pc = this.pc;
    this.grace = setTimeout(() => {
      if (this.pc !== pc || !this.wanted || this.isOn) return;
      if (this.came || !this.resource) this.broke();
      else this.giveWay();
    }, time);
  }

  // The server was reached, and its sound was not.
  giveWay() {
    const words = this.blocked(this.link);
    if (words === undefined) this.drop();
    else this.broke(0, words);
  }

  // For browsers that have no WebRTC, or were told to have none.
  async askElsewhere() {
    try {
      const { url } = await this.door();
      this.link = linkOf(await fetch(url, { method: "OPTIONS", credentials: "omit" }), url);
      if (!this.wanted) return;
      const words = this.blocked(this.link);
      if (words === undefined) return;
      this.release();
      this.tell("refused", words);
    } catch {
      this.broke();
    }
  }

  // Notices that the server answers our connectivity checks no more, seconds before the browser says
  // so. Where its statistics do not tell (Firefox), the browser's word is waited for.
  async look() {
    const { pc } = this;
    if (!this.isOn || this.mending) return;
    const { pair } = await wayOf(pc);
    if (!pair || this.pc !== pc || this.mending) return;
    if (this.checked?.id !== pair.id || this.checked.answered !== pair.responsesReceived) {
      this.checked = { id: pair.id, answered: pair.responsesReceived, sent: pair.requestsSent };
    } else if (pair.requestsSent - this.checked.sent >= UNANSWERED) {
      this.checked = null;
      await this.mend();
      setTimeout(() => this.settle(pc, pair), SETTLE_TIME);
    }
  }

  // Some browsers hold on to a dead way for seconds although a new one works. What we are sent comes
  // by the new one then; if nothing came, a speaker is not heard either: begin afresh.
  async settle(pc, dead) {
    if (this.pc !== pc || !this.wanted) return;
    const { pair, received } = await wayOf(pc);
    if (this.pc === pc && pair?.id === dead.id && received === dead.received) this.broke();
  }

  // Restarts ICE; while that is under way a second call is one too many.
  async mend() {
    const { pc, resource } = this;
    if (this.mending) return;
    if (!pc?.currentRemoteDescription || !resource) return this.broke();
    this.mending = true;
    if (!this.isOn) this.tell("waiting", "Reconnecting…");
    this.allow(RESTART_TIME);
    const isOurs = () => this.pc === pc && this.wanted;
    try {
      await pc.setLocalDescription(await pc.createOffer({ iceRestart: true }));
      const fragment = await restart(resource, pc.localDescription.sdp);
      if (!isOurs()) return;
      await pc.setRemoteDescription({ type: "answer", sdp: renewed(pc.currentRemoteDescription.sdp, fragment) });
      if (isOurs() && this.isOn) this.mending = false;
    } catch {
      if (isOurs()) this.broke();
    }
  }

  async connect() {
    this.drop();
    if (this.tries === 0) this.tell("connecting", "Connecting…");
    if (!globalThis.RTCPeerConnection) {
      this.askElsewhere();
      return;
    }
    const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    this.pc = pc;
    this.came = false;
    const isOurs = () => this.pc === pc && this.wanted;
    this.allow(ANSWER_TIME + CONNECT_TIME);
    pc.onconnectionstatechange = () => {
      if (!isOurs()) return;
      if (pc.connectionState === "connected") {
        clearTimeout(this.grace);
        this.tries = 0;
        this.came = true;
        this.mending = false;
        this.tell("on", "");
      } else if (pc.connectionState === "closed" || (pc.connectionState === "failed" && this.mending)) {
        if (this.came || !this.resource) this.broke();
        else this.giveWay();
      } else if (pc.connectionState === "disconnected" || pc.connectionState === "failed") {
        this.mend();
      } else if (!this.mending) {
        this.allow(CONNECT_TIME);
      }
    };
    try {
      this.dress(pc);
      await pc.setLocalDescription();
      const door = await this.door();
      if (!isOurs()) return;
      const { answer, resource, link } = await offer(door, pc.localDescription.sdp);
      if (!isOurs()) {
        fetch(resource, { method: "DELETE", keepalive: true, credentials: "omit" }).catch(() => {});
        return;
      }
      this.resource = resource;
      this.link = link;
      await pc.setRemoteDescription({ type: "answer", sdp: answer });
    } catch (error) {
      if (!isOurs()) return;
      clearTimeout(this.grace);
      if (error instanceof Refusal) {
        this.rest();
        this.drop();
        this.tell(error.isOver ? "over" : "refused", error.message);
      } else {
        this.broke(error.pause ?? 0);
      }
    }
  }
}

// The pair of candidates in use, and how much has come in by whatever pair.
async function wayOf(pc) {
  const stats = await pc.getStats();
  const transport = [...stats.values()].find((one) => one.type === "transport");
  const pair = stats.get(transport?.selectedCandidatePairId);
  const received = transport?.bytesReceived;
  return { pair: pair && { ...pair, received }, received };
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
    return { answer: await answer.text(), resource: place ? new URL(place, url).href : "", link: linkOf(answer, url) };
  }
  throw await refusalOf(answer);
}

// Where the same is to be heard over plain HTTP, as the server's Link says (RFC 8288).
function linkOf(answer, url) {
  const [, place] = /<([^>]+)>[^,]*type="audio\/ogg"/.exec(answer.headers.get("Link") ?? "") ?? [];
  const link = place ? new URL(place, url) : null;
  return link?.origin === new URL(url).origin ? link.href : ""; // the pass goes nowhere else
}

// Sends the names of our new ICE generation; returns the server's.
async function restart(resource, sdp) {
  const wanted = /^a=(?:ice-ufrag|ice-pwd):/;
  const [head, first] = sdp.split(/^(?=m=)/m);
  const names = first.split("\r\n").filter((line) => wanted.test(line));
  const own = names.length ? names : head.split("\r\n").filter((line) => wanted.test(line));
  const kept = first.split("\r\n").filter((line) => /^(?:m=|a=mid:)/.test(line));
  const answer = await fetch(resource, {
    method: "PATCH",
    headers: { "Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*" },
    body: [...own, ...kept, "a=end-of-candidates", ""].join("\r\n"),
    credentials: "omit",
    signal: AbortSignal.timeout(RESTART_TIME),
  });
  if (answer.status !== 200) throw new Error(`the server answered ${answer.status}`);
  return answer.text();
}

// The answer we have, with the names and candidates of the fragment.
export function renewed(sdp, fragment) {
  const line = (name) => fragment.match(new RegExp(`^a=${name}:.*$`, "m"))[0].trim();
  const [head, first, ...others] = sdp
    .replace(/^a=ice-ufrag:.*$/gm, line("ice-ufrag"))
    .replace(/^a=ice-pwd:.*$/gm, line("ice-pwd"))
    .replace(/^a=(?:candidate:.*|end-of-candidates)\r?\n/gm, "")
    .split(/^(?=m=)/m);
  const candidates = fragment.split(/\r?\n/).filter((one) => one.startsWith("a=candidate:"));
  return [head, first, ...candidates.map((one) => `${one}\r\n`), "a=end-of-candidates\r\n", ...others].join("");
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
