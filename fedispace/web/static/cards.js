// Cards of Spaces follow what happens while a page stays open: scheduled, live, over. The server draws them,
// and each new one takes the place and the height of the old.
import { tell } from "./times.js";

const OPEN = ".spacecard:is([data-state=scheduled], [data-state=live])";

export async function look(root = document) {
  const shown = [...root.querySelectorAll(OPEN)];
  const have = [...new Set(shown.map(({ id, dataset }) => `${id.slice(6)}.${dataset.state}.${dataset.listeners}`))];
  if (!have.length) return;
  let answer;
  try {
    answer = await fetch(`/stage/cards?have=${have.slice(0, 20).join()}`, { headers: { "X-Piece": "cards" } });
  } catch {
    return;
  }
  if (!answer.ok) return;
  const drawn = document.createElement("template");
  drawn.innerHTML = await answer.text();
  for (const fresh of drawn.content.querySelectorAll(".spacecard")) {
    for (const old of root.querySelectorAll(`.spacecard[id="${fresh.id}"]`)) put(old, fresh.cloneNode(true));
  }
}

function put(old, fresh) {
  const hadFocus = old.contains(document.activeElement);
  if (hadFocus && old.dataset.state === fresh.dataset.state) return;
  fresh.style.minBlockSize = `${old.offsetHeight}px`;
  old.replaceWith(fresh);
  tell(fresh);
  if (hadFocus) fresh.querySelector("h2 a").focus({ preventScroll: true });
}
