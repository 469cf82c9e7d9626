// Puts marks and words into what stands on the page, and leaves alone what says so already.

export function icon(element, name) {
  const use = element.querySelector("use");
  const [shapes] = use.getAttribute("href").split("#");
  if (use.getAttribute("href") !== `${shapes}#${name}`) use.setAttribute("href", `${shapes}#${name}`);
}

export function write(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

// A button says in words, beside its icon, what pressing it does.
export function label(button, words) {
  write(button.querySelector("span"), words);
}
