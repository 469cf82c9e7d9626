// Letters do what the buttons of the dock do, where nobody is writing and the reader has not turned them off.

import { keep, kept } from "./memory.js";

// acts: what a letter does; hand: the button that "h" stands for; reactions: what Escape closes.
export function shortcuts({ room, isLive, isThere, acts, hand, reactions }) {
  const box = room.find("keys");
  if (box) {
    box.checked = kept("keys") !== "off";
    box.addEventListener("change", () => keep("keys", box.checked ? "on" : "off"));
  }

  document.addEventListener("keydown", (event) => {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest?.("input, textarea, select, [contenteditable], dialog[open]")) return;
    if (!room.root.isConnected || !isThere) return;
    const chosen = acts[event.key.toLowerCase()];
    if (event.key === "Escape" && reactions.isOpen) {
      reactions.dismiss();
    } else if (chosen && box?.checked && isLive() && !(event.key === "h" && hand.hidden)) {
      event.preventDefault();
      chosen();
    }
  });
}
