// Walking about with the sound on: while a Space is heard, links and forms bring the new page into
// this one, and a small player stays. The Space's own page is kept whole and put back on return.

export function roam({ root, title, isOn, leave, arrived }) {
  const home = location.pathname;
  const main = document.getElementById("main");
  let kept = null;
  let player = null;

  function show() {
    if (player) return;
    player = document.createElement("section");
    player.className = "dock mini";
    player.setAttribute("aria-label", "Playing");
    const words = document.createElement("div");
    words.className = "about-it";
    const live = document.createElement("span");
    live.className = "live";
    live.textContent = "LIVE";
    const back = document.createElement("a");
    back.href = home;
    back.dir = "auto";
    back.textContent = title;
    const out = document.createElement("button");
    out.type = "button";
    out.className = "button slim";
    out.textContent = "Leave";
    out.addEventListener("click", () => { leave(); hide(); });
    words.append(live, back, out);
    player.append(words);
    document.body.append(player);
  }

  function hide() {
    player?.remove();
    player = null;
  }

  function settle(path) {
    for (const link of document.querySelectorAll(".rail a")) {
      if (link.getAttribute("href") === path) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
  }

  function comeHome() {
    main.replaceChildren(kept);
    kept = null;
    hide();
    document.title = root.dataset.pageTitle;
    settle(home);
  }

  async function visit(url, how = {}, moves = true) {
    let answer;
    try {
      answer = await fetch(url, how);
    } catch {
      return;
    }
    const at = new URL(answer.url);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
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
    show();
    settle(at.pathname);
    arrived(main);
  }

  function isOurs(url) {
    return url.origin === location.origin && !url.pathname.startsWith("/assets/");
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (!link || !isOn() || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const url = new URL(link.href);
    if (!isOurs(url) || (url.pathname === location.pathname && url.hash)) return;
    event.preventDefault();
    if (url.pathname === home && kept) {
      history.pushState(null, "", home);
      comeHome();
    } else {
      visit(url.href);
    }
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!isOn() || event.defaultPrevented || form.matches("[data-swap]") || root.contains(form)) return;
    event.preventDefault();
    const fields = new URLSearchParams(new FormData(form, event.submitter));
    if (form.method === "post") visit(form.action, { method: "POST", body: fields });
    else visit(`${form.action.split("?")[0]}?${fields}`);
  });

  addEventListener("popstate", () => {
    if (!isOn() && !kept) return;
    if (location.pathname === home && kept) comeHome();
    else visit(location.href, {}, false);
  });
}
