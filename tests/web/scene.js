// What the scripts of a room find around them in tests: timers, a clock and sockets that a test moves.

const timers = new Map();
let now = 1_700_000_000_000, number = 0;
globalThis.setTimeout = (action, pause = 0) => { timers.set(number += 1, { action, at: now + pause }); return number; };
globalThis.setInterval = (action, pause) => { timers.set(number += 1, { action, at: now + pause, every: pause }); return number; };
globalThis.clearTimeout = globalThis.clearInterval = (one) => { timers.delete(one); };
Date.now = () => now;
performance.now = () => now;
const calm = async () => { for (let turn = 0; turn < 20; turn += 1) await null; };
async function pass(time) {
  await calm();
  for (const end = now + time; ;) {
    const next = [...timers].filter(([, one]) => one.at <= end).sort(([, a], [, b]) => a.at - b.at)[0];
    if (!next) { now = end; break; }
    const [id, one] = next;
    now = one.at;
    if (one.every) one.at += one.every; else timers.delete(id);
    one.action();
    await calm();
  }
}
AbortSignal.timeout = (time) => {
  const over = new AbortController();
  setTimeout(() => over.abort(new DOMException("too late", "TimeoutError")), time);
  return over.signal;
};
const listeners = {};
const listen = (name, action) => (listeners[name] ??= []).push(action);
const happen = (name, event = {}) => { for (const action of listeners[name] ?? []) action(event); };
globalThis.addEventListener = listen;
globalThis.removeEventListener = (name, action) => { listeners[name] = (listeners[name] ?? []).filter((one) => one !== action); };
globalThis.document = { hidden: false, addEventListener: listen, removeEventListener: globalThis.removeEventListener };
Object.defineProperty(globalThis, "navigator", { value: { onLine: true }, configurable: true });
globalThis.location = { origin: "https://here.test", pathname: "/@alice/spaces/1", search: "" };
const sockets = [];
globalThis.WebSocket = class {
  static CLOSING = 2;
  constructor(url) { Object.assign(this, { url, said: [], readyState: 0 }); sockets.push(this); }
  send(text) { this.said.push(JSON.parse(text)); }
  close() { this.isClosed = true; }
  hello() { this.onopen?.(); this.onmessage?.({ data: '{"event":"hello"}' }); }
  tell(event) { this.onmessage?.({ data: JSON.stringify({ event }) }); }
  die(code) { this.isClosed = true; this.onclose?.({ code }); }
};
let given;
const told = (value) => { given = value; };
process.on("exit", () => process.stdout.write(JSON.stringify(given ?? null)));
