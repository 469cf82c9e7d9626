// What the room tells of itself while it goes on, event by event, and what the page makes of each.

import { crowd } from "./looks.js";
import { toast } from "./sheets.js";

const QUICK = 3000;
const QUIETLY = 4000;
const OUTDOES = new Set(["stage", "paused"]);
const FORBIDDEN = 4403;
const GONE = 4410;

const CONCERNING = {
  declined: "The hosts cannot take you on stage now. You can ask again later.",
  muted: "A host muted you. Unmute when you want to speak.",
  hard_muted: "A host muted you until they allow it.",
  unmuted: "You may speak again.",
  moved: "You are in the audience again. You go on listening.",
};
const REMOVED = "You were removed from this Space.";
const OUT = { removed: REMOVED, banned: "The host lets you into none of their Spaces any more." };

// desk(): what hosts see, where the reader is one. take(state): what is done with the whole state of the room.
// Returns what is to be called with every event.
export function follow({ room, key, sound, microphone, life, looks, pieces, status, desk, take, draw }) {
  // A gap before `hello` may have had posts in it, which no state tells: before every one but a quick first.
  let isLate = false;
  let quiet = 0;
  setTimeout(() => { isLate = true; }, QUICK);

  function pinned() {
    key.call("/room/pins", { method: "GET" }).then((pins) => room.pins(pins)).catch(() => {});
  }

  // Who is shown as listening may have changed with the count; who looks at them looks again now and then.
  function quietly() {
    if (quiet || document.hidden || room.root.querySelector("#listeners")?.hidden !== false) return;
    quiet = setTimeout(() => { quiet = 0; looks.now(); }, QUIETLY);
  }

  function concerning(what) {
    if (Object.hasOwn(OUT, what)) {
      life.expel(OUT[what]);
      return;
    }
    const words = CONCERNING[what];
    if (what === "muted" || what === "hard_muted") {
      if (room.you) Object.assign(room.you, { is_muted: true, may_unmute: what === "muted" });
      microphone.muted();
      status.say("wait", words);
    }
    if (what === "unmuted") {
      if (room.you) Object.assign(room.you, { is_muted: false, may_unmute: true });
      status.say("on", words);
    }
    if (words) toast(words);
    looks.now();
  }

  const heard = {
    hello(message) {
      take(message.state);
      if (message.resync || isLate) pieces.replies();
      isLate = true;
    },
    resync() { looks.soon(); pieces.replies(); },
    state(message) { if (!life.become(message.state)) looks.now(); },
    presence(message) { room.presence(message.listener_count); quietly(); },
    stage(message) {
      if (!room.stageOf(message.stage)) {
        looks.soon();
        return;
      }
      desk()?.draw();
      const isThere = message.stage.some((one) => room.isMe(one.account.id));
      if (isThere !== room.isOnStage) looks.now();
    },
    hands(message) {
      if (room.state) room.state.hands = { ...room.state.hands, count: message.count };
      if (room.you?.hand_position) looks.soon();
      desk()?.draw();
    },
    queue() { looks.soon(); },
    reactions(message) { room.react(message.counts); },
    speaking(message) { room.speak(message.ids); },
    post() { pieces.replies(); },
    post_edited() { pieces.replies(); },
    post_removed() { pieces.replies(); },
    pins() { setTimeout(pinned, crowd(room)); },
    paused(message) {
      room.paused(message.is_paused);
      if (message.is_paused && sound.isOnAir) {
        sound.mute(true);
        microphone.tell();
      }
      if (!message.is_paused) pieces.replies();
      draw();
    },
    you(message) { concerning(message.what === "muted" && message.may_unmute === false ? "hard_muted" : message.what); },
    bye(message) {
      if (message.code === FORBIDDEN) life.expel(REMOVED);
      else if (message.code === GONE) pieces.ask();
    },
  };

  return (message) => {
    if (OUTDOES.has(message.event)) looks.outdone();
    heard[message.event]?.(message);
  };
}
