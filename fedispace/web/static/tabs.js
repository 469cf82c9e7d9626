// Sections one below the other become tabs: arrows move between them, the address does not change.

export function tabs(root) {
  const list = root.querySelector("[data-tabs]");
  if (!list) return;
  const all = [...list.querySelectorAll("a")];
  const panels = all.map((tab) => root.querySelector(tab.getAttribute("href")));
  list.setAttribute("role", "tablist");
  all.forEach((tab, index) => {
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", panels[index].id);
    panels[index].setAttribute("role", "tabpanel");
    panels[index].setAttribute("aria-labelledby", tab.id);
    tab.addEventListener("click", (event) => {
      event.preventDefault();
      event.stopPropagation();
      select(index);
    });
  });
  list.addEventListener("keydown", (event) => {
    const rtl = getComputedStyle(list).direction === "rtl";
    const step = { ArrowRight: rtl ? -1 : 1, ArrowLeft: rtl ? 1 : -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const now = all.indexOf(document.activeElement);
    const next = (now + step + all.length) % all.length;
    select(next);
    all[next].focus();
  });

  function select(chosen) {
    all.forEach((tab, index) => {
      const on = index === chosen;
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
      panels[index].hidden = !on;
    });
  }
  const named = all.findIndex((tab) => tab.getAttribute("href") === location.hash);
  const first = root.dataset.state === "scheduled" ? all.findIndex((tab) => tab.getAttribute("href") === "#about") : 0;
  select(named < 0 ? first : named);
}
