// The room as it is drawn: what the server says of it, put into the page in place.
//
// Seats keep their elements while their people stay, so nothing jumps, and nothing is focused away.

import { icon, write } from "./drawing.js";
import { paint, pathOf, personOf } from "./people.js";
import { announce, mention } from "./voice.js";

const ROLES = { host: "Host", cohost: "Co-host", speaker: "Speaker" };
const ON_STAGE = new Set(Object.keys(ROLES));
const WORDS = { "👏": "applause", "❤️": "hearts", "😂": "laughter", "🎉": "cheers", "🔥": "fire", "🤔": "thinking", "👍": "thumbs up", "💯": "a hundred" };
const MOST_BUBBLES = 24;
const RISES = 2600;
const SAID_TOGETHER = 1500;

export const ordinal = (number) => {
  const ending = { one: "st", two: "nd", few: "rd", other: "th" }[new Intl.PluralRules("en", { type: "ordinal" }).select(number)];
  return `${number}${ending}`;
};

export const figure = (number) => new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(number).toLowerCase();

// By a shape, and in words, besides the colour.
function tellHow(seat) {
  const is = (name) => seat.classList.contains(name);
  icon(seat.querySelector(".badge"), is("talking") ? "wave" : is("muted") ? "mic-off" : "mic");
  write(seat.querySelector("[data-how]"), is("talking") ? "speaking" : is("away") ? "on the way" : is("muted") ? "muted" : "");
}

export class Room {
  constructor(root, { domain, here }) {
    this.root = root;
    this.domain = domain;
    this.here = here;
    this.state = null;
    this.people = new Map();
    this.accounts = new Map();
    this.speaking = new Set();
    this.reacted = new Map();
    this.reacting = null;
    this.known = false;
  }

  find(name) {
    return this.root.querySelector(`[data-${name}]`);
  }

  fresh(name) {
    return this.root.querySelector(`template[data-template=${name}]`).content.firstElementChild.cloneNode(true);
  }

  get you() {
    return this.state?.you ?? null;
  }

  get role() {
    return this.you?.role ?? "listener";
  }

  get isOnStage() {
    return ON_STAGE.has(this.role);
  }

  get isHost() {
    return this.role === "host" || this.role === "cohost";
  }

  may(action) {
    return Boolean(this.you?.may?.includes(action));
  }

  isMe(id) {
    return Boolean(this.you?.account) && String(this.you.account.id) === String(id);
  }

  // Draws a stage that is told by ids; false if somebody is on it whom nobody has introduced yet.
  stageOf(seats) {
    const known = seats.map((one) => ({ ...one, account: this.accounts.get(String(one.account.id)) }));
    if (!this.state || known.some((one) => !one.account)) return false;
    this.stage(known, [...this.speaking]);
    return true;
  }

  person(account) {
    const person = personOf(account, this.domain);
    this.people.set(person.id, person);
    this.accounts.set(person.id, account);
    return person;
  }

  // The whole truth about the room, from `hello` or from GET .../room.
  apply(state) {
    this.state = state;
    this.stage(state.stage ?? []);
    this.listeners(state.listeners ?? {});
    this.pins(state.pins ?? []);
    this.paused(Boolean(state.is_paused));
    this.known = true;
  }

  stage(seats, speaking = seats.filter((one) => one.is_speaking).map((one) => String(one.account.id))) {
    if (this.state) this.state.stage = seats;
    const list = this.find("seats");
    if (!list) return;
    const old = new Map([...list.querySelectorAll("[data-account]")].map((seat) => [seat.dataset.account, seat]));
    const came = [];
    seats.forEach((one, index) => {
      const person = this.person(one.account);
      let seat = old.get(person.id);
      if (!seat) {
        seat = [...old.values()].find((other) => other.dataset.seat === person.handle) ?? this.fresh("seat");
        if (!old.has(seat.dataset.account)) came.push(person.name);
      }
      old.delete(seat.dataset.account);
      this.dress(seat, person, one);
      if (list.children[index] !== seat) list.insertBefore(seat, list.children[index] ?? null);
    });
    for (const seat of old.values()) seat.remove();
    list.classList.toggle("many", seats.length > 6);
    if (this.known && came.length) announce(`${came.join(", ")} came on stage.`);
    this.speak(speaking, false);
  }

  dress(seat, person, one) {
    seat.dataset.seat = person.handle;
    seat.dataset.account = person.id;
    const muted = one.is_muted || !one.has_mic_on;
    const away = one.is_connected === false && !one.has_mic_on;
    seat.classList.toggle("muted", muted);
    seat.classList.toggle("away", away);
    paint(seat.querySelector(".face"), person);
    write(seat.querySelector(".name"), person.name);
    const chip = seat.querySelector("[data-role]");
    chip.className = `role chip ${one.role}`;
    write(chip, ROLES[one.role]);
    write(seat.querySelector(".at"), person.host);
    tellHow(seat);
    seat.querySelector("[data-person]").href = pathOf(person, this.here);
  }

  speak(ids, isNews = true) {
    const before = this.speaking;
    this.speaking = new Set(ids.map(String));
    for (const seat of this.root.querySelectorAll("[data-seats] [data-account]")) {
      const talks = this.speaking.has(seat.dataset.account);
      if (talks) seat.classList.remove("away");
      seat.classList.toggle("talking", talks);
      tellHow(seat);
    }
    if (!isNews) return;
    const begun = [...this.speaking].filter((id) => !before.has(id) && !this.isMe(id)).map((id) => this.people.get(id)?.name).filter(Boolean);
    if (begun.length) mention(`${begun.join(" and ")} ${begun.length > 1 ? "are" : "is"} talking.`);
  }

  // Where nobody tells who speaks and one seat is taken, the sound itself tells.
  level(heard) {
    const seats = this.root.querySelectorAll("[data-seats] .seat");
    for (const seat of seats) {
      const mine = seats.length === 1 || seat.classList.contains("talking");
      seat.querySelector("[data-ring]").style.setProperty("--level", mine ? heard.toFixed(2) : "0");
    }
    if (seats.length === 1 && !this.hasSignal) seats[0].classList.toggle("talking", heard > 0);
  }

  presence(count) {
    if (this.state?.listeners) this.state.listeners.count = count;
    write(this.find("count"), figure(count));
    const named = this.root.querySelectorAll("[data-listeners] > li").length;
    const hidden = Math.max(0, count - named);
    write(this.find("private"), hidden === 1 ? "1 anonymous listener" : `${figure(hidden)} anonymous listeners`);
    for (const mark of this.root.querySelectorAll("[data-tab-count=listeners]")) write(mark, figure(count));
  }

  listeners({ count = 0, shown = [] }) {
    const list = this.find("listeners");
    if (list) {
      list.replaceChildren(...shown.map((account) => {
        const person = this.person(account);
        const item = this.fresh("listener");
        item.dataset.account = person.id;
        paint(item.querySelector(".face"), person);
        write(item.querySelector(".name"), person.name);
        write(item.querySelector(".at"), person.handle);
        item.querySelector("a").href = pathOf(person, this.here);
        return item;
      }));
    }
    this.presence(count);
  }

  pins(pins) {
    if (this.state) this.state.pins = pins;
    const list = this.find("pins");
    if (!list) return;
    const safe = (href) => (/^https?:\/\//i.test(href) ? href : "#");
    list.replaceChildren(...pins.map((pin) => {
      const item = this.fresh("pin");
      item.dataset.pin = pin.id;
      const link = item.querySelector("a");
      link.href = safe(pin.url);
      link.textContent = pin.title;
      if (this.may("pin")) {
        const off = document.createElement("button");
        off.type = "button";
        off.className = "button bare slim";
        off.dataset.unpin = pin.id;
        off.textContent = "Unpin";
        item.querySelector(".end").append(off);
      }
      return item;
    }));
    this.find("no-pins").hidden = pins.length > 0;
    const banner = this.find("pinned");
    const last = pins[pins.length - 1];
    if (banner) {
      banner.hidden = !last;
      const link = banner.querySelector("a") ?? banner.appendChild(document.createElement("a"));
      if (last) {
        link.href = safe(last.url);
        link.target = "_blank";
        link.rel = "nofollow noopener";
        write(link, last.title);
      }
    }
    for (const mark of this.root.querySelectorAll("[data-tab-count=pinned]")) write(mark, pins.length ? String(pins.length) : "");
  }

  paused(isPaused) {
    if (this.state) this.state.is_paused = isPaused;
    const flag = this.find("paused");
    if (flag && flag.hidden === isPaused) {
      flag.hidden = !isPaused;
      if (this.known) announce(isPaused ? "The hosts paused the room." : "The room goes on.");
    }
    this.root.classList.toggle("is-paused", isPaused);
  }

  react(counts) {
    const place = this.find("bubbles");
    for (const [emoji, count] of Object.entries(counts)) {
      this.reacted.set(emoji, (this.reacted.get(emoji) ?? 0) + count);
      if (place) this.rise(place, emoji, count);
    }
    this.reacting ??= setTimeout(() => {
      announce([...this.reacted].map(([emoji, count]) => `${count} ${WORDS[emoji] ?? emoji}`).join(", "));
      this.reacted.clear();
      this.reacting = null;
    }, SAID_TOGETHER);
  }

  // One bubble says how many: a crowd does not become a storm.
  rise(place, emoji, count) {
    if (place.childElementCount >= MOST_BUBBLES) place.firstElementChild.remove();
    const bubble = document.createElement("span");
    bubble.dataset.reaction = emoji;
    bubble.textContent = emoji;
    if (count > 1) {
      const many = document.createElement("b");
      many.textContent = String(count);
      bubble.append(many);
    }
    bubble.style.setProperty("--x", `${8 + Math.random() * 84}%`);
    bubble.style.setProperty("--tilt", `${Math.round(Math.random() * 24 - 12)}deg`);
    place.append(bubble);
    setTimeout(() => bubble.remove(), RISES);
  }
}
