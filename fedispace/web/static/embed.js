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

const line = new Line({
  door: async () => ({ url: new URL(root.dataset.embed, location).href, ticket: null }),
  dress(pc) {
    pc.addTransceiver("audio", { direction: "recvonly" });
    pc.ontrack = ({ track }) => {
      sound.srcObject = new MediaStream([track]);
      sound.play().catch(() => { status.textContent = "Press Listen again."; });
    };
  },
  tell(kind, words) {
    status.textContent = say[kind] ?? words;
    if (kind === "on") sound.play().catch(() => {});
    draw();
  },
});

function draw() {
  button.querySelector("span").textContent = line.wanted ? "Stop" : "Listen";
  button.classList.toggle("main", !line.wanted);
}

button.addEventListener("click", () => {
  if (line.wanted) {
    line.stop();
    sound.srcObject = null;
  } else line.start();
  draw();
});
addEventListener("pagehide", () => line.drop());
// For tests and for support: what was received so far.
window.fedispaceStats = async () => (await line.stats()).filter((one) => one.type === "inbound-rtp");
setInterval(tell, 1000);
