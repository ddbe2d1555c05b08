// The console's clocks, its words that move on by themselves, and the places where lists were left.

const stated = document.querySelector('meta[name="server-time"]')?.content;
const arrived = performance.getEntriesByType("navigation")[0]?.responseStart ?? 0;
const ahead = stated ? Date.parse(stated) - (performance.timeOrigin + arrived) : 0;
const still = matchMedia("(prefers-reduced-motion: reduce)");
const beijing = new Intl.DateTimeFormat("en-GB", {
  timeZone: "Asia/Shanghai", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});

const clock = (seconds) => {
  const whole = Math.max(0, Math.trunc(seconds));
  return `${Math.trunc(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
};

/* The rule stands in docs/console.md, and once more in live/pace.py. */
const SAYS = {
  clock: (_, now) => beijing.format(now),
  on: ({ since, plan }, now) => `${clock((now - Date.parse(since)) / 1000)} / ${clock(plan)}`,
  left: ({ until }, now) => clock((Date.parse(until) - now) / 1000),
  behind: ({ since, plan, others }, now) => {
    const behind = Number(others) + Math.max(0, (now - Date.parse(since)) / 1000 - plan);
    const minutes = Math.trunc(Math.abs(behind) / 60);
    return minutes ? `${behind > 0 ? "慢" : "快"} ${minutes} 分钟` : "准点";
  },
};

function tick() {
  const now = Date.now() + ahead;
  for (const element of document.querySelectorAll("[data-tick]")) {
    const text = SAYS[element.dataset.tick](element.dataset, now);
    if (element.textContent !== text) element.textContent = text;
    if (element.dataset.tick === "behind") element.classList.toggle("late", text.startsWith("慢"));
  }
  for (const element of document.querySelectorAll("[data-gone-at]")) {
    if (Date.parse(element.dataset.goneAt) > now) continue;
    const button = element.querySelector("button");
    if (!button) element.hidden = true;
    else button.disabled = true;
  }
}

/* Fresh HTML takes an old list's place: it goes on where the old one was. */
const places = new Map();
addEventListener("scroll", ({ target }) => {
  if (target.id) places.set(target.id, target.scrollTop);
}, { capture: true, passive: true });

let moving = false;
let seen;

function settle() {
  for (const [id, top] of places) {
    const list = document.getElementById(id);
    if (list && !list.scrollTop) list.scrollTop = top;
  }
  for (const scroller of document.querySelectorAll("[data-scroller]")) scroller.hidden = still.matches;
  const talk = document.querySelector(".talk")?.id;
  if (seen && talk !== seen) {
    places.delete(seen);
    stop();
  }
  seen = talk;
  tick();
}

/* The words move on by themselves, so many pixels a second; by hand they stop. */
const SPEED = "console speed";
const speed = document.querySelector("[data-speed]");
const kept = localStorage.getItem(SPEED);
if (speed && [...speed.options].some(({ value }) => value === kept)) speed.value = kept;
speed?.addEventListener("change", () => localStorage.setItem(SPEED, speed.value));

let top = 0;
let before = 0;

function move(at) {
  const talk = document.querySelector(".talk");
  if (!moving || !talk) return;
  if (Math.abs(talk.scrollTop - top) > 2) top = talk.scrollTop;
  top += (Math.min(at - before, 100) / 1000) * Number(speed.value);
  before = at;
  talk.scrollTop = top;
  if (talk.scrollTop + talk.clientHeight >= talk.scrollHeight - 1) return stop();
  requestAnimationFrame(move);
}

function show() {
  const button = document.querySelector("[data-scroll]");
  if (!button) return;
  button.setAttribute("aria-pressed", String(moving));
  button.querySelector("span").textContent = moving ? "停住讲解词" : "讲解词自己走";
}

function stop() {
  moving = false;
  show();
}

function start() {
  const talk = document.querySelector(".talk");
  if (!talk || still.matches) return;
  if (talk.scrollTop + talk.clientHeight >= talk.scrollHeight - 1) talk.scrollTop = 0;
  moving = true;
  top = talk.scrollTop;
  before = performance.now();
  show();
  requestAnimationFrame(move);
}

still.addEventListener("change", () => {
  if (still.matches) stop();
  settle();
});

/* A question that another page asks, asked in a dialog of this one. */
async function ask(link) {
  const dialog = document.getElementById(link.dataset.dialog);
  const body = `${dialog.id}-body`;
  try {
    const html = await (await fetch(link.href)).text();
    const fresh = new DOMParser().parseFromString(html, "text/html").getElementById(body);
    if (!fresh) return location.assign(link.href);
    document.getElementById(body).replaceWith(fresh);
    dialog.showModal();
  } catch {
    location.assign(link.href);
  }
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-scroll]")) return moving ? stop() : start();
  const link = event.target.closest("a[data-dialog]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  ask(link);
});

new MutationObserver(settle).observe(document.getElementById("main"), { childList: true, subtree: true });
setInterval(tick, 250);
settle();
