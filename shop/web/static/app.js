// What pages gain from scripts. Every page works without them.

/* A clock runs on the station's time: a wrong clock in the phone does no harm. */
const stated = document.querySelector('meta[name="server-time"]')?.content;
const arrived = performance.getEntriesByType("navigation")[0]?.responseStart ?? 0;
const ahead = stated ? Date.parse(stated) - (performance.timeOrigin + arrived) : 0;

function tick() {
  for (const clock of document.querySelectorAll("[data-countdown]")) {
    const left = Math.ceil((Date.parse(clock.dataset.countdown) - Date.now() - ahead) / 1000);
    if (left > 0 && left < 86400) {
      const hours = Math.floor(left / 3600);
      const [m, s] = [Math.floor(left / 60) % 60, left % 60];
      const tail = String(s).padStart(2, "0");
      const text = hours ? `${hours}:${String(m).padStart(2, "0")}:${tail}` : `${m}:${tail}`;
      clock.textContent = `剩 ${text}`;
    } else if (left <= 0 && clock.textContent !== "时间到") {
      clock.textContent = "时间到";
      ended(clock.dataset);
    }
  }
}

function ended({ endedHref, countdown }) {
  if (endedHref) return location.assign(endedHref);
  // A page that follows is told, and a thousand phones do not all ask in one second.
  if (document.querySelector("[data-events]")) return;
  const key = `ended ${location.pathname} ${countdown}`;
  if (sessionStorage.getItem(key)) return;
  sessionStorage.setItem(key, "1");
  setTimeout(() => location.reload(), 1000);
}

/* A fragment takes the place of the element with its id, and leaves alone what the hand is on. */
export function swap(id, html) {
  const old = document.getElementById(id);
  const fresh = new DOMParser().parseFromString(html, "text/html").getElementById(id);
  if (!old || !fresh) return false;
  const held = old.contains(document.activeElement) && document.activeElement;
  old.replaceWith(fresh);
  const again = held && (document.getElementById(held.id) ??
    (held.name && fresh.querySelector(`[name="${CSS.escape(held.name)}"]`)));
  if (again) {
    if (again.matches("input:not([type=file]), textarea") && held.value !== held.defaultValue) {
      again.value = held.value;
    }
    again.focus({ preventScroll: true });
    if (held.selectionStart != null) again.setSelectionRange(held.selectionStart, held.selectionEnd);
    // What was chosen in a number field nobody is told; a digit that comes now replaces the old one.
    else if (again.type === "number" && again.value === again.defaultValue) again.select();
  }
  listen();
  tick();
  return true;
}

async function fetchFragment(id, url, options) {
  const answer = await fetch(url, { ...options, headers: { "X-Fragment": id } });
  const html = await answer.text();
  if (!swap(id, html) && !swap("main", html)) location.assign(answer.url);
}

async function submitFragment(form, submitter) {
  const data = new FormData(form, submitter);
  const post = isPost(form);
  const fields = form.enctype === "multipart/form-data" ? data : new URLSearchParams(data);
  const action = submitter?.getAttribute("formaction") ?? form.getAttribute("action") ?? "";
  const url = new URL(action, location.href);
  if (!post) url.search = fields;
  try {
    await fetchFragment(form.dataset.swap, url, post ? { method: "POST", body: fields } : {});
    if (!post) history.replaceState(null, "", url);
  } catch {
    if (submitter?.name) {
      form.append(Object.assign(document.createElement("input"),
        { type: "hidden", name: submitter.name, value: submitter.value }));
    }
    HTMLFormElement.prototype.submit.call(form);
  } finally {
    form.removeAttribute("aria-busy");
  }
}

/* A second press does nothing while the first is on its way. */
const isPost = (form) => form.getAttribute("method")?.toLowerCase() === "post";

document.addEventListener("submit", (event) => {
  const form = event.target;
  const { swap: id } = form.dataset;
  if (event.defaultPrevented || (!id && !isPost(form))) return;
  const busy = form.hasAttribute("aria-busy");
  if (id || busy) event.preventDefault();
  if (busy) return;
  form.setAttribute("aria-busy", "true");
  setTimeout(() => form.removeAttribute("aria-busy"), 10000);
  if (id) submitFragment(form, event.submitter);
});

document.addEventListener("click", (event) => {
  const on = event.target.closest("[data-swap], [data-step], [data-opens], [data-closes]");
  if (!on || on.matches("form") || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const { step, opens, swap: id } = on.dataset;
  if (step) {
    const input = on.parentElement.querySelector("input");
    step > 0 ? input.stepUp() : input.stepDown();
    input.dispatchEvent(new Event("change", { bubbles: true }));
    return;
  }
  // A dialog that its #id opened is closed by following the link.
  if ("closes" in on.dataset && !on.closest("dialog").open) return;
  event.preventDefault();
  if (opens) document.getElementById(opens).showModal();
  else if (id) fetchFragment(id, on.href).catch(() => location.assign(on.href));
  else on.closest("dialog").close();
});

/* Live pages: each `fragments` message is JSON, {id: html}. What belongs to one moment changes in one
   go: a key never finds the new piece beside the old buttons. */
const sources = new Map();

function listen() {
  for (const [element, source] of sources) {
    if (!element.isConnected) source.close(), sources.delete(element);
  }
  for (const element of document.querySelectorAll("[data-events]")) {
    if (!sources.has(element)) connect(element);
  }
}

function connect(element) {
  const source = new EventSource(element.dataset.events);
  sources.set(element, source);
  source.onopen = () => say("open", "已连接");
  source.onerror = () => {
    say("lost", "断开了，正在重连");
    if (source.readyState !== EventSource.CLOSED) return;
    sources.delete(element);
    setTimeout(listen, 5000);
  };
  source.addEventListener("fragments", ({ data }) => {
    for (const [id, html] of Object.entries(JSON.parse(data))) bring(id, html, element.dataset.csrf);
  });
}

/* Nobody asked for it: what was typed stays, and a form in it gets this page's own token. */
function bring(id, html, csrf) {
  const typed = [...document.querySelectorAll(`#${CSS.escape(id)} input:not([type=hidden])`)]
    .filter((input) => input.value !== input.defaultValue);
  if (!swap(id, html)) return;
  const fresh = document.getElementById(id);
  for (const { name, value } of typed) {
    const input = fresh.querySelector(`input:not([type=hidden])[name="${CSS.escape(name)}"]`);
    if (input) input.value = input.max && +value > +input.max ? input.max : value;
  }
  for (const form of csrf ? [fresh, ...fresh.querySelectorAll("form")] : []) {
    if (!form.matches('form[method="post"]') || form.elements.csrf) continue;
    form.append(Object.assign(document.createElement("input"),
      { type: "hidden", name: "csrf", value: csrf }));
  }
}

function say(state, text) {
  for (const place of document.querySelectorAll("[data-connection]")) {
    place.dataset.state = state;
    place.textContent = text;
  }
}

addEventListener("pagehide", () => {
  for (const source of sources.values()) source.close();
  sources.clear();
});
addEventListener("pageshow", () => {
  for (const form of document.forms) form.removeAttribute("aria-busy");
  listen();
  tick();
});
setInterval(tick, 1000);
tick();
