// The right to be in a room: a pass, got from the server the reader is signed in at, renewed in time.
//
// For a Space of this server the page gets the pass itself. For another server's it gets a ticket, by a
// Join that this server signs, and exchanges it there; the password and the cookies stay here.

import { clientKey, showing } from "./client-key.js";
import { Refusal, refusalOf } from "./line.js";
import { clock, correct } from "./times.js";

const EARLY = 60_000;
const TRIES_AGAIN = 15_000;
// On a way that died without a word nothing is ever answered, and what waits for it would wait for ever.
const ANSWERS_WITHIN = 15_000;

export class Key {
  constructor({ door, csrf, api }) {
    this.door = door;
    this.csrf = csrf;
    this.api = api;
    this.isElsewhere = new URL(api).origin !== location.origin;
    this.pass = null;
    this.until = 0;
    this.asking = null;
    this.heirs = [];
  }

  get isKnown() {
    return Boolean(this.csrf);
  }

  // Calls back with every new pass, for connections that last longer than one.
  onRenewal(heir) {
    this.heirs.push(heir);
  }

  async bearer(fresh = false) {
    if (!this.isKnown) return null;
    if (!fresh && this.pass && clock() < this.until - EARLY) return this.pass;
    this.asking ??= this.ask().finally(() => { this.asking = null; });
    return this.asking;
  }

  forget() {
    this.pass = null;
  }

  async ask() {
    clearTimeout(this.timer);
    const fields = { csrf: this.csrf };
    if (this.pass) fields.renews = this.pass;
    if (this.isElsewhere) fields.client_key = await clientKey();
    const answer = await fetch(this.door, {
      method: "POST",
      body: new URLSearchParams(fields),
      headers: { Accept: "application/json" },
      signal: AbortSignal.timeout(ANSWERS_WITHIN),
    });
    if (!answer.ok) throw await refusalOf(answer);
    correct(answer);
    let given = await answer.json();
    if (given.ticket) given = await this.exchange(given.ticket);
    const isNew = given.pass !== this.pass;
    this.pass = given.pass;
    this.until = Date.parse(given.expires_at);
    this.timer = setTimeout(() => this.renew(), Math.max(TRIES_AGAIN, this.until - clock() - 2 * EARLY));
    if (isNew || given.expires_at) for (const heir of this.heirs) heir(this.pass);
    return this.pass;
  }

  // A server that does not answer just now is asked again; one that refuses is not.
  renew() {
    this.bearer(true).catch((error) => {
      if (!(error instanceof Refusal)) this.timer = setTimeout(() => this.renew(), TRIES_AGAIN);
    });
  }

  async exchange(ticket) {
    const answer = await fetch(`${this.api}/pass`, {
      method: "POST",
      headers: { ...(await showing(ticket)), "Content-Type": "application/json" },
      body: this.pass ? JSON.stringify({ renews: this.pass }) : "{}",
      credentials: "omit",
      signal: AbortSignal.timeout(ANSWERS_WITHIN),
    });
    if (!answer.ok) throw await refusalOf(answer);
    return answer.json();
  }

  // One command to the room's server; its answer, or a Refusal in words a reader can use.
  async call(path, { method = "POST", body, keepalive = false } = {}, again = true) {
    const headers = { Accept: "application/json" };
    const bearer = await this.bearer();
    if (bearer) headers.Authorization = `Bearer ${bearer}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let answer;
    try {
      answer = await fetch(`${this.api}${path}`, {
        method,
        headers,
        keepalive,
        body: body === undefined ? undefined : JSON.stringify(body),
        credentials: "omit",
        signal: AbortSignal.timeout(ANSWERS_WITHIN),
      });
    } catch {
      throw new Refusal(navigator.onLine ? "The room's server cannot be reached just now." : "You are offline.");
    }
    if (answer.status === 401 && bearer && again) {
      await this.bearer(true);
      return this.call(path, { method, body, keepalive }, false);
    }
    if (!answer.ok) {
      const wrong = await refusalOf(answer);
      if (wrong instanceof Refusal) throw wrong;
      throw new Refusal(answer.status === 429 ? "A little slower, please." : "That did not work. Try again in a moment.");
    }
    return answer.status === 204 ? null : answer.json();
  }
}
