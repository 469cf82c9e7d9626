// The least that a server on Fedify can be, to be measured beside ours (bench/fedify.py).
//
//   node fedify_peer.mjs inbox PORT           a shared inbox whose listener keeps the object in a Map
//   node fedify_peer.mjs deliver FILE         one signed activity to each inbox that FILE lists, as JSON
//
// MemoryKvStore, no queue; the keys of remote actors are shown by the benchmark over HTTP and then cached.
// It is run from the folder that has the node modules. `deliver` waits for a line on its standard input,
// and says "ready" and "done" on its standard output, so that starting is not part of what is measured.

import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(join(process.cwd(), "package.json"));
async function load(name) {
  return import(pathToFileURL(require.resolve(name)).href);
}

const { createFederation, generateCryptoKeyPair, MemoryKvStore } = await load("@fedify/fedify");
const { Create, Note, Person, PUBLIC_COLLECTION } = await load("@fedify/vocab");
const [, , mode, argument] = process.argv;
const keyPairs = [await generateCryptoKeyPair("RSASSA-PKCS1-v1_5")];
const kept = new Map();
const port = mode === "inbox" ? Number(argument) : 9;
const origin = `http://127.0.0.1:${port}`;

const federation = createFederation({ kv: new MemoryKvStore(), origin, allowPrivateAddress: true });

federation
  .setActorDispatcher("/users/{identifier}", async (ctx, identifier) => new Person({
    id: ctx.getActorUri(identifier),
    preferredUsername: identifier,
    inbox: ctx.getInboxUri(identifier),
    publicKey: (await ctx.getActorKeyPairs(identifier))[0].cryptographicKey,
  }))
  .setKeyPairsDispatcher(async () => keyPairs);

federation
  .setInboxListeners("/users/{identifier}/inbox", "/inbox")
  .on(Create, async (ctx, create) => {
    const note = await create.getObject(ctx);
    kept.set(note.id.href, note);
  })
  .onError((_, error) => console.error("inbox:", error));

async function inbox() {
  createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const asked = new Request(`${origin}${request.url}`, {
      method: request.method,
      headers: request.headers,
      body: request.method === "POST" ? Buffer.concat(chunks) : undefined,
    });
    const answer = await federation.fetch(asked, { contextData: undefined });
    const text = Buffer.from(await answer.text());
    response.writeHead(answer.status, { ...Object.fromEntries(answer.headers), "content-length": text.length });
    response.end(text);
  }).listen(port, "127.0.0.1", () => console.log("ready"));
}

async function deliver() {
  const inboxes = JSON.parse(readFileSync(argument, "utf8"));
  const ctx = federation.createContext(new URL(origin), undefined);
  const actor = ctx.getActorUri("bench");
  const recipients = inboxes.map((address) => ({ id: new URL(`${address}/actor`), inboxId: new URL(address) }));
  await ctx.getActorKeyPairs("bench");
  console.log("ready");
  await new Promise((resolve) => createInterface({ input: process.stdin }).once("line", resolve));
  const content = "<p>" + "Some ordinary words about an ordinary day, at some length. ".repeat(12) + "</p>";
  const id = new URL(`${origin}/notes/1`);
  const note = new Note({ id, attribution: actor, content, to: PUBLIC_COLLECTION });
  const create = new Create({ id: new URL(`${id}#create`), actor, object: note, to: PUBLIC_COLLECTION });
  await ctx.sendActivity({ identifier: "bench" }, recipients, create);
  console.log("done");
  setInterval(() => {}, 1000);
}

await (mode === "inbox" ? inbox() : deliver());
