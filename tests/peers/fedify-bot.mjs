// A small bot on Fedify: it accepts follows, echoes mentions, and does what its control port says.
//
// Settings come from the environment: BOT_NAME, BOT_ADDRESS, BOT_CHAIN, BOT_KEY, BOT_CONTROL (a port
// of 127.0.0.1), BOT_FIRST_KNOCK (draft-cavage-http-signatures-12 or rfc9421) and BOT_TAKES (rfc9421: nothing
// signed otherwise).
// Control: GET /wire (what stood on the wire), GET /handled (what Fedify verified and understood),
// POST /follow {actor}, POST /note {content, to, inReplyTo}, POST /like {object, to}, POST /proven {activity}
// (whether Fedify takes its integrity proof), POST /keep {object} (serve it at its id), POST /send {activity, to}
// (read by Fedify, written by Fedify, signed), POST /look {uri} (what Fedify makes of what is there, fetched
// signed), POST /members {uri} (what Fedify finds in a collection), POST /remember {actor} (as a follower),
// POST /tell {activity} (to all followers, with their digest), POST /digest {collection, actors}.

import { createServer as createPlainServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { readFileSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { serve } from "@hono/node-server";
import { Temporal } from "@js-temporal/polyfill";
import {
  buildCollectionSynchronizationHeader, createFederation, generateCryptoKeyPair, MemoryKvStore, verifyObject,
} from "@fedify/fedify";
import {
  Accept, Activity, Collection, Create, Endpoints, Follow, Like, Mention, Note, Object as Thing, Person,
  PUBLIC_COLLECTION, Question, QuoteAuthorization, traverseCollection,
} from "@fedify/vocab";

const { BOT_NAME, BOT_ADDRESS, BOT_CHAIN, BOT_KEY, BOT_CONTROL, BOT_FIRST_KNOCK, BOT_TAKES } = process.env;
const ME = "bot";
const origin = `https://${BOT_NAME}`;
const wire = [];
const handled = [];
const followers = new Map();
const notes = new Map();
const kept = new Map();
const pins = new Map();
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
      featured: ctx.getFeaturedUri(identifier),
      endpoints: new Endpoints({ sharedInbox: ctx.getInboxUri() }),
      publicKey: keys[0].cryptographicKey,
      assertionMethods: keys.map((key) => key.multikey),
      url: new URL(`${origin}/@${ME}`),
    });
  })
  .setKeyPairsDispatcher(async (_, identifier) => (identifier === ME ? keyPairs : []));

federation.setOutboxDispatcher("/users/{identifier}/outbox", async () => ({ items: [] }));
federation.setFollowersDispatcher("/users/{identifier}/followers", async (_ctx, _identifier, _cursor, base) => ({
  items: [...followers.values()].filter(({ id }) => base == null || id.origin === base.origin),
}));
federation.setFeaturedDispatcher("/users/{identifier}/featured", async () => ({ items: [...pins.values()] }));
federation.setObjectDispatcher(Note, "/notes/{id}", async (_, { id }) => notes.get(id) ?? null);
for (const [kind, place] of [[Question, "questions"], [QuoteAuthorization, "authorizations"]]) {
  federation.setObjectDispatcher(kind, `/${place}/{id}`, async (_, { id }) => kept.get(`${origin}/${place}/${id}`) ?? null);
}

// What a reader on Fedify would see of a thing.
async function described(thing, ctx) {
  if (thing == null) return null;
  const about = {
    type: thing.constructor.name, id: thing.id?.href ?? null, content: thing.content && String(thing.content),
    updated: thing.updated?.toString() ?? null, quote: thing.quoteId?.href ?? null, quoteUrl: thing.quoteUrl?.href ?? null,
    quoteAuthorization: thing.quoteAuthorizationId?.href ?? null, inReplyTo: thing.replyTargetId?.href ?? null,
    interactingObject: thing.interactingObjectId?.href ?? null, interactionTarget: thing.interactionTargetId?.href ?? null,
    attribution: thing.attributionId?.href ?? null,
    context: [], replies: thing.repliesId?.href ?? null, name: thing.name && String(thing.name), totalItems: thing.totalItems ?? null,
  };
  for (const context of thing.contextIds ?? []) about.context.push(context.href);
  if (thing instanceof Question) {
    about.voters = thing.voters;
    about.closed = String(thing.closed ?? "");
    about.options = [];
    for await (const option of thing.getExclusiveOptions(ctx)) {
      about.options.push([String(option.name), (await option.getReplies(ctx))?.totalItems]);
    }
  }
  return about;
}

// A loader that signs its requests, as a server with readers of its own has.
async function signed(ctx) {
  return { documentLoader: await ctx.getDocumentLoader({ identifier: ME }), contextLoader: ctx.contextLoader };
}

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
  .on(Activity, async (ctx, activity) => {
    const loaders = { ...(await signed(ctx)), suppressError: true };
    const isAbout = ["Update", "Accept", "Reject", "Undo", "QuoteRequest"].includes(activity.constructor.name);
    const instrument = await activity.getInstrument(loaders);
    handled.push({
      type: activity.constructor.name, actor: activity.actorId?.href, object: activity.objectId?.href ?? null,
      target: activity.targetId?.href ?? null, result: activity.resultId?.href ?? null, id: activity.id?.href,
      content: activity.content && String(activity.content), instrument: instrument?.id?.href ?? null,
      about: isAbout ? await described(await activity.getObject(loaders), loaders) : null,
      objects: activity.objectIds.map((each) => each.href),
    });
  })
  .onError((_, error) => console.error("inbox:", error));

async function receive(request) {
  if (BOT_TAKES === "rfc9421" && request.method === "POST" && !request.headers.has("signature-input")) {
    const wanted = 'sig1=("@method" "@target-uri" "content-digest");created;keyid';
    return new Response(null, { status: 401, headers: { "accept-signature": wanted } });
  }
  const body = request.method === "POST" ? await request.clone().text() : null;
  const response = await federation.fetch(request, { contextData: undefined });
  wire.push({
    method: request.method, path: new URL(request.url).pathname, status: response.status,
    signature: request.headers.has("signature-input") ? "rfc9421" : request.headers.has("signature") ? "cavage" : "none",
    synchronization: request.headers.get("collection-synchronization"),
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
  async keep(ctx, { object }) {
    const thing = await Thing.fromJsonLd(object, ctx);
    (thing.id.pathname.startsWith("/notes/") ? notes : kept).set(thing.id.pathname.startsWith("/notes/") ? thing.id.pathname.slice(7) : thing.id.href, thing);
    if (object.pinned) pins.set(thing.id.href, thing);
    return { id: thing.id.href };
  },
  async send(ctx, { activity, to }) {
    const read = await Activity.fromJsonLd(activity, ctx);
    await ctx.sendActivity({ identifier: ME }, await ctx.lookupObject(to, await signed(ctx)), read);
    return { id: read.id.href };
  },
  async look(ctx, { uri }) {
    const loaders = await signed(ctx);
    return (await described(await ctx.lookupObject(uri, loaders), loaders)) ?? {};
  },
  async members(ctx, { uri }) {
    const loaders = await signed(ctx);
    const collection = await ctx.lookupObject(uri, loaders);
    if (!(collection instanceof Collection)) return { type: collection?.constructor.name ?? null };
    const items = [];
    for await (const item of traverseCollection(collection, loaders)) items.push(item.id.href);
    return { type: collection.constructor.name, totalItems: collection.totalItems, items };
  },
  async remember(ctx, { actor }) {
    const follower = await ctx.lookupObject(actor, await signed(ctx));
    followers.set(follower.id.href, follower);
    return { id: follower.id.href };
  },
  async tell(ctx, { activity }) {
    const read = await Activity.fromJsonLd(activity, ctx);
    await ctx.sendActivity({ identifier: ME }, "followers", read, { preferSharedInbox: true, syncCollection: true });
    return { id: read.id.href };
  },
  async digest(_ctx, { collection, actors }) {
    return { header: await buildCollectionSynchronizationHeader(collection, actors) };
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
