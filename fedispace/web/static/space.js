// The page of a Space: joins the parts together. What it draws the server has drawn first; from here on
// it listens to the room's events, and asks by itself wherever these do not come through.

import { prepare } from "./composer.js";
import { Dock, Status } from "./dock.js";
import { follow } from "./events.js";
import { Folk } from "./folk.js";
import { Invitation } from "./invitation.js";
import { Key } from "./key.js";
import { Life } from "./life.js";
import { Listening } from "./listening.js";
import { crowd, Looks } from "./looks.js";
import { Microphone } from "./microphone.js";
import { More } from "./more.js";
import { Pieces } from "./pieces.js";
import { Reactions } from "./reactions.js";
import { roam } from "./roam.js";
import { Room } from "./room.js";
import { attempt, open } from "./sheets.js";
import { shortcuts } from "./shortcuts.js";
import { Signal } from "./signal.js";
import { Sound } from "./sound.js";
import { stay } from "./stay.js";
import { tabs } from "./tabs.js";
import { tell as tellTimes } from "./times.js";
import { announce } from "./voice.js";

const ASK_EVERY = 3000;
const ASK_EVERY_ON_STAGE = 1000;
const HELLO_WITHIN = 1500;
const VISITORS_LOOK_EVERY = 15_000;

const root = document.querySelector("[data-space]");
const page = root.dataset;
const absolute = (path) => (path ? new URL(path, location).href : "");
const key = new Key({ door: page.key, csrf: page.csrf, api: absolute(page.api) });
const room = new Room(root, { domain: page.domain, here: page.here });
const find = (name) => room.find(name);
const isLive = () => life.isLive;
const draw = () => dock.draw();
const wasOnStage = page.onStage !== undefined;
let hosting = null;
let isAwake = false;

// The parts, each given what it needs of the others -------------------------------------------------

const sound = new Sound({
  whep: page.whep,
  whip: page.whip,
  key,
  isOpen: page.open !== undefined,
  stalled: () => pieces.ask(),
  levels(heard, isOwn) {
    find("meter")?.style.setProperty("--level", isOwn ? heard.toFixed(2) : "0");
    room.level(heard);
  },
  tell(line, kind, words) {
    if (line === "listening") listening.heard(kind, words);
    else microphone.heard(kind, words);
    draw();
  },
});
const status = new Status({ room, sound });
const looks = new Looks({ key, room, take, also: () => hosting?.invited() });
const pieces = new Pieces({ url: page.now, key, room, sound, isLive, become: (now) => life.become(now) });
const microphone = new Microphone({ room, key, sound, status, looks, pieces, isLive, isMine: page.mine !== undefined, take, draw });
const dock = new Dock({
  room,
  key,
  sound,
  isLive,
  isOnStage: wasOnStage,
  isInvited: () => invitation.isOpen,
  title: page.title,
  host: page.host,
  leave: () => listening.leave(),
});
const listening = new Listening({ room, key, sound, status, looks, pieces, dock, microphone, domain: page.domain, wake });
const invitation = new Invitation({
  room,
  key,
  take,
  draw,
  part,
  come: (muted) => microphone.takeStage(muted),
  listen: () => listening.start(),
});
const life = new Life({ state: page.state, room, dock, status, part, ask: (wants) => pieces.ask(wants) });
const signal = new Signal({
  url: absolute(page.signal),
  key,
  heard: follow({ room, key, sound, microphone, life, looks, pieces, status, desk: () => hosting, take, draw }),
  changed(isOpen) {
    room.hasSignal = isOpen;
    if (!isOpen) setTimeout(() => pieces.ask(), crowd(room));
  },
});
const folk = new Folk({ root, room, key, isLive, desk: () => hosting });
const more = new More({ room, key, sound, folk, desk: () => hosting, share: { link: page.link, title: page.title }, take, draw });
const reactions = new Reactions({ room, key, opener: dock.buttons["react-open"], wake });

function part() {
  signal.stop();
  sound.stop();
}

// What the server says of the room -------------------------------------------------------------------

function take(fresh) {
  if (!fresh || !fresh.stage) return looks.now();
  const wasKnown = room.known;
  const was = room.isOnStage;
  const wasRole = room.role;
  const wasInvited = room.you?.invited_as;
  const wasPaused = find("paused")?.hidden === false;
  room.apply(fresh);
  if (wasPaused && !fresh.is_paused) pieces.replies();
  const { you } = room;
  life.become(fresh.space?.state);
  if (was && !room.isOnStage) {
    invitation.dismiss();
    if (sound.speaking.wanted) sound.stepDown();
    else if (sound.listening.isOn) status.sayHow();
    announce("You are in the audience again.");
  }
  if (wasKnown && !was && room.isOnStage && !sound.speaking.wanted && !invitation.isAccepting) {
    invitation.greet();
    if (sound.listening.isOn) status.sayHow();
  }
  // Who stands on the stage is seen there: the question who sees them listen is void.
  if (room.isOnStage) find("presence-sheet")?.close();
  if (you?.is_muted && sound.isOnAir) sound.mute(true);
  if (you?.invited_as && !wasInvited) invitation.show(you.invited_as);
  if (room.isHost) host();
  else hosting?.draw();
  if (room.role !== wasRole) openAgain();
  draw();
  tellTimes(root);
  return undefined;
}

async function host() {
  const { Hosting } = await import("./hosting.js");
  const isNew = !hosting;
  hosting ??= new Hosting({ room, key, again: () => looks.now() });
  hosting.draw();
  if (isNew) openAgain();
}

// What is open says what one may do now, not when it was opened.
function openAgain() {
  if (more.sheet?.open) more.draw();
  folk.draw();
}

// Controls ------------------------------------------------------------------------------------------

function toggleMicrophone() {
  invitation.dismiss();
  return microphone.toggle();
}

async function hand() {
  if (!key.isKnown) {
    open(find("enter-sheet"));
    return;
  }
  wake();
  const up = !room.you?.hand_position;
  await attempt(key.call("/room/hand", { body: { up } }).then(take));
  if (up) listening.start();
}

dock.buttons.listen?.addEventListener("click", () => listening.start());
dock.buttons.leave?.addEventListener("click", () => listening.leave());
dock.buttons.mic?.addEventListener("click", toggleMicrophone);
dock.buttons.hand?.addEventListener("click", hand);
find("presence-switch")?.addEventListener("click", () => listening.show(!room.you?.is_shown));

shortcuts({
  room,
  isLive,
  isThere: dock.isThere,
  acts: {
    l: () => (sound.isWanted ? listening.leave() : dock.buttons.listen && listening.start()),
    h: hand,
    m: () => room.isOnStage && toggleMicrophone(),
    "?": () => open(find("help-sheet")),
  },
  hand: dock.buttons.hand,
  reactions,
});

stay(document, () => pieces.replies(true));
tabs(root);
roam({
  root,
  title: page.title,
  host: page.host,
  isOn: () => sound.isWanted,
  sound,
  toggle: toggleMicrophone,
  leave: () => listening.leave(),
  arrived: (main) => { prepare(main); tellTimes(main); },
});

addEventListener("pagehide", () => sound.drop());
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

// For tests and for support: what was received so far.
window.fedispaceStats = () => sound.stats();

// From here on --------------------------------------------------------------------------------------

function wake() {
  if (isAwake) return;
  isAwake = true;
  signal.start();
  setTimeout(() => { if (!room.state) looks.now(); }, HELLO_WITHIN);
}

// Who speaks cannot hear that nobody hears, so the page asks more often whether the session stands. Who
// listens asks only where no events come.
setInterval(() => {
  if (!life.isLive && life.state !== "scheduled") return;
  if (signal.isOpen && !sound.speaking.wanted) return;
  const every = sound.speaking.wanted ? ASK_EVERY_ON_STAGE : ASK_EVERY;
  if (performance.now() - pieces.askedAt > every - 50) pieces.ask(signal.isOpen ? "sessions" : "");
  // The room's own state does not come with the thread. Visitors share the requests of their address.
  const pause = key.isKnown ? ASK_EVERY : VISITORS_LOOK_EVERY;
  if (!signal.isOpen && isAwake && life.isLive && performance.now() - looks.lookedAt > pause - 50) looks.now();
}, ASK_EVERY_ON_STAGE);

// What is pressed before this script can do anything about it would be lost: only now it can be.
for (const one of root.querySelectorAll("[data-early]")) {
  one.disabled = false;
  one.removeAttribute("data-early");
}
if (find("share")) find("share").hidden = false;
draw();
// The server of another's Space learns of the reader only when the reader does something there, or has
// said before that they are one of its stage.
if (life.isLive && (!key.isElsewhere || wasOnStage)) wake();

const wants = new URLSearchParams(location.search);
if (wants.has("stage") || wants.has("listen")) history.replaceState(null, "", location.pathname);
if (life.isLive && wants.has("stage") && wasOnStage) microphone.takeStage(true);
else if (life.isLive && wants.has("listen") && dock.buttons.listen) listening.start();
