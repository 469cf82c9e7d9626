// The sheets that buttons of a room open: "more" with its orders, sharing, reporting, help.

import { attempt, open } from "./sheets.js";

export class More {
  // desk(): what hosts can do, where the reader is one. share: what is told to others.
  constructor({ room, key, sound, folk, desk, share, take, draw }) {
    Object.assign(this, { room, desk, share });
    this.sheet = room.find("more-sheet");
    room.find("extras")?.addEventListener("click", () => {
      this.draw();
      open(this.sheet);
    });
    room.find("volume")?.addEventListener("input", (event) => sound.loud(Number(event.target.value)));
    room.find("step-down")?.addEventListener("click", async () => {
      this.sheet.close();
      await attempt(key.call("/room/step_down").then(take));
      sound.stepDown();
      draw();
    });
    for (const one of room.root.querySelectorAll("[data-open]")) {
      one.addEventListener("click", async (event) => {
        const sheet = room.find(one.dataset.open);
        if (!sheet) return;
        event.preventDefault();
        one.closest("dialog")?.close();
        if (one.dataset.open === "share-sheet") {
          const { prepareShare } = await import("./share.js");
          prepareShare(sheet, share);
        }
        if (one.dataset.open === "report-sheet") folk.accuse(null);
        open(sheet);
      });
    }
  }

  // Says what one may do now.
  draw() {
    this.desk()?.orders(this.sheet.querySelector("[data-orders]"), this.sheet);
    const down = this.sheet.querySelector("[data-step-down]");
    if (down) down.hidden = !this.room.may("step_down");
    const keys = this.sheet.querySelector("[data-stream]");
    if (keys) keys.hidden = !this.room.may("stream");
  }
}
