// The page of a Space: joins the parts together. What it draws the server has drawn first; from here on
// it listens to the room's events, and asks by itself wherever these do not come through.

import { prepare } from "./composer.js";
import { Folk } from "./folk.js";
import { Key } from "./key.js";
import { Refusal } from "./line.js";
import { roam } from "./roam.js";
import { ordinal, Room } from "./room.js";
import { choose, open, toast } from "./sheets.js";
import { Signal } from "./signal.js";
import { Sound } from "./sound.js";
import { stay } from "./stay.js";
import { tabs } from "./tabs.js";
import { correct, tell as tellTimes } from "./times.js";
import { announce } from "./voice.js";

const ASK_EVERY = 3000;
const ASK_EVERY_ON_STAGE = 1000;
const SETTLES = 600;
const HELLO_WITHIN = 1500;
const REACTIONS_AT_ONCE = 5;
const REACTIONS_IN = 2000;
const SPREAD_EACH = 5;
const MOST_SPREAD = 5000;
const LOOKS_EVERY = 1000;
const ANSWERS_WITHIN = 10_000;
const VISITORS_LOOK_EVERY = 15_000;
const OUTDOES = new Set(["stage", "paused"]);
const OVER = "That Space has ended. Read its thread below.";

const root = document.querySelector("[data-space]");
const find = (name) => root.querySelector(`[data-${name}]`);
const page = root.dataset;
const absolute = (path) => (path ? new URL(path, location).href : "");
const here = page.here;
const key = new Key({ door: page.key, csrf: page.csrf, api: absolute(page.api) });
const room = new Room(root, { domain: page.domain, here });
const dock = find("dock");
const buttons = Object.fromEntries(["listen", "leave", "mic", "hand", "extras", "react-open"].map((name) => [name, find(name)]));
let state = page.state;
let hosting = null;
let warned = false;
let isGreeted = false;
let isAwake = false;

// What the reader is told, in words and by one colour.
function say(kind, words) {
  const line = find("status");
  if (!line) return;
  line.dataset.is = kind;
  line.textContent = words;
}

const how = () => (room.isOnStage ? "You are on stage. Nobody hears you until you unmute." : sound.isBehind ? "Listening, a few seconds behind: your network lets no live sound through." : room.you?.is_shown ? "Listening. Others see that you are here." : "Listening. Others see a number, not your name.");

function attempt(promise) {
  return promise.catch((error) => {
    if (!(error instanceof Refusal)) throw error;
    toast(error.message, "bad");
  });
}

// Sound -------------------------------------------------------------------------------------------

const sound = new Sound({
  whep: page.whep,
  whip: page.whip,
  key,
  isOpen: page.open !== undefined,
  stalled: () => ask(),
  levels(heard, isOwn) {
    find("meter")?.style.setProperty("--level", isOwn ? heard.toFixed(2) : "0");
    room.level(heard);
  },
  tell(line, kind, words) {
    if (line === "listening") heardOf(kind, words);
    else spokenOf(kind, words);
    draw();
  },
});

function heardOf(kind, words) {
  if (kind === "held") say("bad", "Your browser holds the sound back. Press Listen again.");
  else if (kind === "over") { say("bad", words); ask(); }
  else if (sound.speaking.wanted) return; // What is said of the stage matters more.
  else if (kind === "on") {
    say("on", how());
    setTimeout(ask, SETTLES);
  } else if (kind === "connecting" || kind === "waiting") say("wait", words);
  else if (kind === "off") say("", "You left. Come back any time.");
  else say("bad", words);
}

function spokenOf(kind, words) {
  if (kind === "on" || kind === "mute") {
    if (sound.microphone && sound.speaking.isOn) say("on", sound.isOnAir ? "You are on air." : "You are on stage, muted. Nobody hears you.");
    if (kind === "on") {
      told = null;
      setTimeout(ask, SETTLES);
    }
    tellMicrophone();
  } else if (kind === "connecting") say("wait", "Going on stage…");
  else if (kind === "waiting") say("wait", words);
  else if (kind === "off") {
    if (state === "live") say("", page.mine !== undefined ? "You left the stage. The Space goes on until you end it." : "You left the stage.");
  } else {
    say("bad", words);
    if (kind === "over") ask();
  }
}

async function takeStage(muted) {
  say("wait", "Waiting for your microphone…");
  try {
    await sound.takeStage(muted);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    say("bad", error.message);
  }
  draw();
}

let told = null;
let telling = Promise.resolve();
let orderedAt = 0;

// One after the other: the room must not hear "on" before the "off" that came first.
function tellRoom(on) {
  told = on;
  const said = telling.then(() => key.call("/room/microphone", { body: { on } }));
  telling = said.catch(() => { told = null; });
  return said;
}

function tellMicrophone() {
  const on = sound.isOnAir;
  if (on !== told && key.isKnown) tellRoom(on).catch(() => {});
}

async function toggleMicrophone() {
  isGreeted = false;
  if (!sound.microphone) return takeStage(false);
  if (!sound.isOnAir && room.you?.is_muted && room.you.may_unmute === false) {
    toast("A host muted you. You can speak again when they allow it.", "bad");
    return;
  }
  // Turning it on ends a host's soft mute, so the room is told before anything is sent.
  const on = !sound.isOnAir;
  if (on && room.you?.is_muted) {
    try {
      const fresh = await tellRoom(on);
      orderedAt = performance.now();
      take(fresh);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      toast(error.message, "bad");
      refresh();
      return undefined;
    }
  }
  sound.mute(!on);
  tellMicrophone();
  draw();
}

async function listen() {
  if (sound.listening.wanted) return;
  wake();
  if (key.isKnown && !room.state) { // Whom one blocks on stage is said before they are heard.
    if (key.isElsewhere) say("wait", `Asking ${page.domain}…`);
    await refresh();
    if (key.isElsewhere) say("", `This room is on ${page.domain}.`);
  }
  const warnings = room.state?.warnings?.blocked_on_stage ?? 0;
  if (warnings && !warned) {
    const sheet = find("warning-sheet");
    sheet.querySelector("[data-words]").textContent = `${warnings} ${warnings === 1 ? "person" : "people"} you block ${warnings === 1 ? "is" : "are"} on stage.`;
    if ((await choose(sheet)) !== "listen") return;
    warned = true;
  }
  if (key.isKnown && !room.isOnStage && !kept("presence")) {
    const chosen = await choose(find("presence-sheet"));
    if (!chosen && !room.isOnStage) return;
    if (chosen) keep("presence", chosen);
  }
  if (key.isKnown && kept("presence") === "shown" && !room.you?.is_shown) show(true);
  sound.listen();
  keepFocus(draw);
}

function leave() {
  sound.stop();
  tellMicrophone();
  keepFocus(draw);
  ask();
}

// A button that goes under one's finger hands the focus to what stands in its place; who reads elsewhere stays there.
function keepFocus(change) {
  const isLost = () => document.activeElement === document.body || !document.activeElement.checkVisibility();
  const isHere = isLost() || dock?.contains(document.activeElement);
  change();
  if (!isHere || !isLost()) return;
  [buttons.leave, buttons.listen, buttons.mic].find((one) => one?.checkVisibility())?.focus();
}

function kept(name) {
  try { return localStorage.getItem(name); } catch { return null; }
}

function keep(name, value) {
  try { localStorage.setItem(name, value); } catch { /* asked again next time */ }
}

async function show(shown) {
  await attempt(key.call("/room/presence", { body: { shown } }).then(() => {
    if (room.you) room.you.is_shown = shown;
    keep("presence", shown ? "shown" : "private");
    if (sound.listening.isOn && !sound.speaking.wanted) say("on", how());
    draw();
    refresh();
  }));
}

// The dock -----------------------------------------------------------------------------------------

function icon(one, name) {
  const use = one.querySelector("use");
  const [shapes] = use.getAttribute("href").split("#");
  if (use.getAttribute("href") !== `${shapes}#${name}`) use.setAttribute("href", `${shapes}#${name}`);
}

function write(one, words) {
  const place = one.querySelector("span");
  if (place.textContent !== words) place.textContent = words;
}

function draw() {
  if (!buttons.extras) return;
  const live = state === "live";
  const onStage = room.state ? room.isOnStage : page.onStage !== undefined;
  const hearing = sound.isWanted;
  buttons.leave.hidden = !hearing;
  if (buttons.listen) {
    buttons.listen.hidden = !live || hearing;
    buttons.listen.classList.toggle("main", !onStage);
    buttons.listen.classList.toggle("grow", !onStage);
    buttons.listen.classList.toggle("compact", onStage);
  }
  buttons.mic.hidden = !live || !onStage;
  const onAir = sound.isOnAir;
  buttons.mic.setAttribute("aria-pressed", String(onAir));
  buttons.mic.classList.toggle("main", !onAir);
  write(buttons.mic, onAir ? "Mute" : "Unmute");
  icon(buttons.mic, onAir ? "mic" : "mic-off");
  find("meter").hidden = !sound.microphone;
  const place = room.you?.hand_position ?? null;
  buttons.hand.hidden = !live || onStage || !buttons.listen || (room.state !== null && key.isKnown && !room.may("raise_hand") && !place);
  buttons.hand.setAttribute("aria-pressed", String(Boolean(place)));
  buttons.hand.classList.toggle("up", Boolean(place));
  write(buttons.hand, place ? `Lower hand (${ordinal(place)} in queue)` : "Raise hand");
  buttons["react-open"].hidden = !live || !key.isKnown;
  buttons["react-open"].disabled = Boolean(room.state?.is_paused);
  const isOffered = live && Boolean(room.you?.invited_as || isGreeted);
  find("invitation").hidden = !isOffered;
  if (isOffered) buttons.mic.hidden = true;
  const presence = find("presence");
  if (presence) {
    presence.hidden = !key.isKnown || onStage || !room.state;
    presence.querySelector("[data-presence-words]").textContent = room.you?.is_shown
      ? "Others see that you are listening."
      : "You listen privately. Nobody sees your name, not even the host.";
    presence.querySelector("[data-presence-switch]").textContent = room.you?.is_shown ? "Listen privately" : "Show me as listening";
  }
  find("behind").hidden = !sound.isBehind;
  sound.showOutside(page.title, page.host, leave);
}

// What the server says of the room -------------------------------------------------------------------

function take(fresh) {
  if (!fresh || !fresh.stage) return refresh();
  const wasKnown = room.known;
  const was = room.isOnStage;
  const wasRole = room.role;
  const wasInvited = room.you?.invited_as;
  const wasPaused = find("paused")?.hidden === false;
  room.apply(fresh);
  if (wasPaused && !fresh.is_paused) replies();
  const { you } = room;
  if (fresh.space?.state && fresh.space.state !== state) changed(fresh.space.state);
  if (was && !room.isOnStage) {
    isGreeted = false;
    if (sound.speaking.wanted) sound.stepDown();
    else if (sound.listening.isOn) say("on", how());
    announce("You are in the audience again.");
  }
  if (wasKnown && !was && room.isOnStage && !sound.speaking.wanted && !isAccepting) {
    isGreeted = true;
    invited("speaker");
    if (sound.listening.isOn) say("on", how());
  }
  // Who stands on the stage is seen there: the question who sees them listen is void.
  if (room.isOnStage) find("presence-sheet")?.close();
  if (you?.is_muted && sound.isOnAir) sound.mute(true);
  if (you?.invited_as && !wasInvited) invited(you.invited_as);
  if (room.isHost) host();
  else hosting?.draw();
  if (room.role !== wasRole) openAgain();
  draw();
  tellTimes(root);
  return undefined;
}

function pinned() {
  key.call("/room/pins", { method: "GET" }).then((pins) => room.pins(pins)).catch(() => {});
}

// What all are told at once they do not all ask for at once: the more listen, the longer it may take.
const crowd = () => Math.random() * Math.min(MOST_SPREAD, (room.state?.listeners?.count ?? 0) * SPREAD_EACH);

let lookedAt = -Infinity;
let looking = 0;

// Looks again, for what many may be told, or one many times in a second.
function look() {
  if (looking) return;
  const pause = Math.max(room.isHost ? 0 : crowd(), lookedAt + LOOKS_EVERY - performance.now(), 0);
  looking = setTimeout(() => {
    looking = 0;
    refresh();
    hosting?.invited();
  }, pause);
}

let refreshing = null;
let againWanted = false;

// Of many reasons to look again, at most one look is under way and one waits.
function refresh() {
  if (refreshing) {
    againWanted = true;
    return refreshing;
  }
  const begun = performance.now();
  lookedAt = begun;
  refreshing = key.call("/room", { method: "GET" })
    .then((fresh) => {
      // What was asked before one's own last order was carried out tells of a room that is no more.
      if (begun < orderedAt) againWanted = true;
      else if (fresh?.stage) take(fresh);
    })
    .catch(() => {})
    .finally(() => {
      refreshing = null;
      if (againWanted) {
        againWanted = false;
        refresh();
      }
    });
  return refreshing;
}

function invited(role) {
  const words = role === "cohost" ? "You're invited to be co-host" : role === "listener" ? "You're invited to listen" : "You're on stage";
  find("invited-words").textContent = words;
  // Who is asked says whether they come; who is there says whether they are heard.
  const isAsked = Boolean(room.you?.invited_as);
  const yes = !isAsked ? "Unmute" : role === "listener" ? "Listen" : "Go on stage";
  write(find("accept"), yes);
  icon(find("accept"), !isAsked ? "mic" : role === "listener" ? "ear" : "check");
  announce(`${words}: ${yes}, or Not now.`, "assertive");
}

async function host() {
  const { Hosting } = await import("./hosting.js");
  const isNew = !hosting;
  hosting ??= new Hosting({ room, key, again: refresh });
  hosting.draw();
  if (isNew) openAgain();
}

// What is open says what one may do now, not when it was opened.
function openAgain() {
  if (find("more-sheet")?.open) extras();
  folk.draw();
}

const heard = {
  hello(message) { take(message.state); if (message.resync || isLate) replies(); isLate = true; },
  resync() { look(); replies(); },
  state(message) { if (message.state !== state) changed(message.state); else refresh(); },
  presence(message) { room.presence(message.listener_count); quietly(); },
  stage(message) {
    if (!room.stageOf(message.stage)) look();
    else { hosting?.draw(); refreshYou(message.stage); }
  },
  hands(message) {
    if (room.state) room.state.hands = { ...room.state.hands, count: message.count };
    if (room.you?.hand_position) look();
    hosting?.draw();
  },
  queue() { look(); },
  reactions(message) { room.react(message.counts); },
  speaking(message) { room.speak(message.ids); },
  post() { replies(); },
  post_edited() { replies(); },
  post_removed() { replies(); },
  pins() { setTimeout(pinned, crowd()); },
  paused(message) {
    room.paused(message.is_paused);
    if (message.is_paused && sound.isOnAir) {
      sound.mute(true);
      tellMicrophone();
    }
    if (!message.is_paused) replies();
    draw();
  },
  you(message) { concerning(message.what === "muted" && message.may_unmute === false ? "hard_muted" : message.what); },
  bye(message) { if (message.code === 4403) out("You were removed from this Space."); else if (message.code === 4410) ask(); },
};

// A gap before `hello` may have had posts in it, which no state tells: before every one but a quick first.
let isLate = false;
setTimeout(() => { isLate = true; }, ASK_EVERY);
let quiet = 0;

// Who is shown as listening may have changed with the count; who looks at them looks again now and then.
function quietly() {
  if (quiet || document.hidden || root.querySelector("#listeners")?.hidden !== false) return;
  quiet = setTimeout(() => { quiet = 0; refresh(); }, 4000);
}

function refreshYou(stage) {
  const on = stage.some((one) => room.isMe(one.account.id));
  if (on !== room.isOnStage) refresh();
}

function concerning(what) {
  const words = {
    declined: "The hosts cannot take you on stage now. You can ask again later.",
    muted: "A host muted you. Unmute when you want to speak.",
    hard_muted: "A host muted you until they allow it.",
    unmuted: "You may speak again.",
    moved: "You are in the audience again. You go on listening.",
    role: "",
  }[what];
  if (what === "muted" || what === "hard_muted") {
    if (room.you) Object.assign(room.you, { is_muted: true, may_unmute: what === "muted" });
    sound.mute(true);
    told = null;
    tellMicrophone();
    say("wait", words);
  }
  if (what === "unmuted") {
    if (room.you) Object.assign(room.you, { is_muted: false, may_unmute: true });
    say("on", words);
  }
  if (what === "removed" || what === "banned") {
    out(what === "banned" ? "The host lets you into none of their Spaces any more." : "You were removed from this Space.");
    return;
  }
  if (words) toast(words);
  refresh();
}

function out(words) {
  sound.stop();
  signal.stop();
  say("bad", words);
  announce(words, "assertive");
  for (const name of ["listen", "mic", "hand", "react-open", "leave"]) if (buttons[name]) buttons[name].hidden = true;
}

const signal = new Signal({
  url: absolute(page.signal),
  key,
  heard(message) {
    if (refreshing && OUTDOES.has(message.event)) againWanted = true; // what comes in answer may be older
    heard[message.event]?.(message);
  },
  changed(isOpen) { room.hasSignal = isOpen; if (!isOpen) setTimeout(ask, crowd()); },
});

// What is asked where events do not come through, and the thread, which this server draws ---------------

let askedAt = performance.now();
const shown = { stage: "", replies: "" };
const turns = { last: 0, stage: 0, replies: 0 };

async function ask(wants = "") {
  askedAt = performance.now();
  const turn = turns.last += 1;
  const held = [sound.listening, sound.speaking].filter((line) => line.name);
  const sessions = held.map((line) => line.name).join(",");
  let answer;
  try {
    answer = await fetch(`${page.now}?sessions=${sessions}&only=${wants}`, { headers: { "X-Piece": "space" }, signal: AbortSignal.timeout(ANSWERS_WITHIN) });
  } catch {
    return;
  }
  if (!answer.ok) return;
  correct(answer);
  const over = (answer.headers.get("X-Sessions-Ended") ?? "").split(",");
  for (const line of held) {
    if (state === "live" && line.isOn && over.includes(line.name)) line.broke();
  }
  const now = answer.headers.get("X-Space-State");
  if (now && now !== state) changed(now);
  // Of another server's room nothing else is known before one enters it.
  if (!room.state && state === "live") room.paused(answer.headers.get("X-Space-Paused") === "yes");
  const drawn = document.createElement("template");
  drawn.innerHTML = await answer.text();
  put("replies", drawn.content.querySelector("[data-part=replies]"), find("replies"), turn);
  // Where the room itself answers, it is asked; another server's may not.
  if (!room.state || state !== "live") put("stage", drawn.content.querySelector("[data-part=stage]"), find("stage"), turn);
}

// What was written at the room's server may take a moment to this one, which does not know of its pauses.
const waiting = new Set();
function replies(isOwn = false) {
  if (key.isElsewhere && room.state?.is_paused) return;
  const spread = isOwn ? 0 : crowd();
  for (const later of key.isElsewhere ? [0, 2000, 6000] : [0]) {
    if (waiting.has(later) && !isOwn) continue;
    waiting.add(later);
    setTimeout(() => { waiting.delete(later); ask("replies"); }, later + spread);
  }
}

function put(part, fresh, place, turn) {
  if (!place || !fresh || turn < turns[part]) return; // an older answer came later
  turns[part] = turn;
  if (shown[part] === fresh.innerHTML) return;
  if (place.contains(document.activeElement) || place.querySelector("details[open]")) return;
  shown[part] = fresh.innerHTML;
  place.replaceChildren(...fresh.childNodes);
  tellTimes(place);
}

function changed(now) {
  const before = state;
  state = now;
  if (before === "scheduled" && now === "live") {
    location.reload();
    return;
  }
  signal.stop();
  sound.stop();
  const words = now === "cancelled" ? "This Space was called off." : OVER;
  say("", words);
  announce(words, "assertive");
  for (const one of Object.values(buttons)) if (one) one.hidden = true;
  for (const one of [find("invitation"), find("desk"), find("picker"), ...root.querySelectorAll("dialog[open]")]) {
    if (one instanceof HTMLDialogElement) one.close();
    else if (one) one.hidden = true;
  }
  dock?.querySelectorAll("form").forEach((form) => { form.hidden = true; });
  find("stage")?.querySelector(".stage")?.classList.remove("on");
  find("paused").hidden = true;
  find("onair").textContent = now === "cancelled" ? "Cancelled" : "Ended";
  root.classList.add("is-over");
  find("bubbles")?.replaceChildren();
  find("count")?.parentElement.remove();
  root.querySelector("#tab-thread")?.click();
  setTimeout(() => ask("stage"), crowd());
  document.title = document.title.replace(/^LIVE: /, "");
  document.dispatchEvent(new CustomEvent("space-over"));
}

// Controls ------------------------------------------------------------------------------------------

buttons.listen?.addEventListener("click", listen);
buttons.leave?.addEventListener("click", leave);
buttons.mic?.addEventListener("click", toggleMicrophone);

async function hand() {
  if (!key.isKnown) {
    open(find("enter-sheet"));
    return;
  }
  wake();
  const up = !room.you?.hand_position;
  await attempt(key.call("/room/hand", { body: { up } }).then(take));
  if (up && !sound.listening.wanted) listen();
}
buttons.hand?.addEventListener("click", hand);

let isAccepting = false;

// Whose hand was taken is on stage already, and says only whether the microphone goes on now.
async function answerInvitation(accept) {
  const offered = room.you?.invited_as;
  isAccepting = true;
  isGreeted = false;
  if (offered) {
    const fresh = await attempt(key.call("/room/invitation", { body: { accept } }));
    if (fresh && !fresh.you.account) {
      // Who came by this invitation alone may not even see the Space any more.
      sound.stop();
      signal.stop();
      location.assign("/?did=invitation-declined");
      return;
    }
    if (fresh) take(fresh);
    if (room.you) room.you.invited_as = null;
  }
  draw();
  if (accept && room.isOnStage) await takeStage(Boolean(offered));
  else if (accept && !sound.listening.wanted) await listen();
  isAccepting = false;
}
find("accept")?.addEventListener("click", () => answerInvitation(true));
find("decline")?.addEventListener("click", () => answerInvitation(false));

const pressed = [];
function react(emoji) {
  const now = performance.now();
  while (pressed.length && now - pressed[0] > REACTIONS_IN) pressed.shift();
  if (pressed.length >= REACTIONS_AT_ONCE) return;
  pressed.push(now);
  wake();
  attempt(key.call("/room/reactions", { body: { emoji } }));
}

function picker(opened) {
  find("picker").hidden = !opened;
  buttons["react-open"].setAttribute("aria-expanded", String(opened));
  if (opened) find("picker").querySelector("button").focus();
}
buttons["react-open"]?.addEventListener("click", () => picker(find("picker").hidden));
find("picker")?.addEventListener("click", (event) => {
  const one = event.target.closest("[data-react]");
  if (one) react(one.dataset.react);
});
find("presence-switch")?.addEventListener("click", () => show(!room.you?.is_shown));

function extras() {
  const sheet = find("more-sheet");
  if (hosting) hosting.orders(sheet.querySelector("[data-orders]"), sheet);
  const down = sheet.querySelector("[data-step-down]");
  if (down) down.hidden = !room.may("step_down");
  const keys = sheet.querySelector("[data-stream]");
  if (keys) keys.hidden = !room.may("stream");
  return sheet;
}
buttons.extras?.addEventListener("click", () => open(extras()));
find("volume")?.addEventListener("input", (event) => sound.loud(Number(event.target.value)));
find("step-down")?.addEventListener("click", async () => {
  find("more-sheet").close();
  await attempt(key.call("/room/step_down").then(take));
  sound.stepDown();
  draw();
});
for (const one of root.querySelectorAll("[data-open]")) {
  one.addEventListener("click", async (event) => {
    const sheet = find(one.dataset.open);
    if (!sheet) return;
    event.preventDefault();
    one.closest("dialog")?.close();
    if (one.dataset.open === "share-sheet") {
      const { prepareShare } = await import("./share.js");
      prepareShare(sheet, { link: page.link, title: page.title });
    }
    if (one.dataset.open === "report-sheet") folk.accuse(null);
    open(sheet);
  });
}

const folk = new Folk({ root, room, key, attempt, isLive: () => state === "live", desk: () => hosting });

const keys = find("keys");
if (keys) {
  keys.checked = kept("keys") !== "off";
  keys.addEventListener("change", () => keep("keys", keys.checked ? "on" : "off"));
}

document.addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.closest?.("input, textarea, select, [contenteditable], dialog[open]")) return;
  if (!root.isConnected || !buttons.extras) return;
  const act = { l: () => (sound.isWanted ? leave() : buttons.listen && listen()), h: hand, m: () => room.isOnStage && toggleMicrophone(), "?": () => open(find("help-sheet")) };
  const chosen = act[event.key.toLowerCase()];
  if (event.key === "Escape" && !find("picker").hidden) {
    picker(false);
    buttons["react-open"].focus();
  } else if (chosen && keys?.checked && state === "live" && !(event.key === "h" && buttons.hand.hidden)) {
    event.preventDefault();
    chosen();
  }
});

stay(document, () => replies(true));

addEventListener("pagehide", () => sound.drop());
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

// For tests and for support: what was received so far.
window.fedispaceStats = () => sound.stats();

roam({
  root,
  title: page.title,
  host: page.host,
  isOn: () => sound.isWanted,
  sound,
  toggle: toggleMicrophone,
  leave,
  arrived: (main) => { prepare(main); tellTimes(main); },
});
// Who speaks cannot hear that nobody hears, so the page asks more often whether the session stands. Who
// listens asks only where no events come.
setInterval(() => {
  if (state !== "live" && state !== "scheduled") return;
  if (signal.isOpen && !sound.speaking.wanted) return;
  const every = sound.speaking.wanted ? ASK_EVERY_ON_STAGE : ASK_EVERY;
  if (performance.now() - askedAt > every - 50) ask(signal.isOpen ? "sessions" : "");
  // The room's own state does not come with the thread. Visitors share the requests of their address.
  const looks = key.isKnown ? ASK_EVERY : VISITORS_LOOK_EVERY;
  if (!signal.isOpen && isAwake && state === "live" && performance.now() - lookedAt > looks - 50) refresh();
}, ASK_EVERY_ON_STAGE);

tabs(root);
// What is pressed before this script can do anything about it would be lost: only now it can be.
for (const one of root.querySelectorAll("[data-early]")) {
  one.disabled = false;
  one.removeAttribute("data-early");
}
if (find("share")) find("share").hidden = false;
draw();
// The server of another's Space learns of the reader only when the reader does something there, or has
// said before that they are one of its stage.
if (state === "live" && (!key.isElsewhere || page.onStage !== undefined)) wake();

function wake() {
  if (isAwake) return;
  isAwake = true;
  signal.start();
  setTimeout(() => { if (!room.state) refresh(); }, HELLO_WITHIN);
}

const wants = new URLSearchParams(location.search);
if (wants.has("stage") || wants.has("listen")) history.replaceState(null, "", location.pathname);
if (state === "live" && wants.has("stage") && page.onStage !== undefined) takeStage(true);
else if (state === "live" && wants.has("listen") && buttons.listen) listen();
