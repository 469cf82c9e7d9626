// Keeps times true while a page stays open, and puts them into the reader's own zone.

// The reader's clock may be wrong by minutes. What a server says of now, in the head of its answers, counts.
const WRONG = 5000;
let offset = 0;

export function correct(answer) {
  const said = Date.parse(answer.headers.get("Date") ?? "");
  if (said) offset = Math.abs(said - Date.now()) > WRONG ? said - Date.now() : 0;
}

export const clock = () => Date.now() + offset;

const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const dayOfYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "long", timeStyle: "short" });
const soon = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

export function ago(moment, now) {
  const seconds = Math.floor((now - moment) / 1000);
  if (seconds < 45) return "now";
  if (seconds < 3600) return `${Math.max(1, Math.floor(seconds / 60))} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
  if (seconds < 604800) return `${Math.floor(seconds / 86400)} d`;
  return (moment.getFullYear() === now.getFullYear() ? day : dayOfYear).format(moment);
}

export function ahead(moment, now) {
  const seconds = (moment - now) / 1000;
  if (seconds < -3600) return "waiting for its host";
  if (seconds <= 0) return "any minute now";
  if (seconds < 5400) return `in ${Math.max(1, Math.round(seconds / 60))} min`;
  return soon.format(moment);
}

export function running(start, now) {
  const seconds = Math.max(0, Math.floor((now - start) / 1000));
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return hours ? `${hours}:${rest}` : rest;
}

export function countdown(moment, now) {
  const seconds = Math.floor((moment - now) / 1000);
  if (seconds < -3600) return "waiting for its host";
  if (seconds <= 0) return "any minute now";
  const days = Math.floor(seconds / 86400);
  const clock = [Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60].map((one) => String(one).padStart(2, "0")).join(":");
  return days ? `in ${days} ${days === 1 ? "day" : "days"}, ${clock}` : `in ${clock}`;
}

const forms = {
  ago: [ago, 30000],
  ahead: [ahead, 30000],
  running: [running, 1000],
  countdown: [countdown, 1000],
  localTime: [(moment) => exact.format(moment), 3600000],
};

export function tell(root = document) {
  const now = new Date(clock());
  for (const [name, [words]] of Object.entries(forms)) {
    const attribute = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    for (const element of root.querySelectorAll(`time[data-${attribute}]`)) {
      const moment = new Date(element.dateTime);
      const said = words(moment, now);
      if (element.textContent !== said) element.textContent = said;
      if (!element.dataset.zoned) {
        element.dataset.zoned = "1";
        element.title = exact.format(moment);
      }
    }
  }
}

export function keepTime() {
  tell();
  setInterval(() => { if (!document.hidden) tell(); }, 1000);
}
