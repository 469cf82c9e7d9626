// The sound of a Space: what is heard of it, and one's own microphone.
//
// Who listens hears one mix, by one connection with one audio section. Who is on stage hears the others
// apart, in three slots, and never himself, so the line that listens is opened anew when that changes.
// Everything plays through <audio>, which goes on behind other pages and on a locked screen.
//
// A listener whom WebRTC does not reach hears the mix over plain HTTP, a few seconds behind (stream.js);
// the next time they listen WebRTC is tried again. On the stage there is no such way.

import { Line, Refusal } from "./line.js";

const SLOTS_ON_STAGE = 3;
const AUDIBLE = 0.012;
const SHOW_LEVEL_EVERY = 120;
const STALLED = 700;
const ASK_AGAIN = 3000;
const CUT_OFF = "Your network lets no live sound through, and the stage needs it. Leave the stage to listen a few seconds behind.";

export class Sound {
  // tell(line, kind, words): "listening" or "speaking", and what Line says of it.
  // stalled(): the sound stopped in the middle. levels(heard, isOwn): how loud it is.
  constructor({ whep, whip, key, isOpen, tell, stalled, levels }) {
    this.key = key;
    this.tell = tell;
    this.stalled = stalled;
    this.isOnStage = false;
    this.microphone = null;
    this.opensMuted = true;
    this.volume = 1;
    this.isHushed = false;
    this.sounds = Array.from({ length: SLOTS_ON_STAGE }, () => {
      const sound = document.createElement("audio");
      sound.hidden = true;
      sound.autoplay = false;
      document.body.append(sound);
      return sound;
    });
    this.stream = null;
    this.ticket = async () => (isOpen && !this.key.isKnown ? null : this.key.bearer());
    this.line = new Line({
      door: async () => {
        const ticket = await this.ticket();
        if (!whep) throw new Refusal("Sign in to listen to this Space here.");
        return { url: new URL(whep, location).href, ticket };
      },
      blocked: (link) => {
        if (this.speaking.wanted) return CUT_OFF;
        if (!link) return "Your network lets no sound through. Trying again…";
        this.fallBack(link);
        return undefined;
      },
      dress: (pc) => this.dress(pc),
      tell: (kind, words) => {
        if (kind === "on") this.play();
        this.tell("listening", kind, words);
      },
    });
    this.speaking = new Line({
      door: async () => {
        if (!whip) throw new Refusal("Nobody can speak in this Space from here.");
        return { url: new URL(whip, location).href, ticket: await this.key.bearer() };
      },
      blocked: () => CUT_OFF,
      // The offer keeps the audio-level header extension (RFC 6464) the browser proposes.
      dress: (pc) => pc.addTransceiver(this.microphone, { direction: "sendonly", streams: [new MediaStream([this.microphone])] }),
      tell: (kind, words) => {
        if (kind === "on") this.mute(this.opensMuted);
        if (kind === "refused" || kind === "over") this.release();
        this.tell("speaking", kind, words);
      },
    });
    this.flow = { packets: 0, since: 0, asked: 0 };
    setInterval(async () => levels(await this.level(), this.speaking.isOn), SHOW_LEVEL_EVERY);
  }

  // What one listens by now.
  get listening() {
    return this.stream ?? this.line;
  }

  get isBehind() {
    return Boolean(this.stream?.wanted);
  }

  // Goes on listening over plain HTTP.
  async fallBack(link) {
    let Stream;
    try {
      ({ Stream } = await import("./stream.js"));
    } catch {
      this.line.broke();
      return;
    }
    if (!this.line.wanted || this.speaking.wanted) return;
    this.line.release();
    this.silence();
    this.stream = new Stream({
      door: async () => ({ url: link, ticket: await this.ticket() }),
      sound: this.sounds[0],
      tell: (kind, words) => {
        if (kind === "on") this.play();
        this.tell("listening", kind, words);
      },
    });
    this.stream.start();
  }

  get isOnAir() {
    return Boolean(this.microphone?.enabled);
  }

  get isWanted() {
    return this.listening.wanted || this.speaking.wanted;
  }

  dress(pc) {
    const slots = this.speaking.wanted ? SLOTS_ON_STAGE : 1;
    this.slots = slots;
    this.silence();
    for (let slot = 0; slot < slots; slot += 1) pc.addTransceiver("audio", { direction: "recvonly" });
    pc.ontrack = (event) => {
      const sound = this.sounds[pc.getTransceivers().indexOf(event.transceiver)];
      if (!sound) return;
      sound.srcObject = new MediaStream([event.track]);
      this.play();
    };
  }

  listen() {
    this.hush(false);
    if (this.stream?.wanted) return;
    this.stream = null;
    this.line.start();
  }

  // Opens the listening line anew when the number of its slots is not what it should be.
  refit() {
    if (this.stream && this.speaking.wanted) {
      this.stream.release();
      this.stream = null;
      this.line.start();
    }
    const slots = this.speaking.wanted ? SLOTS_ON_STAGE : 1;
    if (this.line.wanted && this.slots !== slots) this.line.renew();
  }

  async play() {
    try {
      await Promise.all(this.sounds.filter((sound) => sound.srcObject || sound.src).map((sound) => sound.play()));
    } catch (error) {
      if (error.name === "NotAllowedError") this.tell("listening", "held", "");
    }
  }

  hush(muted) {
    this.isHushed = muted;
    for (const sound of this.sounds) sound.muted = muted;
  }

  loud(volume) {
    this.volume = volume;
    for (const sound of this.sounds) sound.volume = volume;
  }

  silence() {
    for (const sound of this.sounds) sound.srcObject = null;
  }

  stop() {
    this.isAway = true;
    const { listening } = this;
    this.stream = null;
    listening.stop();
    this.speaking.stop();
    this.silence();
    this.release();
  }

  // Leaves the stage; who listened goes on listening.
  stepDown() {
    this.isAway = true;
    this.speaking.stop();
    this.release();
    this.refit();
  }

  drop() {
    this.listening.drop();
    this.speaking.drop();
  }

  // Raises a Refusal in words.
  async takeStage(muted) {
    this.opensMuted = muted;
    this.isAway = false;
    // Asked for twice before it is there, by the page and by a press of the button, it is one microphone.
    if (!this.microphone) await (this.asking ??= this.askForMicrophone().finally(() => { this.asking = null; }));
    // Who left while the browser asked has no microphone open.
    if (this.isAway) return this.release();
    this.speaking.start();
    if (this.listening.wanted) this.refit();
    else this.listen();
    return undefined;
  }

  // The only place that asks for the microphone.
  async askForMicrophone() {
    try {
      const heard = await navigator.mediaDevices.getUserMedia({
        audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
      });
      [this.microphone] = heard.getAudioTracks();
    } catch (error) {
      throw new Refusal(error.name === "NotFoundError"
        ? "No microphone was found. Plug one in and press Unmute."
        : "Your browser does not let this page use the microphone. Allow it beside the address, then press Unmute.");
    }
    this.microphone.enabled = false;
    this.microphone.addEventListener("ended", () => {
      this.stepDown();
      this.tell("speaking", "refused", "The microphone went away. Press Unmute to use another.");
    });
  }

  mute(muted) {
    this.opensMuted = muted;
    if (this.microphone) this.microphone.enabled = !muted;
    this.tell("speaking", "mute", "");
  }

  release() {
    this.microphone?.stop();
    this.microphone = null;
  }

  async stats() {
    return [...(await this.listening.stats()), ...(await this.speaking.stats())].filter((one) => one.type === "inbound-rtp");
  }

  async level() {
    const line = this.speaking.isOn ? this.speaking : this.listening;
    if (!line.isOn) return 0;
    const kind = this.speaking.isOn ? "media-source" : "inbound-rtp";
    const entries = (await line.stats()).filter((one) => one.type === kind && one.kind === "audio");
    if (line === this.listening) this.watch(entries.reduce((sum, one) => sum + one.packetsReceived, 0));
    const level = Math.sqrt(Math.min(1, Math.max(0, ...entries.map((one) => one.audioLevel ?? 0))));
    return level > AUDIBLE ? level : 0;
  }

  // Sound that stops in the middle is a reason to ask at once whether the session still stands.
  watch(packets) {
    const { flow } = this;
    const now = performance.now();
    if (packets !== flow.packets) Object.assign(flow, { packets, since: now });
    else if (packets && now - flow.since > STALLED && now - flow.since < ASK_AGAIN && now - flow.asked > STALLED) {
      flow.asked = now;
      this.stalled();
    }
  }

  // The lock screen and the media keys.
  showOutside(title, artist, leave) {
    if (!("mediaSession" in navigator)) return;
    const session = navigator.mediaSession;
    const on = this.listening.wanted;
    session.metadata = on ? new MediaMetadata({ title, artist, album: "Live" }) : null;
    session.playbackState = !on ? "none" : this.isHushed ? "paused" : "playing";
    const actions = {
      pause: () => { this.hush(true); session.playbackState = "paused"; },
      play: () => { this.hush(false); this.play(); session.playbackState = "playing"; },
      stop: leave,
    };
    for (const [name, action] of Object.entries(actions)) session.setActionHandler(name, on ? action : null);
  }
}
