// A key for one visit: a ticket that is read on its way here opens nothing without it.
// The private half cannot be taken out of the browser, and is gone with the page.

let pair;
let named;

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

// Return the public half as a Multikey (multibase, Ed25519), or "" where the browser cannot make one.
export async function clientKey() {
  if (named !== undefined) return named;
  try {
    pair = await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
    const raw = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
    named = `u${base64url([0xed, 0x01, ...raw])}`;
  } catch {
    named = ""; // no Ed25519 here, or no secure context: the ticket is good for its minute as it is
  }
  return named;
}

// Return the headers with which a ticket is shown; of one that is bound to no key, just that.
export async function showing(ticket) {
  const headers = { Authorization: `Bearer ${ticket}` };
  if (named) {
    const signature = await crypto.subtle.sign("Ed25519", pair.privateKey, new TextEncoder().encode(ticket));
    headers["Client-Proof"] = `u${base64url(new Uint8Array(signature))}`;
  }
  return headers;
}
