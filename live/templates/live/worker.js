// The console's service worker: without a network a reload still shows the line-up and what to say.
// It keeps the console's page, its styles and scripts, and the line-up's pictures, for one member;
// the sign-in page throws all of it away. Version {{ assets_version }}.

const KEPT = "console ";
const PAGE = /^\/desk\/shows\/\d+\/console$/;
const PATIENCE = 6000;

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("message", (event) => event.waitUntil(keep(event.data)));

addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.mode === "navigate") {
    if (PAGE.test(pathname)) event.respondWith(open(request, pathname));
  } else if (pathname.startsWith("/static/") || pathname.startsWith("/photos/")) {
    event.respondWith(file(request, pathname));
  } else if (pathname.endsWith("/console/spare")) {
    event.respondWith(fetch(request).catch((error) => found(request, error)));
  }
});

/* The page from the network; what was kept of it when that is silent or the server is away. */
async function open(request, path) {
  const copy = await copyOf(path);
  try {
    const answer = await (copy ? Promise.race([fetch(request), silence()]) : fetch(request));
    if (answer.type === "opaqueredirect") await forget();
    return copy && answer.status >= 500 ? copy : answer;
  } catch (error) {
    if (copy) return copy;
    throw error;
  }
}

const silence = () =>
  new Promise((_, reject) => setTimeout(() => reject(new Error("no answer")), PATIENCE));

async function copyOf(path) {
  const kept = await caches.match(path);
  if (!kept) return undefined;
  const stated = /<meta name="server-time" content="([^"]*)">/;
  const html = await kept.text();
  // Clocks in the copy go by the station's time, as on the page itself.
  const now = new Date(Date.now() + Number(kept.headers.get("X-Ahead"))).toISOString();
  const metas = `<meta name="server-time" content="${now}"><meta name="kept-at" content="$1">`;
  return new Response(html.replace(stated, metas), { headers: kept.headers });
}

async function file(request, path) {
  // Their addresses change with what they hold, so what is kept is never old.
  const kept = await caches.match(request);
  if (kept) return kept;
  return fetch(request).catch((error) => found(request, error, path));
}

/* Of a picture one size is kept, and stands for all. */
async function found(request, error, path = "") {
  const kept = path.startsWith("/photos/")
    ? await caches.match(`${path.slice(0, path.lastIndexOf("/"))}/s.webp`)
    : await caches.match(request);
  if (kept) return kept;
  throw error;
}

/* The console says who is there and what belongs to its page. */
async function keep({ member, page, files }) {
  for (const name of await caches.keys()) {
    if (name.startsWith(KEPT) && !name.startsWith(`${KEPT}${member} `)) await caches.delete(name);
  }
  const answer = await fetch(page, { redirect: "manual" });
  if (answer.type === "opaqueredirect") return forget();
  if (!answer.ok) return undefined;
  const cache = await caches.open(`${KEPT}${member} ${page}`);
  const copy = await stamped(answer);
  const wanted = files.map((file) => new URL(file, location).href);
  await fill(cache, wanted);
  // Last of all, so that there is never a page without what belongs to it.
  await cache.put(page, copy);
  const own = new URL(page, location).href;
  for (const { url } of await cache.keys()) {
    if (url !== own && !wanted.includes(url)) await cache.delete(url);
  }
  return undefined;
}

async function stamped(answer) {
  const html = await answer.text();
  const stated = /<meta name="server-time" content="([^"]*)">/.exec(html)?.[1];
  const headers = new Headers(answer.headers);
  headers.set("X-Ahead", stated ? Date.parse(stated) - Date.now() : 0);
  return new Response(html, { headers });
}

async function fill(cache, wanted) {
  const there = new Set((await cache.keys()).map(({ url }) => url));
  const fresh = wanted.filter((url) => !there.has(url) || url.endsWith("/console/spare"));
  await Promise.allSettled(fresh.map(async (url) => {
    const answer = await fetch(url, { redirect: "manual" });
    if (answer.ok) await cache.put(url, answer);
  }));
}

async function forget() {
  for (const name of await caches.keys()) {
    if (name.startsWith(KEPT)) await caches.delete(name);
  }
}
