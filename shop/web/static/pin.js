// A keypad on the page, large enough for any finger; the phone's own then stays away.

const keypad = document.querySelector("[data-keypad]");

if (keypad) {
  const field = document.getElementById(keypad.dataset.keypad);
  keypad.hidden = false;
  keypad.nextElementSibling.hidden = true;
  field.inputMode = "none";
  keypad.addEventListener("click", (event) => {
    const key = event.target.closest("[type=button]");
    if (!key) return;
    field.value = key.value ? (field.value + key.value).slice(0, field.maxLength) : field.value.slice(0, -1);
  });
}
