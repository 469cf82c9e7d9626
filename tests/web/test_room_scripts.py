"""The scripts of a room by themselves, in the JavaScript engine that comes with Playwright.

There is no page and no network. What is under test is time and order: two things at once, an answer that
never comes, a clock that is wrong. So the timers, the clock and the sockets are made here (`scene.js`), and
a test says when each goes on.
"""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import playwright
import pytest

from tests.ground.ground import Missing

ENGINE = Path(playwright.__file__).parent / "driver" / "node"
STATIC = Path(__file__).parents[2] / "fedispace" / "web" / "static"
STAGE = (Path(__file__).parent / "scene.js").read_text()

Play = Callable[..., Any]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Run a scene and return what it tells."""
    if not ENGINE.exists():
        raise Missing("there is no JavaScript engine (pip install playwright)")
    for script in STATIC.glob("*.js"):
        shutil.copy(script, tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')

    def run(scene: str) -> Any:
        (tmp_path / "scene.js").write_text(STAGE + scene)
        done = subprocess.run(
            [str(ENGINE), "scene.js"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


SIGNAL = """
const { Signal } = await import("./signal.js");
const { Refusal } = await import("./line.js");
const asked = [];
const key = { onRenewal() {}, forget() {}, bearer: () => new Promise((yes, no) => asked.push({ yes, no })) };
const changes = [];
const changed = (isOpen) => changes.push(isOpen);
const signal = new Signal({ url: "https://here.test/signal", key, heard() {}, changed });
signal.start();
await calm();
"""


def test_a_page_that_wakes_twice_while_it_asks_for_its_pass_opens_one_socket(play: Play) -> None:
    assert play(
        SIGNAL
        + """
happen("visibilitychange"); happen("online");
await pass(10);
for (const one of asked) one.yes("fsp_1");
await pass(1000);
told([asked.length, sockets.length]);
"""
    ) == [1, 1]


def test_who_leaves_while_the_pass_is_asked_for_opens_no_socket(play: Play) -> None:
    assert (
        play(
            SIGNAL
            + """
signal.stop();
asked[0].yes("fsp_1");
await pass(60_000);
told(sockets.length);
"""
        )
        == 0
    )


def test_who_cannot_ask_for_a_pass_just_now_does_not_come_as_a_stranger(play: Play) -> None:
    """As a stranger one is off the stage."""
    said = play(
        SIGNAL
        + """
asked[0].no(new TypeError("Failed to fetch"));
await pass(5000);
const before = sockets.length;
asked[1].yes("fsp_2");
await pass(10);
sockets[0].hello();
told([before, sockets[0].said[0]]);
"""
    )
    assert said == [0, {"pass": "fsp_2"}]


def test_who_is_refused_a_pass_listens_as_a_visitor(play: Play) -> None:
    assert play(
        SIGNAL
        + """
asked[0].no(new Refusal("You can't join with this account."));
await pass(10);
sockets[0].hello();
told(sockets[0].said[0]);
"""
    ) == {"pass": None}


QUIET_ROOM = """
asked[0].yes("fsp_1");
await pass(10);
sockets[0].hello();
"""


def test_a_way_that_died_without_a_word_is_left_for_another(play: Play) -> None:
    assert play(
        SIGNAL
        + QUIET_ROOM
        + """
sockets[0].tell("pong");
await pass(60_000);
asked[1]?.yes("fsp_1");
await pass(10);
told([sockets.length, sockets[0].isClosed, changes]);
"""
    ) == [2, True, [True, False]]


def test_a_quiet_room_whose_server_answers_is_stayed_in(play: Play) -> None:
    assert play(
        SIGNAL
        + QUIET_ROOM
        + """
sockets[0].send = function send(text) { if (text.includes("ping")) this.tell("pong"); };
await pass(3600_000);
told([sockets.length, sockets[0].isClosed ?? false, timers.size < 5]);
"""
    ) == [1, False, True]


def test_a_server_that_knows_no_pings_is_not_left_for_that(play: Play) -> None:
    assert play(
        SIGNAL
        + QUIET_ROOM
        + """
await pass(3600_000);
told([sockets.length, sockets[0].isClosed ?? false]);
"""
    ) == [1, False]


def test_a_server_that_says_hello_and_goes_again_is_asked_ever_more_rarely(play: Play) -> None:
    said = play(
        SIGNAL.replace("asked.push({ yes, no })", "yes('fsp_1')")
        + """
for (const end = now + 60_000; now < end;) {
  await pass(50);
  const last = sockets.at(-1);
  if (!last.isClosed) { last.hello(); last.die(1001); }
}
told(sockets.length);
"""
    )
    assert 4 <= said <= 14


KEY = """
const answers = [];
globalThis.fetch = async () => { answers.push(now); return reply(); };
const server = { behind: 0, down: false };
const reply = () => {
  if (server.down) throw new TypeError("Failed to fetch");
  const there = now - server.behind;
  return { ok: true, status: 200, headers: new Headers({ Date: new Date(there).toUTCString() }),
    json: async () => ({ pass: "fsp_1", expires_at: new Date(there + 900_000).toISOString() }) };
};
const { Key } = await import("./key.js");
const key = new Key({ door: "/stage/1/pass", csrf: "c", api: "https://here.test/api" });
"""


@pytest.mark.parametrize("minutes", [-30, 0, 30])
def test_a_reader_whose_clock_is_wrong_asks_for_a_pass_as_often_as_others(play: Play, minutes: int) -> None:
    said = play(
        KEY
        + f"""
server.behind = {minutes} * 60_000;
for (let turn = 0; turn < 5; turn += 1) {{ await key.bearer(); await pass(1000); }}
const soon = answers.length;
await pass(3600_000);
told([soon, answers.length]);
"""
    )
    assert said[0] == 1
    assert 4 <= said[1] <= 7


def test_a_renewal_that_finds_nobody_at_home_is_tried_again_before_the_pass_ends(play: Play) -> None:
    said = play(
        KEY
        + """
await key.bearer();
await pass(770_000);
server.down = true;
await pass(20_000);
server.down = false;
await pass(40_000);
told([answers.length > 2, key.until - now > 600_000]);
"""
    )
    assert said == [True, True]


def test_how_long_a_room_has_been_live_does_not_depend_on_the_readers_clock(play: Play) -> None:
    assert play("""
const { clock, correct } = await import("./times.js");
const at = now - 20 * 60_000;
correct({ headers: new Headers({ Date: new Date(at).toUTCString() }) });
const far = Math.abs(clock() - at) < 1000;
correct({ headers: new Headers({ Date: new Date(now + 1500).toUTCString() }) });
told([far, clock() === now]);
""") == [True, True]


def test_more_ways_to_post_sends_nothing(play: Play) -> None:
    assert (
        play("""
const { stay } = await import("./stay.js");
let sent = 0;
globalThis.fetch = async () => { sent += 1; throw new Error("sent"); };
stay(document, () => {});
const form = { closest: () => true, querySelector: () => ({}), elements: {}, action: "/compose" };
const submitter = { matches: (selector) => selector === "[name=do]" };
happen("submit", { target: form, submitter, preventDefault() { sent += 1; } });
await calm();
told(sent);
""")
        == 0
    )


def test_another_part_of_the_rooms_own_page_does_not_load_it_again(play: Play) -> None:
    """ "Skip to content", for one, while the sound is on."""
    assert (
        play("""
const fetched = [];
globalThis.fetch = async (url) => { fetched.push(url); throw new Error("offline"); };
document.getElementById = () => ({});
const { roam } = await import("./roam.js");
roam({ root: {}, title: "", host: "", isOn: () => true, sound: {}, toggle() {}, leave() {}, arrived() {} });
location.href = "https://here.test/@alice/spaces/1#main";
happen("popstate");
await calm();
told(fetched);
""")
        == []
    )


def test_who_leaves_while_the_browser_asks_has_no_microphone_open(play: Play) -> None:
    assert play("""
document.createElement = () => ({ set srcObject(value) {} });
document.body = { append() {} };
globalThis.MediaStream = class {};
let allow;
navigator.mediaDevices = { getUserMedia: () => new Promise((yes) => { allow = yes; }) };
const { Sound } = await import("./sound.js");
const doors = { whep: "/whep", whip: "/whip", key: {}, isOpen: true };
const sound = new Sound({ ...doors, tell() {}, stalled() {}, levels() {} });
const going = sound.takeStage(false);
await calm();
sound.stop();
let isStopped = false;
allow({ getAudioTracks: () => [{ addEventListener() {}, stop() { isStopped = true; } }] });
await going;
told([isStopped, sound.microphone, sound.isWanted]);
""") == [True, None, False]


def test_a_line_that_is_refused_again_and_again_leaves_nothing_behind(play: Play) -> None:
    assert play("""
globalThis.RTCPeerConnection = class { close() {} async setLocalDescription() {} };
const { Line, Refusal } = await import("./line.js");
const line = new Line({ door: async () => { throw new Refusal("No."); }, dress() {}, tell() {} });
for (let turn = 0; turn < 5; turn += 1) { line.start(); await pass(10); }
told([timers.size, (listeners.online ?? []).length]);
""") == [0, 0]


def test_a_stream_that_is_heard_for_hours_leaves_nothing_behind(play: Play) -> None:
    assert play("""
const { getEventListeners } = await import("node:events");
const page = (packet) => [0x4f, 0x67, 0x67, 0x53, ...Array(22).fill(0), 1, packet.length, ...packet];
const bytes = (packet) => Uint8Array.from(page(packet));
let signal;
let sent = 0;
const read = async () => {
  sent += 1;
  if (sent > 1000) return new Promise(() => {});
  return { value: bytes(sent < 3 ? Array(19).fill(1) : [0xf8, 1, 2]) };
};
globalThis.fetch = async (url, how) => {
  if (how.method === "POST") return { status: 201, json: async () => ({ session: "/s", url: "/u" }) };
  signal = how.signal;
  return { ok: true, body: { getReader: () => ({ read }) } };
};
class Target extends EventTarget {
  soon(name) { queueMicrotask(() => this.dispatchEvent(new Event(name))); }
}
globalThis.MediaSource = class extends Target {
  static isTypeSupported() { return true; }
  constructor() { super(); globalThis.media = this; }
  addSourceBuffer() {
    return Object.assign(new Target(), { buffered: [], appendBuffer() { this.soon("updateend"); } });
  }
};
URL.createObjectURL = () => "blob:1";
URL.revokeObjectURL = () => {};
const { Stream } = await import("./stream.js");
const sound = { removeAttribute() {}, load() {}, set src(_) { media.soon("sourceopen"); } };
const door = async () => ({ url: "https://here.test/stream", ticket: null });
new Stream({ door, sound, tell() {} }).start();
for (let turn = 0; turn < 50_000 && sent <= 1000; turn += 1) await calm();
told([sent > 1000, getEventListeners(signal, "abort").length < 5]);
""") == [True, True]


def test_a_player_that_fails_as_soon_as_it_begins_is_asked_ever_more_seldom(play: Play) -> None:
    """Firefox does, where there is no sound card."""
    assert play("""
let asked = 0;
globalThis.fetch = async (url, { method }) => {
  if (method === "POST") asked += 1;
  return { status: 201, json: async () => ({ session: "/s", url: "/u" }) };
};
const sound = Object.assign(new EventTarget(), {
  canPlayType: () => "maybe", play: async () => {}, load() {},
  removeAttribute() { this.src = ""; },
});
const { Stream } = await import("./stream.js");
const said = [];
const door = async () => ({ url: "https://here.test/stream", ticket: null });
new Stream({ door, sound, tell: (state) => said.push(state) }).start();
for (let second = 0; second < 60; second += 0.1) {
  await pass(100);
  if (!sound.src) continue;
  sound.dispatchEvent(new Event("playing"));
  await calm();
  sound.dispatchEvent(new Event("error"));
}
told([said.includes("on"), asked > 5, asked < 25]);
""") == [True, True, True]


def test_a_socket_on_which_nothing_ever_comes_is_left(play: Play) -> None:
    said = play(
        SIGNAL.replace("asked.push({ yes, no })", "yes('fsp_1')")
        + """
await pass(60_000);
told([sockets.length, sockets.slice(0, -1).every((one) => one.isClosed)]);
"""
    )
    assert said in ([2, True], [3, True])


def test_a_call_that_is_never_answered_is_given_up(play: Play) -> None:
    assert (
        play(
            KEY
            + """
await key.bearer();
globalThis.fetch = (url, { signal }) => new Promise((_, no) => {
  signal?.addEventListener("abort", () => no(signal.reason));
});
let words = "";
key.call("/room", { method: "GET" }).catch((error) => { words = error.message; });
await pass(60_000);
told(words);
"""
        )
        == "The room's server cannot be reached just now."
    )


def test_of_two_pages_that_are_asked_for_the_last_is_shown_whichever_comes_first(play: Play) -> None:
    assert (
        play("""
const pages = {};
globalThis.fetch = (url) => new Promise((come) => {
  pages[url] = () => come({ url, text: async () => url });
});
globalThis.DOMParser = class {
  parseFromString(text) {
    return { title: text, getElementById: () => ({ querySelector: () => null, childNodes: [] }) };
  }
};
const main = { childNodes: [], replaceChildren() {}, focus() {} };
Object.assign(document, {
  getElementById: () => main,
  createDocumentFragment: () => ({ append() {} }),
  querySelectorAll: () => [],
});
const made = () => new Proxy({ dataset: {} }, { get: (it, name) => it[name] ?? (() => {}) });
document.createElement = made;
document.body = made();
globalThis.history = { pushState() {} };
globalThis.scrollTo = () => {};
location.href = "https://here.test/@alice/spaces/1";
const { roam } = await import("./roam.js");
const root = { dataset: {}, querySelector: () => ({ getAttribute: () => "#" }) };
const sound = { isHushed: false };
roam({ root, title: "", host: "", isOn: () => true, sound, toggle() {}, leave() {}, arrived() {} });
const press = (href) => happen("click", {
  target: { closest: (what) => what === "a[href]" && { href, hasAttribute: () => false, closest() {} } },
  preventDefault() {},
});
press("https://here.test/first");
press("https://here.test/last");
pages["https://here.test/last"]();
await calm();
pages["https://here.test/first"]();
await calm();
told(document.title);
""")
        == "https://here.test/last"
    )
