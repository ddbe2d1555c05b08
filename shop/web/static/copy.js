// A button that copies what a field holds. Where the browser does not let it, the text is selected.

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    button.firstElementChild.textContent = "复制好了";
  } catch {
    button.firstElementChild.textContent = "已选中，请按 Ctrl+C";
  }
});
