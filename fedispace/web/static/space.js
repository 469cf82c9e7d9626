// The page of a Space: listening, speaking, and what happens on stage meanwhile.
import { prepare } from "./composer.js";
import { Line, Refusal, refusalOf } from "./line.js";
import { tell as tellTimes } from "./times.js";
import { roam } from "./roam.js";

const ASK_EVERY = 3000;
const ASK_EVERY_ON_STAGE = 1000;
const SHOW_LEVEL_EVERY = 120;
const AUDIBLE = 0.012;
const SETTLES = 600;
const STALLED = 700;

const root = document.querySelector("[data-space]");
const find = (name) => root.querySelector(`[data-${name}]`);
const page = root.dataset;
const dock = find("dock");
const buttons = { listen: find("listen"), leave: find("leave"), mic: find("mic") };
// Who may speak hears the others on stage apart, in so many slots, and never himself; others one mix.
const onStage = Boolean(buttons.mic);
const sounds = Array.from({ length: onStage ? 3 : 1 }, () => new Audio());
let state = page.state;
let microphone = null;
let opensMuted = true;
let shown = { stage: "", replies: "" };

// What the reader is told, in words and by one colour.
function say(kind, words) {
  const line = find("status");
  if (!line) return;
  line.dataset.is = kind;
  line.textContent = words;
}

async function ticketFor(role) {
  const answer = await fetch(page.ticket, {
    method: "POST",
    body: new URLSearchParams({ csrf: page.csrf, role }),
    headers: { Accept: "application/json" },
  });
  if (!answer.ok) throw await refusalOf(answer);
  return answer.json();
}

// Listening --------------------------------------------------------------------------------------

const listening = new Line({
  async door() {
    if (!page.csrf || (!onStage && page.needsTicket === undefined && page.whep)) return { url: new URL(page.whep, location).href };
    const { ticket, whep_url: url } = await ticketFor("listener");
    return { url, ticket };
  },
  dress(pc) {
    for (const sound of sounds) {
      sound.srcObject = null;
      pc.addTransceiver("audio", { direction: "recvonly" });
    }
    pc.ontrack = (event) => {
      const sound = sounds[pc.getTransceivers().indexOf(event.transceiver)];
      if (!sound) return;
      sound.srcObject = new MediaStream([event.track]);
      play();
    };
  },
  tell(kind, words) {
    if (speaking.wanted && kind !== "over") {
      // What is said of the stage matters more.
      if (kind === "on") play();
    } else if (kind === "on") {
      say("on", "Listening. Others see a number, not your name.");
      setTimeout(ask, SETTLES);
      play();
    } else if (kind === "connecting" || kind === "waiting") {
      say("wait", words);
    } else if (kind === "off") {
      say("", "You left. Come back any time.");
    } else {
      say("bad", words);
      if (kind === "over") ask();
    }
    draw();
  },
});

async function play() {
  try {
    await Promise.all(sounds.filter((sound) => sound.srcObject).map((sound) => sound.play()));
  } catch (error) {
    if (error.name === "NotAllowedError") say("bad", "Your browser holds the sound back. Press Listen again.");
  }
}

function hush(muted) {
  for (const sound of sounds) sound.muted = muted;
}

function silence() {
  for (const sound of sounds) sound.srcObject = null;
}

function announcePlaying(on) {
  if (!("mediaSession" in navigator)) return;
  const session = navigator.mediaSession;
  session.metadata = on ? new MediaMetadata({ title: page.title, artist: page.host }) : null;
  session.playbackState = on ? "playing" : "none";
  session.setActionHandler("pause", on ? () => { hush(true); session.playbackState = "paused"; } : null);
  session.setActionHandler("play", on ? () => { hush(false); play(); session.playbackState = "playing"; } : null);
  session.setActionHandler("stop", on ? leave : null);
}

// Speaking ---------------------------------------------------------------------------------------

const speaking = new Line({
  async door() {
    const { ticket, whip_url: url } = await ticketFor("speaker");
    if (!url) throw new Refusal("Only the host speaks in this Space.");
    return { url, ticket };
  },
  dress(pc) {
    // The offer keeps the audio-level header extension (RFC 6464) the browser proposes.
    pc.addTransceiver(microphone, { direction: "sendonly", streams: [new MediaStream([microphone])] });
  },
  tell(kind, words) {
    if (kind === "on") {
      mute(opensMuted);
      setTimeout(ask, SETTLES);
    } else if (kind === "connecting") {
      say("wait", "Going on stage…");
    } else if (kind === "waiting") {
      say("wait", words);
    } else if (kind === "off") {
      say("", "You left the stage. The Space goes on until you end it.");
    } else {
      say("bad", words);
      release();
      if (kind === "over") ask();
    }
    draw();
  },
});

async function takeStage(muted) {
  opensMuted = muted;
  say("wait", "Waiting for your microphone…");
  try {
    const heard = await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
    });
    [microphone] = heard.getAudioTracks();
  } catch (error) {
    say("bad", error.name === "NotFoundError"
      ? "No microphone was found. Plug one in and press Unmute."
      : "Your browser does not let this page use the microphone. Allow it beside the address, then press Unmute.");
    return;
  }
  microphone.enabled = false;
  microphone.addEventListener("ended", () => {
    speaking.stop();
    release();
    say("bad", "The microphone went away. Press Unmute to use another.");
  });
  speaking.start();
  // The others are heard meanwhile: the line that listens stays as it is when one comes on stage.
  listening.start();
  draw();
}

function mute(muted) {
  opensMuted = muted;
  if (!microphone) return;
  microphone.enabled = !muted;
  say("on", muted ? "You are on stage, muted. Nobody hears you." : "You are on air.");
  draw();
}

function release() {
  microphone?.stop();
  microphone = null;
  draw();
}

// Controls ---------------------------------------------------------------------------------------

function icon(button, name) {
  const use = button.querySelector("use");
  const shape = use.getAttribute("href").split("#")[0];
  if (use.getAttribute("href") !== `${shape}#${name}`) use.setAttribute("href", `${shape}#${name}`);
}

function draw() {
  if (!dock?.querySelector("[data-leave]")) return;
  const live = state === "live";
  const onAir = Boolean(microphone?.enabled);
  buttons.leave.hidden = !(listening.wanted || speaking.wanted);
  if (buttons.listen) buttons.listen.hidden = !live || listening.wanted || speaking.wanted;
  find("volume").hidden = !listening.wanted;
  if (buttons.mic) {
    buttons.mic.hidden = !live;
    buttons.mic.setAttribute("aria-pressed", String(onAir));
    buttons.mic.classList.toggle("main", !onAir);
    buttons.mic.querySelector("span").textContent = onAir ? "Mute" : "Unmute";
    icon(buttons.mic, onAir ? "mic" : "mic-off");
    find("meter").hidden = !microphone;
  }
  announcePlaying(listening.wanted);
}

function leave() {
  listening.stop();
  speaking.stop();
  silence();
  release();
  draw();
  ask();
}

buttons.listen?.addEventListener("click", () => {
  hush(false);
  listening.start();
  draw();
  buttons.leave.focus();
});
buttons.leave?.addEventListener("click", () => {
  leave();
  (buttons.listen ?? buttons.mic)?.focus();
});
buttons.mic?.addEventListener("click", () => {
  if (!microphone) takeStage(false);
  else mute(microphone.enabled);
});
find("volume")?.querySelector("input").addEventListener("input", (event) => {
  for (const sound of sounds) sound.volume = Number(event.target.value);
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, textarea, select, [contenteditable]")) return;
  if (event.key === "m" && buttons.mic && !buttons.mic.hidden) buttons.mic.click();
  if (event.key === "l" && state === "live") (listening.wanted ? buttons.leave : buttons.listen)?.click();
});

// Levels: a ring around whoever is heard ------------------------------------------------------------

async function level() {
  const line = speaking.isOn ? speaking : listening;
  if (!line.isOn) return 0;
  const kind = speaking.isOn ? "media-source" : "inbound-rtp";
  const entries = (await line.stats()).filter((one) => one.type === kind && one.kind === "audio");
  if (line === listening) watch(entries.reduce((sum, one) => sum + one.packetsReceived, 0));
  return Math.sqrt(Math.min(1, Math.max(0, ...entries.map((one) => one.audioLevel ?? 0))));
}

// Sound that stops in the middle is a reason to ask at once whether the session still stands.
const flow = { packets: 0, since: 0, asked: 0 };

function watch(packets) {
  const now = performance.now();
  if (packets !== flow.packets) Object.assign(flow, { packets, since: now });
  else if (packets && now - flow.since > STALLED && now - flow.since < ASK_EVERY && now - flow.asked > STALLED) {
    flow.asked = now;
    ask();
  }
}

async function showLevel() {
  const heard = await level();
  const seats = root.querySelectorAll("[data-seat]");
  const meter = root.querySelector("[data-meter]");
  meter?.style.setProperty("--level", heard.toFixed(2));
  // The sound is one mix: with one seat taken it is known whose voice it is.
  if (seats.length !== 1) return;
  seats[0].classList.toggle("talking", heard > AUDIBLE);
  seats[0].querySelector("[data-ring]").style.setProperty("--level", heard > AUDIBLE ? heard.toFixed(2) : "0");
}

// What happens meanwhile ---------------------------------------------------------------------------

let askedAt = performance.now();

async function ask() {
  askedAt = performance.now();
  const held = [listening, speaking].filter((line) => line.name);
  const sessions = held.map((line) => line.name).join(",");
  let answer;
  try {
    answer = await fetch(`${page.now}?sessions=${sessions}`, { headers: { "X-Piece": "space" } });
  } catch {
    return;
  }
  if (!answer.ok) return;
  const over = (answer.headers.get("X-Sessions-Ended") ?? "").split(",");
  for (const line of held) {
    if (state === "live" && line.isOn && over.includes(line.name)) line.broke();
  }
  const drawn = document.createElement("template");
  drawn.innerHTML = await answer.text();
  const stage = drawn.content.querySelector("[data-part=stage]");
  const replies = drawn.content.querySelector("[data-part=replies]");
  const now = stage.querySelector("[data-state]").dataset.state;
  put("stage", stage, find("stage"));
  put("replies", replies, document.querySelector("[data-replies]"));
  if (now !== state) changed(now);
}

function names() {
  return [...root.querySelectorAll("[data-seat] .name")].map((seat) => seat.textContent.trim());
}

function put(part, fresh, place) {
  if (!place || !fresh || shown[part] === fresh.innerHTML) return;
  const first = shown[part] === "";
  if (place.contains(document.activeElement) || place.querySelector("details[open]")) return;
  const before = names();
  shown[part] = fresh.innerHTML;
  place.replaceChildren(...fresh.childNodes);
  tellTimes(place);
  const came = names().filter((name) => !before.includes(name));
  if (part === "stage" && came.length && !first) announce(`${came.join(", ")} came on stage.`);
}

function announce(words) {
  let region = document.getElementById("said");
  if (!region) {
    region = document.createElement("p");
    region.id = "said";
    region.className = "unseen";
    region.setAttribute("aria-live", "polite");
    document.body.append(region);
  }
  region.textContent = words;
}

function changed(now) {
  const before = state;
  state = now;
  if (before === "scheduled" && now === "live") {
    location.reload();
    return;
  }
  listening.stop();
  speaking.stop();
  silence();
  release();
  dock?.querySelectorAll("form, button").forEach((control) => { control.hidden = true; });
  const words = now === "cancelled" ? "This Space was cancelled." : "That Space has ended. Read its thread below.";
  say("", words);
  announce(words);
  document.title = document.title.replace(/^LIVE: /, "");
}

// A reply is written without leaving the room.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.closest("[data-stay]") || event.defaultPrevented) return;
  if (event.submitter?.matches("[data-add]")) return;
  event.preventDefault();
  const send = form.querySelector("[data-send]");
  send.disabled = true;
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      headers: { "X-Piece": "stay" },
    });
    form.querySelector(".notice.bad")?.remove();
    if (!answer.ok) throw new Error((await answer.text()) || "It was not sent. Try again.");
    form.querySelectorAll(".part").forEach((part, index) => { if (index) part.remove(); });
    form.querySelector("textarea").value = "";
    form.elements.key.value = answer.headers.get("X-Next-Key") ?? "";
    form.dispatchEvent(new Event("input", { bubbles: true }));
    ask();
  } catch (error) {
    const notice = document.createElement("p");
    notice.className = "notice bad";
    notice.setAttribute("role", "alert");
    notice.textContent = error.message;
    form.prepend(notice);
  } finally {
    send.disabled = false;
  }
});

addEventListener("pagehide", () => {
  listening.drop();
  speaking.drop();
});
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

// For tests and for support: what was received so far.
window.fedispaceStats = async () =>
  [...(await listening.stats()), ...(await speaking.stats())].filter((one) => one.type === "inbound-rtp");

roam({
  root,
  title: page.title,
  isOn: () => listening.wanted || speaking.wanted,
  leave,
  arrived: (main) => { prepare(main); tellTimes(main); },
});
// Whoever speaks cannot hear that he is not heard, so he asks more often whether his session stands.
setInterval(() => {
  const every = speaking.wanted ? ASK_EVERY_ON_STAGE : ASK_EVERY;
  if ((state === "live" || state === "scheduled") && performance.now() - askedAt > every - 50) ask();
}, ASK_EVERY_ON_STAGE);
setInterval(showLevel, SHOW_LEVEL_EVERY);
draw();
if (state === "live" && buttons.mic && new URLSearchParams(location.search).has("stage")) {
  history.replaceState(null, "", location.pathname);
  takeStage(true);
}
