// How a person looks, from the Account a server tells: the same face the server would have drawn.

const HUES = 12;
const table = Uint32Array.from({ length: 256 }, (_, number) => {
  let value = number;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function crc32(text) {
  let value = 0xffffffff;
  for (const byte of new TextEncoder().encode(text)) value = table[(value ^ byte) & 255] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

export function hueOf(handle) {
  return crc32(handle.toLowerCase()) % HUES;
}

export function initialsOf(name) {
  const words = name.split(/\s+/).map((word) => word.replace(/[^\p{L}\p{N}]/gu, "")).filter(Boolean);
  const letters = words.map((word) => [...word][0]);
  const chosen = letters.length < 2 ? letters : [letters[0], letters[letters.length - 1]];
  return chosen.join("").toUpperCase().slice(0, 3);
}

// `domain` is that of the server that told: it leaves its own out.
export function personOf(account, domain) {
  const [username, elsewhere] = account.acct.split("@");
  const host = elsewhere ?? domain;
  const name = (account.display_name || username).replace(/[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/g, "").trim() || username;
  return {
    id: String(account.id),
    name,
    host,
    handle: `@${username}@${host}`,
    initials: initialsOf(name) || initialsOf(username) || "?",
    hue: hueOf(`${username}@${host}`),
    // Only pictures of the server the page comes from: it asks nobody else.
    picture: account.avatar?.startsWith(`${location.origin}/`) && !account.avatar.endsWith("/missing.png") ? account.avatar : "",
    url: account.url,
  };
}

// Where the page of a person is on this server.
export function pathOf(person, here) {
  return person.host === here ? `/@${person.handle.split("@")[1]}` : `/@${person.handle.slice(1)}`;
}

export function paint(face, person) {
  for (const name of [...face.classList]) if (name.startsWith("hue-")) face.classList.remove(name);
  face.classList.add(`hue-${person.hue}`);
  const badge = face.querySelector(".badge");
  const inside = person.picture ? new Image() : document.createTextNode(person.initials);
  if (person.picture) {
    inside.src = person.picture;
    inside.alt = "";
  }
  face.replaceChildren(inside, ...(badge ? [badge] : []));
}
