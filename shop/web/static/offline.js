// The console without a network. Each press is kept with its time until the server has answered
// it, is shown at once, and is sent in its turn when the network is back. `docs/offline.md`.

const page = location.pathname;
const base = page.replace(/\/console$/, "");
const { member } = document.getElementById("pause").dataset;
const OURS = `press ${member} ${base} `;
const PARTS = ["state", "pause", "pace", "lineup", "piece", "talk", "figures", "controls",
  "feed", "soon", "feed-count", "overlays-body", "take-body"];

const SLOW = 500;
const AGAIN = 4000;
const PATIENCE = 8000;
const AT_ONCE = 100;
const APART = 20000;

const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content;
const $ = (id) => document.getElementById(id);
const connection = () => document.querySelector("[data-connection]")?.dataset.state;

/* The station's time: a wrong clock in the laptop does no harm. */
const arrived = performance.getEntriesByType("navigation")[0]?.responseStart ?? 0;
const ahead = Date.parse(meta("server-time")) - (performance.timeOrigin + arrived);
const clock = new Intl.DateTimeFormat("zh-CN", {
  timeZone: "Asia/Shanghai", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false,
});

/* What was pressed, each under a key of its own: two tabs never write over one another. Where the
   browser keeps nothing, it lasts as long as the page. */
const unkept = new Map();

function keep(press) {
  try {
    localStorage.setItem(OURS + press.client_id, JSON.stringify(press));
  } catch {
    unkept.set(press.client_id, press);
  }
}

function drop(id) {
  unkept.delete(id);
  localStorage.removeItem(OURS + id);
}

function all() {
  const ours = Object.keys(localStorage).filter((key) => key.startsWith(OURS));
  const kept = ours.map((key) => JSON.parse(localStorage.getItem(key)));
  return [...kept, ...unkept.values()].sort((a, b) => a.at.localeCompare(b.at));
}

const waiting = () => all().filter((press) => !press.outcome);

/* Browsers give names that nobody has only to pages that came by HTTPS. */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return crypto.randomUUID?.() ?? [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
}

function words(kind, item, form) {
  const name = $(`seat-${item}`)?.querySelector("strong")?.textContent ?? "";
  return {
    now: `讲“${name}”`,
    sold_out: `“${name}”已售`,
    undo_sold_out: `“${name}”接着卖`,
    read_out: `念过了：${form.closest("li")?.querySelector("p")?.textContent ?? ""}`,
  }[kind];
}

addEventListener("submit", (event) => {
  const form = event.target;
  const kind = form.dataset.tap;
  if (!kind) return;
  event.preventDefault();
  const data = new FormData(form);
  const item = Number(data.get("item") ?? 0);
  const announcement = Number(data.get("announcement") ?? 0);
  const at = new Date(Date.now() + ahead).toISOString();
  keep({ client_id: newId(), kind, item, announcement, at, words: words(kind, item, form) });
  send();
  setTimeout(look, connection() === "open" ? SLOW : 0);
}, true);

/* Sending: all that waits, in order. What is answered twice was done once. */
let sending = false;
let trouble = "";

async function send() {
  if (sending) return;
  sending = true;
  let sent = false;
  try {
    for (let some = waiting(); some.length; some = waiting()) {
      if (!(await post(some.slice(0, AT_ONCE)))) break;
      sent = true;
    }
  } finally {
    sending = false;
  }
  look();
  if (sent && !waiting().length && (supposed || connection() !== "open")) await refresh();
}

async function post(presses) {
  let answer;
  try {
    answer = await fetch(`${base}/taps`, {
      method: "POST",
      redirect: "manual",
      headers: {
        "Content-Type": "application/json",
        "X-CSRF-Token": document.querySelector("input[name=csrf]").value,
      },
      body: JSON.stringify(presses.map(({ words: _, ...press }) => press)),
      signal: AbortSignal.timeout(PATIENCE),
    });
    if (answer.ok) heard(presses, await answer.json());
  } catch {
    trouble = "";
    return false;
  }
  trouble = answer.ok ? "" : refusal(answer);
  return answer.ok;
}

function refusal({ type, status }) {
  if (type === "opaqueredirect") return "登录过期了，重新登录以后接着送。";
  return status < 500 ? "这一页放得太久了，刷新以后接着送。" : "";
}

function heard(presses, answers) {
  for (const { client_id, outcome } of answers) {
    const press = presses.find((one) => one.client_id === client_id);
    if (outcome) keep({ ...press, outcome });
    else drop(client_id);
  }
}

/* The page as the server has it now, in the place of what was only supposed. */
async function refresh() {
  try {
    const answer = await fetch(page, { signal: AbortSignal.timeout(PATIENCE) });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (waiting().length) return;
    supposed = 0;
    for (const part of PARTS) put(part, fresh.getElementById(part));
  } catch {
    // The live connection brings it when it is back.
  }
}

function put(part, fresh) {
  const old = $(part);
  if (!old || !fresh) return;
  const held = old.contains(document.activeElement) ? document.activeElement.id : "";
  old.replaceWith(fresh);
  if (held) $(held)?.focus({ preventScroll: true });
}

/* What was pressed is shown at once, from pieces that were fetched beforehand. */
let spare = {};
let supposed = 0;

function suppose() {
  const last = waiting().findLast((press) => press.kind === "now");
  const pieces = last && spare[last.item];
  if (!pieces) return;
  supposed = last.item;
  changes.disconnect();
  for (const [part, html] of Object.entries(pieces)) {
    if ($(part)?.dataset.supposed === String(last.item)) continue;
    const fresh = new DOMParser().parseFromString(html, "text/html").getElementById(part);
    fresh.dataset.supposed = last.item;
    put(part, fresh);
  }
  markSeat(last.item);
  watch();
}

function markSeat(item) {
  const seat = $(`seat-${item}`)?.closest("li");
  if (!seat || seat.classList.contains("now")) return;
  for (const other of $("lineup").children) {
    if (other.classList.contains("now")) {
      other.classList.add("over");
      other.querySelector(".seat-words .small").textContent = "讲过了";
    }
    other.classList.remove("now", "next");
    other.removeAttribute("aria-current");
    other.querySelector("button").disabled = false;
  }
  seat.classList.remove("over");
  seat.classList.add("now");
  seat.setAttribute("aria-current", "true");
  seat.querySelector("button").disabled = true;
  seat.querySelector(".seat-words .small").textContent = "在讲 · 等网络";
  seat.querySelector(".seat-end").replaceChildren();
  seat.nextElementSibling?.classList.add("next");
}

/* The strip above the console: what waits, what was not done and why, how old a copy is. */
let copy = meta("kept-at");

function look() {
  suppose();
  const lines = copy
    ? [`没有网络，这是北京时间 ${clock.format(new Date(copy)).slice(0, 5)} 的样子。按下的都记着，网络回来按顺序送出。`]
    : [];
  const [late, refused] = [waiting(), all().filter((press) => press.outcome)];
  const strip = $("taps") ?? place();
  strip.replaceChildren(
    ...lines.map((text) => element("p", text)),
    ...(late.length ? [list(late)] : []),
    ...refused.map(told),
  );
  strip.hidden = !strip.childElementCount;
}

function place() {
  const strip = Object.assign(element("section"), { id: "taps", className: "taps", role: "status" });
  strip.setAttribute("aria-label", "还没送到的");
  $("console").before(strip);
  return strip;
}

function list(late) {
  const details = element("details");
  details.open = $("taps").querySelector("details")?.open ?? false;
  details.append(element("summary", `等网络：${late.length} 个`), element("ol"));
  details.querySelector("ol").append(...late.map((press) => {
    const line = element("li", `${time(press)} ${press.words}`);
    line.append(away(press, "不送了"));
    return line;
  }));
  if (trouble) details.append(element("p", trouble));
  return details;
}

function told(press) {
  const line = element("p", `${time(press)} ${press.words}：${press.outcome}`);
  line.className = "refused";
  line.append(away(press, "知道了"));
  return line;
}

function away({ client_id }, label) {
  const button = Object.assign(element("button", label), { type: "button" });
  button.addEventListener("click", () => { drop(client_id); look(); });
  return button;
}

const time = ({ at }) => clock.format(new Date(at));
const element = (name, text = "") => Object.assign(document.createElement(name), { textContent: text });

/* Fragments from the live connection may still tell of the time before a press. */
const changes = new MutationObserver(() => { suppose(); soon(); });
const watch = () => changes.observe($("console"), { childList: true, subtree: true });

function connected() {
  if (connection() !== "open") return;
  copy = "";
  look();
  send();
}

/* Kept for a time without a network: all pieces here, the page and its files by the worker. */
let stocked = -APART;
let later = 0;

function soon() {
  later ||= setTimeout(stock, Math.max(2000, stocked + APART - performance.now()));
}

async function stock() {
  later = 0;
  stocked = performance.now();
  try {
    spare = await (await fetch(`${page}/spare`)).json();
    suppose();
    const worker = await navigator.serviceWorker?.ready;
    if (!copy) worker?.active.postMessage({ member, page, files: [`${page}/spare`, ...files()] });
  } catch {
    // What was fetched last is still there.
  }
}

function files() {
  const loaded = performance.getEntriesByType("resource").map(({ name }) => name);
  const named = [...document.querySelectorAll("link[rel=stylesheet], link[rel=icon], script[src]")];
  const styles = [...loaded, ...named.map((one) => one.href ?? one.src)]
    .filter((address) => address.startsWith(`${location.origin}/static/`));
  const pictures = [...document.querySelectorAll("#console picture img")]
    .map(({ src }) => src.replace(/[^/]*$/, "s.webp"));
  return [...new Set([...styles, ...pictures])];
}

const style = new URL(import.meta.url);
style.pathname = style.pathname.replace(/js$/, "css");
document.head.append(Object.assign(element("link"), { rel: "stylesheet", href: style.href }));

watch();
look();
send();
stock();
addEventListener("online", send);
addEventListener("storage", look);
setInterval(() => { if (waiting().length) send(); }, AGAIN);
for (const state of document.querySelectorAll("[data-connection]")) {
  new MutationObserver(connected).observe(state, { attributeFilter: ["data-state"] });
}
navigator.serviceWorker?.register("/desk/shows/worker.js", { scope: page }).catch(() => {
  // Without a worker the console still keeps what is pressed; only a reload needs the network.
});
