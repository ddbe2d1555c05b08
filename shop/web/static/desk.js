// The desk is worked from the keyboard: / to search, ? for all keys, G and a letter to go somewhere,
// and any key that a button shows (data-key) to press it. In lists (data-rows) J and K go from row to
// row, Enter opens, X ticks, T takes.

let going = false;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.target.matches("input:not([type=checkbox], [type=radio]), select, textarea")) return;
  const key = event.key.toLowerCase();
  const wanted = going ? "data-go" : "data-key";
  going = key === "g" && !going;
  if (going) return;
  const target = [...document.querySelectorAll(`[${wanted}]`)]
    .find((e) => e.getAttribute(wanted).toLowerCase() === key && !e.disabled);
  if (target) target.click();
  else if (inRows(key)) {}
  else if (key === "/") document.querySelector("input[type=search]")?.select();
  else if (key === "?" || key === "？") document.getElementById("keys").showModal();
  else return;
  event.preventDefault();
});

// What a key does to the row that has the focus; false where it means nothing.
function inRows(key) {
  const rows = [...document.querySelectorAll("[data-rows] [data-row]")];
  const at = rows.findIndex((row) => row.closest("tr").contains(document.activeElement));
  if (key === "j" || key === "k") rows[at < 0 ? 0 : at + (key === "j" ? 1 : -1)]?.focus();
  else if (at < 0) return false;
  else if (key === "x") rows[at].closest("tr").querySelector("input[type=checkbox]")?.click();
  else if (key === "t") rows[at].closest("tr").querySelector("form[data-take]")?.requestSubmit();
  else return false;
  return rows.length > 0;
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) print();
});

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-tick-all]")) return;
  const boxes = event.target.closest("[data-rows]").querySelectorAll("input[name=ids]");
  for (const box of boxes) box.checked = event.target.checked;
});
