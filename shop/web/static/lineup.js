// The line-up's rows change places without a round trip: the arrows, Alt+↑/↓ in a row, and the
// handle for a mouse. Their order in the page is their order in the form; nothing is renamed.

const form = document.getElementById("line-up");
const rows = () => [...form.querySelectorAll("[data-row]")];
let dirty = "unsaved" in form.dataset;

function changed() {
  dirty = true;
  form.querySelector("[data-dirty]").hidden = false;
  let minutes = 0;
  rows().forEach((row, n) => {
    row.querySelector("[data-position]").textContent = n + 1;
    minutes += Number.parseInt(row.querySelector('[name$=".minutes"]').value, 10) || 0;
  });
  const sum = form.querySelector("[data-minutes]");
  const { length } = form.dataset;
  sum.textContent = `${rows().length} 件，共 ${minutes} 分钟；这一场 ${length} 分钟`;
  sum.classList.toggle("amber", minutes > Number(length));
}

function move(row, up) {
  const other = up ? row.previousElementSibling : row.nextElementSibling;
  if (!other) return;
  const held = document.activeElement;
  up ? other.before(row) : other.after(row);
  held.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
  changed();
}

form.addEventListener("input", (event) => {
  if (event.target.closest("[data-row]")) changed();
});

form.addEventListener("click", (event) => {
  const arrow = event.target.closest('[name="move"]');
  if (!arrow) return;
  event.preventDefault();
  move(arrow.closest("[data-row]"), arrow.value.startsWith("up"));
});

form.addEventListener("keydown", (event) => {
  const row = event.target.closest("[data-row]");
  if (!row || !event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
  event.preventDefault();
  move(row, event.key === "ArrowUp");
});

/* The handle alone can be dragged, so that text in the fields can still be selected. */
let dragged = null;
for (const handle of form.querySelectorAll("[data-handle]")) handle.draggable = true;

form.addEventListener("dragstart", (event) => {
  dragged = event.target.closest?.("[data-handle]")?.closest("[data-row]");
  if (!dragged) return;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setDragImage(dragged, 20, 20);
});

form.addEventListener("dragover", (event) => {
  const over = dragged && event.target.closest("[data-row]");
  if (!over) return;
  event.preventDefault();
  if (over === dragged) return;
  const box = over.getBoundingClientRect();
  event.clientY < box.top + box.height / 2 ? over.before(dragged) : over.after(dragged);
});

form.addEventListener("drop", (event) => dragged && event.preventDefault());
form.addEventListener("dragend", () => {
  if (dragged) changed();
  dragged = null;
});

/* Leaving with unsaved rows asks first; the form's own buttons do not leave. */
form.addEventListener("submit", () => (dirty = false));
addEventListener("beforeunload", (event) => dirty && event.preventDefault());
