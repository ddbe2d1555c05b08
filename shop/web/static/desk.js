// The desk is worked from the keyboard: / to search, ? for all keys, G and a letter to go somewhere,
// and any key that a button shows (data-key) to press it.

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
  else if (key === "/") document.querySelector("input[type=search]")?.select();
  else if (key === "?" || key === "？") document.getElementById("keys").showModal();
  else return;
  event.preventDefault();
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) print();
});
