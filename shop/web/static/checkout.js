// The total with postage as soon as a province is chosen. Without scripts the choices say it.

const sums = document.querySelector("[data-totals]");
const province = document.getElementById("f-province");
const totals = JSON.parse(sums.dataset.totals);

function show() {
  const [postage, total] = totals[province.value] ?? [];
  if (!total) return;
  sums.querySelector("[data-postage]").textContent = `¥${postage}`;
  const sum = Object.assign(document.createElement("strong"), { className: "price" });
  sum.textContent = `¥${total}`;
  sums.querySelector("[data-total]").replaceChildren(sum);
  document.querySelector(".actionbar .button-primary span").textContent = `去付款 ¥${total}`;
}

/* What is held may be sold elsewhere meanwhile: whoever is filling in the form is told. */
setInterval(async () => {
  if (document.hidden) return;
  const { status } = await fetch(location.href).catch(() => ({}));
  if (status === 409) location.reload();
}, 15000);

province.addEventListener("change", show);
addEventListener("pageshow", show);
