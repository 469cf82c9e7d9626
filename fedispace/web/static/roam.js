// Walking about with the sound on: while a Space is heard, links and forms bring the new page into
// this one, and a small player stays. The Space's own page is kept whole and put back on return.

import { toast } from "./sheets.js";

export function roam({ root, title, host, isOn, sound, toggle, leave, arrived }) {
  const home = location.pathname;
  const main = document.getElementById("main");
  let kept = null;
  let shown = home;
  let player = null;
  let visits = 0;
  const address = () => location.pathname + location.search;

  function sprite(name) {
    const shapes = root.querySelector("svg.icon use").getAttribute("href").split("#")[0];
    const holder = document.createElement("template");
    holder.innerHTML = `<svg class="icon" aria-hidden="true"><use href="${shapes}#${name}"></use></svg>`;
    return holder.content.firstElementChild;
  }

  function press(words, name, action) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "button round slim";
    made.setAttribute("aria-label", words);
    made.title = words;
    made.append(sprite(name));
    made.addEventListener("click", () => { action(); draw(); });
    return made;
  }

  let pause;
  let mic;
  let behind;

  function show() {
    if (player) return;
    player = document.createElement("section");
    player.className = "dock mini";
    player.setAttribute("aria-label", "Playing");
    player.dataset.testid = "mini-player";
    const words = document.createElement("div");
    words.className = "about-it";
    const live = document.createElement("span");
    live.className = "live";
    live.textContent = "LIVE";
    const back = document.createElement("a");
    back.href = home;
    back.dir = "auto";
    const name = document.createElement("strong");
    name.textContent = title;
    const by = document.createElement("span");
    by.textContent = host;
    behind = document.createElement("span");
    behind.className = "flag";
    behind.textContent = "a few seconds behind";
    back.append(name, by);
    pause = press("Pause", "pause", () => { sound.hush(!sound.isHushed); if (!sound.isHushed) sound.play(); });
    mic = press("Unmute", "mic-off", toggle);
    words.append(live, behind, back, mic, pause, press("Leave", "leave", () => { leave(); hide(); }));
    player.append(words);
    document.body.append(player);
    draw();
  }

  function draw() {
    if (!player) return;
    mic.hidden = !sound.microphone;
    behind.hidden = !sound.isBehind;
    mic.replaceChildren(sprite(sound.isOnAir ? "mic" : "mic-off"));
    mic.setAttribute("aria-label", sound.isOnAir ? "Mute" : "Unmute");
    pause.replaceChildren(sprite(sound.isHushed ? "play" : "pause"));
    pause.setAttribute("aria-label", sound.isHushed ? "Play" : "Pause");
  }

  function hide() {
    player?.remove();
    player = null;
  }

  document.addEventListener("space-over", () => {
    if (!player) return;
    player.querySelector(".live").textContent = "Ended";
    for (const button of player.querySelectorAll("button")) button.remove();
    setTimeout(hide, 8000);
  });

  function settle(path) {
    for (const link of document.querySelectorAll(".rail a")) {
      if (link.getAttribute("href") === path) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
  }

  function comeHome() {
    visits += 1;
    main.replaceChildren(kept);
    kept = null;
    hide();
    document.title = root.dataset.pageTitle;
    settle(home);
  }

  async function visit(url, how = {}, moves = true) {
    visits += 1;
    const number = visits;
    let answer;
    let text;
    try {
      answer = await fetch(url, how);
      text = await answer.text();
    } catch {
      if (number === visits) toast("That page did not come. Try again.", "bad");
      return;
    }
    if (number !== visits) return; // somebody who is faster than the network wants the last page
    const at = new URL(answer.url);
    const page = new DOMParser().parseFromString(text, "text/html");
    const fresh = page.getElementById("main");
    if (!fresh || fresh.querySelector("[data-space]")) {
      location.href = at.href;
      return;
    }
    if (!kept) {
      root.dataset.pageTitle = document.title;
      kept = document.createDocumentFragment();
      kept.append(...main.childNodes);
    }
    main.replaceChildren(...fresh.childNodes);
    document.title = page.title;
    if (moves) history.pushState({ roamed: true }, "", at.href);
    shown = address();
    show();
    settle(at.pathname);
    arrived(main);
  }

  function isOurs(url) {
    return url.origin === location.origin && !/^\/(assets|media|embed)\/|\.ics$|\.rss$/.test(url.pathname);
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (!link || !isOn() || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const url = new URL(link.href);
    if (link.target || link.hasAttribute("download") || !isOurs(url) || (url.pathname === location.pathname && url.hash)) return;
    event.preventDefault();
    link.closest("dialog[open]")?.close();
    if (url.pathname === home && kept) {
      history.pushState(null, "", home);
      comeHome();
    } else {
      visit(url.href);
    }
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!isOn() || event.defaultPrevented || form.matches("[data-swap], [method=dialog]")) return;
    if (root.contains(form) && !form.matches("[data-roams]") && !event.submitter?.matches("[name=do]")) return;
    event.preventDefault();
    const fields = new URLSearchParams(new FormData(form, event.submitter));
    if (form.method === "post") visit(form.action, { method: "POST", body: fields });
    else visit(`${form.action.split("?")[0]}?${fields}`);
  });

  addEventListener("popstate", () => {
    if (!isOn() && !kept) return;
    // Another part of the same page ("Skip to content") is no other page.
    if (kept ? address() === shown : location.pathname === home) return;
    if (location.pathname === home && kept) comeHome();
    else visit(location.href, {}, false);
  });
}
