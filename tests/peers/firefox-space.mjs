// Listens to a Space in Firefox ESR, from its page: `node firefox-space.mjs URL RECORDING [--without-webrtc]`.
// What is heard over plain HTTP goes to RECORDING as it comes, what the page says of it to standard output.
import { appendFileSync } from "node:fs";
import { open } from "./firefox.mjs";

const [url, recording, flag] = process.argv.slice(2);
const page = await open({ "media.peerconnection.enabled": flag !== "--without-webrtc" });
await page.exposeFunction("keep", (piece) => appendFileSync(recording, Buffer.from(piece, "base64")));
await page.exposeFunction("tell", (words) => console.log(`status: ${words}`));
await page.goto(url);
await page.evaluate(() => {
  const status = document.querySelector("[data-status]");
  const tell = () => window.tell(status.textContent.trim());
  new MutationObserver(tell).observe(status, { childList: true, characterData: true, subtree: true });
  // There may be no sound card, and without one a player plays only what is captured.
  const players = [...document.querySelectorAll("audio")].map((player) => [player, player.mozCaptureStream()]);
  const waiting = setInterval(() => {
    const [, captured] = players.find(([player]) => !player.srcObject && player.currentTime > 1) ?? [];
    if (!captured) return;
    clearInterval(waiting);
    const recorder = new MediaRecorder(captured, { mimeType: "audio/ogg", audioBitsPerSecond: 192000 });
    recorder.ondataavailable = async ({ data }) => {
      window.keep(btoa(String.fromCharCode(...new Uint8Array(await data.arrayBuffer()))));
    };
    recorder.start(200);
  }, 200);
});
await page.click("[data-testid=listen-button]");
