// A small bot on Fedify: it accepts follows, echoes mentions, and does what its control port says.
//
// Settings come from the environment: BOT_NAME, BOT_ADDRESS, BOT_CHAIN, BOT_KEY, BOT_CONTROL (a port
// of 127.0.0.1) and BOT_FIRST_KNOCK (draft-cavage-http-signatures-12 or rfc9421).
// Control: GET /wire (what stood on the wire), GET /handled (what Fedify verified and understood),
// POST /follow {actor}, POST /note {content, to, inReplyTo}, POST /like {object, to}, POST /proven {activity}
// (whether Fedify takes its integrity proof).

import { createServer as createPlainServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { readFileSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { serve } from "@hono/node-server";
import { Temporal } from "@js-temporal/polyfill";
import { createFederation, generateCryptoKeyPair, MemoryKvStore, verifyObject } from "@fedify/fedify";
import {
  Accept, Activity, Create, Delete, Endpoints, Follow, Like, Mention, Note, Person, PUBLIC_COLLECTION, Undo,
} from "@fedify/vocab";

const { BOT_NAME, BOT_ADDRESS, BOT_CHAIN, BOT_KEY, BOT_CONTROL, BOT_FIRST_KNOCK } = process.env;
const ME = "bot";
const origin = `https://${BOT_NAME}`;
const wire = [];
const handled = [];
const followers = new Map();
const notes = new Map();
const keyPairs = [await generateCryptoKeyPair("RSASSA-PKCS1-v1_5"), await generateCryptoKeyPair("Ed25519")];

const federation = createFederation({
  kv: new MemoryKvStore(),
  origin,
  allowPrivateAddress: true,
  firstKnock: BOT_FIRST_KNOCK,
});

federation
  .setActorDispatcher("/users/{identifier}", async (ctx, identifier) => {
    if (identifier !== ME) return null;
    const keys = await ctx.getActorKeyPairs(identifier);
    return new Person({
      id: ctx.getActorUri(identifier),
      preferredUsername: ME,
      name: "Echo",
      inbox: ctx.getInboxUri(identifier),
      outbox: ctx.getOutboxUri(identifier),
      followers: ctx.getFollowersUri(identifier),
      endpoints: new Endpoints({ sharedInbox: ctx.getInboxUri() }),
      publicKey: keys[0].cryptographicKey,
      assertionMethods: keys.map((key) => key.multikey),
      url: new URL(`${origin}/@${ME}`),
    });
  })
  .setKeyPairsDispatcher(async (_, identifier) => (identifier === ME ? keyPairs : []));

federation.setOutboxDispatcher("/users/{identifier}/outbox", async () => ({ items: [] }));
federation.setFollowersDispatcher("/users/{identifier}/followers", async () => ({ items: [...followers.values()] }));
federation.setObjectDispatcher(Note, "/notes/{id}", async (_, { id }) => notes.get(id) ?? null);

async function publish(ctx, { content, to, inReplyTo }) {
  const id = randomUUID();
  const recipient = await ctx.lookupObject(to);
  const note = new Note({
    id: ctx.getObjectUri(Note, { id }),
    attribution: ctx.getActorUri(ME),
    content,
    to: PUBLIC_COLLECTION,
    cc: recipient.id,
    published: Temporal.Now.instant(),
    replyTarget: inReplyTo ? new URL(inReplyTo) : null,
    tags: [new Mention({ href: recipient.id, name: `@${recipient.preferredUsername}@${recipient.id.host}` })],
  });
  notes.set(id, note);
  const create = new Create({
    id: new URL(`${note.id}#create`), actor: ctx.getActorUri(ME), object: note, to: PUBLIC_COLLECTION, cc: recipient.id,
  });
  await ctx.sendActivity({ identifier: ME }, recipient, create);
  return { id: note.id.href };
}

federation
  .setInboxListeners("/users/{identifier}/inbox", "/inbox")
  .setSharedKeyDispatcher(() => ({ identifier: ME }))
  .on(Follow, async (ctx, follow) => {
    const follower = await follow.getActor(ctx);
    handled.push({ type: "Follow", actor: follow.actorId.href });
    followers.set(follower.id.href, follower);
    const accept = new Accept({ id: new URL(`${origin}/accepts/${randomUUID()}`), actor: follow.objectId, object: follow });
    await ctx.sendActivity({ identifier: ME }, follower, accept);
  })
  .on(Create, async (ctx, create) => {
    const note = await create.getObject(ctx);
    handled.push({
      type: "Create", actor: create.actorId.href, object: note.id.href, content: String(note.content),
      inReplyTo: note.replyTargetId?.href ?? null,
    });
    for await (const tag of note.getTags(ctx)) {
      if (tag instanceof Mention && tag.href?.href === ctx.getActorUri(ME).href) {
        const content = `<p>echo: ${String(note.content).replace(/<[^>]*>/g, "")}</p>`;
        await publish(ctx, { content, to: create.actorId.href, inReplyTo: note.id.href });
      }
    }
  })
  .on(Activity, async (_, activity) => {
    handled.push({
      type: activity.constructor.name, actor: activity.actorId?.href, object: activity.objectId?.href ?? null,
    });
  })
  .onError((_, error) => console.error("inbox:", error));

async function receive(request) {
  const body = request.method === "POST" ? await request.clone().text() : null;
  const response = await federation.fetch(request, { contextData: undefined });
  wire.push({
    method: request.method, path: new URL(request.url).pathname, status: response.status,
    signature: request.headers.has("signature-input") ? "rfc9421" : request.headers.has("signature") ? "cavage" : "none",
    body: body === null ? null : JSON.parse(body),
  });
  return response;
}

const commands = {
  async follow(ctx, { actor }) {
    const target = await ctx.lookupObject(actor);
    const id = new URL(`${origin}/follows/${randomUUID()}`);
    await ctx.sendActivity({ identifier: ME }, target, new Follow({ id, actor: ctx.getActorUri(ME), object: target.id }));
    return { id: id.href, target: target.id.href };
  },
  note: publish,
  async proven(ctx, { activity }) {
    const { documentLoader, contextLoader } = ctx;
    return { proven: (await verifyObject(Activity, activity, { documentLoader, contextLoader })) != null };
  },
  async like(ctx, { object, to }) {
    const id = new URL(`${origin}/likes/${randomUUID()}`);
    const like = new Like({ id, actor: ctx.getActorUri(ME), object: new URL(object) });
    await ctx.sendActivity({ identifier: ME }, await ctx.lookupObject(to), like);
    return { id: id.href };
  },
};

createPlainServer(async (request, response) => {
  let [status, answer] = [404, {}];
  const name = request.url.slice(1);
  try {
    if (name === "wire" || name === "handled") [status, answer] = [200, name === "wire" ? wire : handled];
    else if (name in commands) {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      const ctx = federation.createContext(new URL(origin), undefined);
      [status, answer] = [200, await commands[name](ctx, JSON.parse(Buffer.concat(chunks)))];
    }
  } catch (error) {
    console.error(name, error);
    [status, answer] = [500, { error: String(error) }];
  }
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer));
}).listen(Number(BOT_CONTROL), "127.0.0.1");

serve({
  fetch: receive,
  hostname: BOT_ADDRESS,
  port: 443,
  createServer: createTlsServer,
  serverOptions: { cert: readFileSync(BOT_CHAIN), key: readFileSync(BOT_KEY) },
});
