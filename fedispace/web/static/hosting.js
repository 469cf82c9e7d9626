// What hosts and co-hosts see and do: the queue of hands, the menu of a person, the order of the room.

import { figure } from "./room.js";
import { paint, pathOf } from "./people.js";
import { button, choose, open, toast } from "./sheets.js";
import { clock, running } from "./times.js";
import { announce } from "./voice.js";

const ASKED = { speaker: "to speak", cohost: "to be co-host", listener: "to listen" };

export class Hosting {
  constructor({ room, key, again }) {
    this.room = room;
    this.key = key;
    this.again = again;
    this.desk = room.find("desk");
    this.seen = null;
    this.desk.querySelector("[data-invite]").addEventListener("submit", (event) => this.invite(event));
    this.desk.addEventListener("click", (event) => {
      const pressed = event.target.closest("[data-hand-of]");
      if (!pressed || pressed.getAttribute("aria-disabled") === "true") return;
      this.act(`/room/hands/${pressed.dataset.handOf}/${pressed.dataset.verdict}`);
    });
    room.root.addEventListener("click", (event) => {
      const pinned = event.target.closest("[data-unpin]");
      if (pinned) this.act(`/room/pins/${pinned.dataset.unpin}`, undefined, "DELETE");
    });
    room.find("pin-form")?.addEventListener("submit", (event) => this.pin(event));
    this.invited();
    setInterval(() => this.tick(), 1000);
  }

  async act(path, body, method = "POST") {
    try {
      await this.key.call(path, { method, body });
      this.again();
      return true;
    } catch (error) {
      toast(error.message, "bad");
      return false;
    }
  }

  get isFull() {
    const { stage = [], stage_limit: limit } = this.room.state;
    return Boolean(limit) && stage.length >= limit;
  }

  draw() {
    const { room, desk } = this;
    desk.hidden = !room.isHost;
    if (!room.isHost) return;
    const { count = 0, queue = [] } = room.state.hands ?? {};
    desk.querySelector("[data-hands-count]").textContent = figure(count);
    desk.querySelector("[data-no-hands]").hidden = count > 0;
    const full = desk.querySelector("[data-full]");
    full.hidden = !(this.isFull && count);
    full.textContent = `Stage is full (${room.state.stage_limit}). Move someone to the audience.`;
    const list = desk.querySelector("[data-queue]");
    const old = new Map([...list.children].map((item) => [item.dataset.account, item]));
    const ids = new Set();
    queue.forEach(({ account, raised_at: at }, index) => {
      const person = room.person(account);
      ids.add(person.id);
      const item = old.get(person.id) ?? this.asking(person, at);
      old.delete(person.id);
      const yes = item.querySelector("[data-verdict=approve]");
      yes.setAttribute("aria-disabled", String(this.isFull));
      yes.title = this.isFull ? full.textContent : "";
      if (list.children[index] !== item) list.insertBefore(item, list.children[index] ?? null);
    });
    for (const item of old.values()) {
      // Who let somebody on stage by keyboard goes on with the next, or is back at the head of the queue.
      const isHere = item.contains(document.activeElement);
      item.remove();
      if (isHere) (list.querySelector("[data-verdict=approve]") ?? desk.querySelector("h2")).focus();
    }
    if (this.seen) {
      const raised = [...ids].filter((id) => !this.seen.has(id)).map((id) => room.people.get(id).name);
      if (raised.length) announce(`${raised.join(" and ")} raised a hand`, "assertive");
    }
    this.seen = ids;
    this.tick();
    const pin = room.find("pin-form");
    if (pin) pin.hidden = !room.may("pin");
  }

  asking(person, at) {
    const item = this.room.fresh("hand");
    item.dataset.account = person.id;
    item.querySelector("[data-waits]").dataset.waits = at;
    paint(item.querySelector(".face"), person);
    item.querySelector(".name").textContent = person.name;
    item.querySelector(".at").textContent = person.handle;
    for (const one of item.querySelectorAll("[data-verdict]")) {
      one.dataset.handOf = person.id;
      one.setAttribute("aria-label", `${one.textContent.trim()} ${person.name}`);
    }
    return item;
  }

  tick() {
    for (const place of this.desk.querySelectorAll("[data-waits]")) {
      const words = `waiting ${running(new Date(place.dataset.waits), new Date(clock()))}`;
      if (place.textContent !== words) place.textContent = words;
    }
  }

  async invite(event) {
    event.preventDefault();
    const form = event.target;
    const handle = form.elements.handle.value.trim();
    const role = form.elements.role.value;
    if (handle && (await this.act("/room/invite", { handle, role }))) {
      form.reset();
      toast(`${handle} has been invited.`);
      this.invited();
    }
  }

  // Who was asked and has not answered yet.
  async invited() {
    const list = this.desk.querySelector("[data-invited]");
    const asked = await this.key.call("/room/invitations", { method: "GET" }).catch(() => null);
    if (!Array.isArray(asked)) return;
    const key = asked.map((one) => `${one.account.id} ${one.role}`).join();
    list.hidden = asked.length === 0;
    if (list.dataset.key === key) return;
    list.dataset.key = key;
    list.replaceChildren(...asked.map((one) => this.listed(one.account, ASKED[one.role], "Withdraw", (item, id) => this.withdraw(item, id))));
  }

  async withdraw(item, id) {
    if (!(await this.act(`/room/invitations/${id}`, undefined, "DELETE"))) return;
    item.remove();
    announce("The invitation is withdrawn.");
    this.invited();
  }

  // Somebody in a list of hosts', with the one thing that can be done about them.
  listed(account, words, verb, pressed) {
    const person = this.room.person(account);
    const item = this.room.fresh("listener");
    paint(item.querySelector(".face"), person);
    item.dataset.account = person.id;
    item.querySelector("a").href = pathOf(person, this.room.here);
    item.querySelector(".name").textContent = person.name;
    item.querySelector(".at").textContent = [person.handle, words].filter(Boolean).join(" · ");
    const made = button(verb, () => pressed(item, person.id), "slim");
    made.setAttribute("aria-label", `${verb}: ${person.name}`);
    item.append(made);
    return item;
  }

  async pin(event) {
    event.preventDefault();
    const form = event.target;
    const url = form.elements.url.value.trim();
    if (url && (await this.act("/room/pins", { url, title: form.elements.title.value.trim() }))) form.reset();
  }

  // What may be done to somebody, in the order of how much it changes.
  menuOf(id) {
    const { room } = this;
    if (!room.isHost || room.isMe(id)) return [];
    const seat = room.state.stage.find((one) => String(one.account.id) === String(id));
    const role = seat?.role ?? "listener";
    const isChief = room.role === "host";
    if (role === "host") return [];
    const name = room.people.get(String(id))?.name ?? "them";
    const at = `/room/people/${id}`;
    const mine = [];
    const add = (words, path, body, kind = "", asks = "") => mine.push({ words, kind, asks, go: () => this.act(path, body) });
    if (seat) {
      if (seat.is_muted && !seat.may_unmute) add("Let them unmute", `${at}/unmute`);
      if (!seat.is_muted) add("Mute", `${at}/mute`, { hard: false });
      add("Mute until I allow it", `${at}/mute`, { hard: true });
      if (role === "speaker" || isChief) add("Move to the audience", `${at}/move`);
    } else {
      add("Invite to speak", "/room/invite", { account_id: String(id), role: "speaker" });
    }
    if (isChief && role !== "cohost") add("Make co-host", `${at}/cohost`);
    if (isChief && role === "cohost") add("No longer co-host", `${at}/demote`);
    if (isChief && seat) add("Hand the room over", "/room/hand_over", { account_id: String(id) }, "", `${name} will host, and you will be co-host.`);
    if (role !== "cohost" || isChief) {
      add("Remove from this Space", `${at}/remove`, undefined, "warn", `${name} goes out and cannot come back to this Space until you let them in again.`);
      add("Ban from all my Spaces", `${at}/ban`, undefined, "warn", `${name} goes out, and comes into none of your Spaces any more.`);
    }
    return mine;
  }

  // The part of "More" that only hosts have.
  orders(place, sheet) {
    const { room } = this;
    const order = (words, path, kind = "") => button(words, async () => {
      sheet.close();
      await this.act(path);
    }, kind);
    const made = [];
    if (room.may("mute_all")) made.push(order("Mute everybody else", "/room/mute_all"));
    if (room.may("pause")) made.push(room.state.is_paused ? order("Let the room go on", "/room/resume") : order("Pause the room", "/room/pause"));
    if (room.may("see_removed")) made.push(button("Who was removed…", () => { sheet.close(); this.removed(); }));
    if (room.may("end")) {
      made.push(button("End for everyone…", async () => {
        sheet.close();
        if (await this.confirm("The sound stops for all who listen. Its thread stays; it cannot be opened again.")) await this.act("/room/end");
      }, "warn"));
    }
    place.replaceChildren(...made);
    place.hidden = made.length === 0;
  }

  async removed() {
    const sheet = room(this.room, "removed-sheet");
    const list = sheet.querySelector("ul");
    let people = [];
    try {
      const found = await this.key.call("/room/removed", { method: "GET" });
      people = found;
    } catch (error) {
      toast(error.message, "bad");
      return;
    }
    list.replaceChildren(...people.map((one) => this.listed(one.account, "", "Let in again", async (item, id) => {
      if (await this.act(`/room/people/${id}/readmit`)) item.remove();
    })));
    sheet.querySelector("[data-none]").hidden = people.length > 0;
    open(sheet);
  }

  async confirm(words) {
    const sheet = room(this.room, "confirm-sheet");
    sheet.querySelector("[data-words]").textContent = words;
    return (await choose(sheet)) === "yes";
  }
}

function room(of, name) {
  return of.root.querySelector(`[data-${name}]`);
}
