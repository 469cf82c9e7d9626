// What the reader chose once and is not asked again, as far as the browser keeps it.

export function kept(name) {
  try { return localStorage.getItem(name); } catch { return null; }
}

export function keep(name, value) {
  try { localStorage.setItem(name, value); } catch { /* asked again next time */ }
}
