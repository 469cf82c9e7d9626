// The player in another site's page: it listens when it is pressed, and that is all.

import { Line } from "./line.js";
import { tell } from "./times.js";

const root = document.querySelector("[data-embed]");
const button = root.querySelector("[data-listen]");
const status = root.querySelector("[data-status]");
const sound = document.createElement("audio");
sound.hidden = true;
document.body.append(sound);

const say = { connecting: "Connecting…", on: "Listening", waiting: "Reconnecting…", off: "", over: "That Space has ended." };

let stream = null;
const listening = () => stream ?? line;

function tellState(kind, words) {
  status.textContent = kind === "on" && stream ? "Listening, a few seconds behind" : say[kind] ?? words;
  if (kind === "on") sound.play().catch(() => { status.textContent = "Press Listen again."; });
  draw();
}

// Where WebRTC does not come through, the same is heard over plain HTTP.
async function fallBack(url) {
  const { Stream } = await import("./stream.js");
  if (!line.wanted) return;
  line.release();
  sound.srcObject = null;
  stream = new Stream({ door: async () => ({ url, ticket: null }), sound, tell: tellState });
  stream.start();
}

const line = new Line({
  door: async () => ({ url: new URL(root.dataset.embed, location).href, ticket: null }),
  dress(pc) {
    pc.addTransceiver("audio", { direction: "recvonly" });
    pc.ontrack = ({ track }) => {
      sound.srcObject = new MediaStream([track]);
      sound.play().catch(() => { status.textContent = "Press Listen again."; });
    };
  },
  tell: tellState,
  blocked(link) {
    if (!link) return "Your network lets no sound through. Trying again…";
    fallBack(link).catch(() => line.broke());
    return undefined;
  },
});

function draw() {
  const { wanted } = listening();
  button.querySelector("span").textContent = wanted ? "Stop" : "Listen";
  button.classList.toggle("main", !wanted);
}

button.addEventListener("click", () => {
  const now = listening();
  stream = null;
  if (now.wanted) {
    now.stop();
    sound.srcObject = null;
  } else line.start();
  draw();
});
addEventListener("pagehide", () => listening().drop());
// For tests and for support: what was received so far.
window.fedispaceStats = async () => (await listening().stats()).filter((one) => one.type === "inbound-rtp");
setInterval(tell, 1000);
