// What is said aloud to who does not look: one polite region, one that interrupts, and not too often.

const EVERY = 5000;
const regions = {};
const queue = { at: 0, words: "", timer: 0 };

// They stand in the page before anything is said: what comes together with its words is not read out.
for (const kind of ["polite", "assertive"]) {
  const made = document.createElement("p");
  made.className = "unseen";
  made.setAttribute("aria-live", kind);
  made.dataset.said = kind;
  document.body.append(made);
  regions[kind] = made;
}

export function announce(words, kind = "polite") {
  regions[kind].textContent = words;
}

// Only the last of what comes within five seconds is said.
export function mention(words) {
  queue.words = words;
  if (queue.timer) return;
  queue.timer = setTimeout(() => {
    queue.timer = 0;
    queue.at = performance.now();
    announce(queue.words);
  }, Math.max(0, queue.at + EVERY - performance.now()));
}
