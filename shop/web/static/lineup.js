// The line-up's rows change places without a round trip: by the grip, with a hand or with ↑↓, by
// Alt+↑↓ in a row, by the arrows. Their order in the page is their order in the form; nothing is
// renamed, and every button still works when this script does not.

const form = document.getElementById("line-up");
const list = form.querySelector(".slots");
const rows = () => [...list.querySelectorAll("[data-row]")];
const one = (name) => form.querySelector(`[data-${name}]`);
const taken = []; // rows that were taken out, with where they stood
let dirty = "unsaved" in form.dataset;

/* Beijing keeps UTC+8 all year. */
function beijing(at) {
  return new Date(at + 8 * 3600e3).toISOString().slice(11, 16);
}

function minutesOf(row) {
  const typed = row.querySelector('[name$=".minutes"]').value.trim();
  return /^\d{1,3}$/.test(typed) ? Number(typed) : 0;
}

function reckon() {
  let minutes = 0;
  const begins = Date.parse(form.dataset.begins);
  const all = rows();
  all.forEach((row, n) => {
    const due = begins + minutes * 60e3;
    const name = row.dataset.name;
    const time = row.querySelector("[data-due]");
    time.textContent = beijing(due);
    time.dateTime = new Date(due).toISOString();
    row.querySelector("[data-position]").textContent = n + 1;
    row.querySelector("[data-grip]").ariaLabel = `挪动${name}，现在第 ${n + 1} 位，按上下键`;
    const [up, down] = row.querySelectorAll('[name="move"]');
    up.ariaLabel = `往前挪：${name}，现在第 ${n + 1} 位`;
    down.ariaLabel = `往后挪：${name}，现在第 ${n + 1} 位`;
    minutes += minutesOf(row);
  });
  const over = minutes - Number(form.dataset.length);
  const fits = over > 0 ? `比排的多 ${over} 分钟` : over < 0 ? `比排的少 ${-over} 分钟` : "正好排满";
  const sum = one("minutes");
  sum.textContent = `${all.length} 件，共 ${minutes} 分钟，${fits}`;
  sum.classList.toggle("amber", over > 0);
  one("empty").hidden = all.length > 0;
  form.querySelector(".slots-head").hidden = all.length === 0;
}

function changed() {
  dirty = true;
  one("dirty").hidden = false;
  reckon();
}

/* Emptied first, so that the same words are read out again. */
function say(text) {
  one("said").textContent = "";
  setTimeout(() => (one("said").textContent = text), 50);
}

function sayPlace(row) {
  const all = rows();
  const due = row.querySelector("[data-due]").textContent;
  say(`${row.dataset.name}挪到第 ${all.indexOf(row) + 1} 位，共 ${all.length} 位，北京时间 ${due} 讲。`);
}

function move(row, up) {
  const other = up ? row.previousElementSibling : row.nextElementSibling;
  if (!other) return say(up ? "已经是第一位。" : "已经是最后一位。");
  const held = document.activeElement;
  up ? other.before(row) : other.after(row);
  held.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
  changed();
  sayPlace(row);
}

function remove(row) {
  const next = row.nextElementSibling ?? row.previousElementSibling;
  taken.push({ row, at: rows().indexOf(row) });
  row.remove();
  changed();
  offerUndo();
  (next?.querySelector("[data-grip]") ?? form.querySelector("#f-q")).focus();
  say(`拿掉了${row.dataset.name}。要放回去，按“放回去”。`);
}

function offerUndo() {
  const last = taken.at(-1);
  one("removed").hidden = !last;
  one("removed-name").textContent = last ? `拿掉了“${last.row.dataset.name}”` : "";
}

function undo() {
  const { row, at } = taken.pop();
  list.insertBefore(row, rows()[at] ?? null);
  changed();
  offerUndo();
  row.querySelector("[data-grip]").focus();
  sayPlace(row);
}

/* Below the floor, the question whether the family agreed appears as the price is typed. */
function askConsent(price) {
  const box = price.closest("[data-row]").querySelector("[data-consent]");
  const floor = Number(price.parentElement.dataset.floor ?? 0);
  const fen = Math.round(Number(price.value.replace(/[¥,元\s]/g, "")) * 100);
  if (box) box.hidden = !(fen > 0 && fen < floor) && !box.querySelector("input").value;
}

form.addEventListener("input", (event) => {
  const { target } = event;
  if (target.name.endsWith(".show_price")) askConsent(target);
  if (target.name !== "q") changed();
});

form.addEventListener("click", (event) => {
  const button = event.target.closest('[name="move"], [name="remove"], [name="undo"]');
  if (!button || (button.name === "undo" && !taken.length)) return;
  event.preventDefault();
  const row = button.closest("[data-row]");
  if (button.name === "undo") undo();
  else if (button.name === "remove") remove(row);
  else move(row, button.value.startsWith("up"));
});

form.addEventListener("keydown", (event) => {
  const row = event.target.closest("[data-row]");
  const moves = event.altKey || event.target.matches("[data-grip]");
  if (!row || !moves || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
  event.preventDefault();
  move(row, event.key === "ArrowUp");
});

/* The grip follows the pointer, a finger as well as a mouse; Escape puts the row back. */
let dragged = null;

list.addEventListener("pointerdown", (event) => {
  const grip = event.target.closest("[data-grip]");
  if (!grip || event.button) return;
  const row = grip.closest("[data-row]");
  dragged = { row, grip, before: row.nextElementSibling, moved: false };
  grip.setPointerCapture(event.pointerId);
  row.toggleAttribute("data-dragged", true);
});

list.addEventListener("pointermove", (event) => {
  if (!dragged) return;
  const { row } = dragged;
  const over = rows().find((other) => {
    const box = other.getBoundingClientRect();
    return other !== row && event.clientY >= box.top && event.clientY < box.bottom;
  });
  if (!over) return;
  const box = over.getBoundingClientRect();
  const upper = event.clientY < box.top + box.height / 2;
  const after = row.compareDocumentPosition(over) & Node.DOCUMENT_POSITION_FOLLOWING;
  if (Boolean(after) === upper) return;
  // Moving an element lets go of the pointer, so the others move around it.
  while (over !== (after ? row.previousElementSibling : row.nextElementSibling)) {
    after ? row.before(row.nextElementSibling) : row.after(row.previousElementSibling);
  }
  dragged.moved = true;
});

function drop(back) {
  if (!dragged) return;
  const { row, before, moved } = dragged;
  dragged = null;
  row.toggleAttribute("data-dragged", false);
  if (back) list.insertBefore(row, before);
  if (!moved) return;
  changed();
  sayPlace(row);
}

list.addEventListener("pointerup", () => drop(false));
list.addEventListener("pointercancel", () => drop(true));
addEventListener("keydown", (event) => event.key === "Escape" && drop(true));

/* Leaving with unsaved rows asks first; the form's own buttons do not leave. */
form.addEventListener("submit", () => (dirty = false));
addEventListener("beforeunload", (event) => dirty && event.preventDefault());
