// From Ogg to WebM, both with Opus in them (RFC 3533 and 7845; Matroska, RFC 9559): nothing is decoded.
//
// It reads what our own server writes: whole packets in every page, two pages of headers first.

const HEAD = 27;
const CAPTURE = [0x4f, 0x67, 0x67, 0x53];
const TICKS = 24; // samples in half a millisecond, the unit of time in the WebM
const UNKNOWN = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

// Takes bytes as they come; gives the packets of every page that is whole.
export class Ogg {
  constructor() {
    this.rest = new Uint8Array(0);
  }

  put(bytes) {
    const data = new Uint8Array(this.rest.length + bytes.length);
    data.set(this.rest);
    data.set(bytes, this.rest.length);
    const pages = [];
    let at = 0;
    while (data.length - at >= HEAD) {
      if (CAPTURE.some((byte, index) => data[at + index] !== byte)) throw new Error("this is not Ogg");
      const lengths = data.subarray(at + HEAD, at + HEAD + data[at + 26]);
      const body = at + HEAD + data[at + 26];
      const end = body + lengths.reduce((sum, length) => sum + length, 0);
      if (lengths.length < data[at + 26] || end > data.length) break;
      const packets = [];
      let from = body;
      let size = 0;
      for (const length of lengths) {
        size += length;
        if (length === 255) continue;
        packets.push(data.subarray(from, from + size));
        from += size;
        size = 0;
      }
      pages.push(packets);
      at = end;
    }
    this.rest = data.slice(at);
    return pages;
  }
}

// Takes the packets of a page; gives a piece of WebM: the beginning, nothing (for the tags), or a cluster.
export class WebM {
  constructor() {
    this.pages = 0;
    this.time = 0;
  }

  put(packets) {
    this.pages += 1;
    if (this.pages === 1) return begin(packets[0]);
    if (this.pages === 2) return new Uint8Array(0);
    const from = this.time;
    const blocks = packets.map((packet) => {
      const at = Math.round((this.time - from) / TICKS);
      this.time += samplesOf(packet);
      return element([0xa3], [0x81, at >> 8, at & 255, 0x80], packet);
    });
    return element([0x1f, 0x43, 0xb6, 0x75], element([0xe7], number(Math.round(from / TICKS))), ...blocks);
  }
}

// How long a packet plays, at 48 kHz (RFC 6716, section 3.1).
export function samplesOf(packet) {
  const config = packet[0] >> 3;
  const code = packet[0] & 3;
  const each = config < 12 ? [480, 960, 1920, 2880][config & 3]
    : config < 16 ? [480, 960][config & 1] : [120, 240, 480, 960][config & 3];
  return each * (code === 0 ? 1 : code < 3 ? 2 : packet[1] & 63);
}

function begin(head) {
  const opus = head.slice();
  opus[10] = 0; // nothing is skipped: silence is what there would be
  opus[11] = 0;
  const words = (text) => new TextEncoder().encode(text);
  const ebml = element([0x1a, 0x45, 0xdf, 0xa3],
    element([0x42, 0x86], [1]), element([0x42, 0xf7], [1]), element([0x42, 0xf2], [4]), element([0x42, 0xf3], [8]),
    element([0x42, 0x82], words("webm")), element([0x42, 0x87], [4]), element([0x42, 0x85], [2]));
  const info = element([0x15, 0x49, 0xa9, 0x66],
    element([0x2a, 0xd7, 0xb1], number(500_000)), element([0x4d, 0x80], words("fedispace")), element([0x57, 0x41], words("fedispace")));
  const rate = new Uint8Array(8);
  new DataView(rate.buffer).setFloat64(0, 48_000);
  const track = element([0xae],
    element([0xd7], [1]), element([0x73, 0xc5], [1]), element([0x83], [2]), element([0x86], words("A_OPUS")),
    element([0x56, 0xbb], number(80_000_000)), element([0xe1], element([0xb5], rate), element([0x9f], [opus[9]])),
    element([0x63, 0xa2], opus));
  return joined([ebml, [0x18, 0x53, 0x80, 0x67], UNKNOWN, info, element([0x16, 0x54, 0xae, 0x6b], track)]);
}

function element(id, ...parts) {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  return joined([id, [0x10 | (size >> 24), (size >> 16) & 255, (size >> 8) & 255, size & 255], ...parts]);
}

function number(value) {
  const bytes = [];
  for (let rest = value; rest > 0 || !bytes.length; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return bytes;
}

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
