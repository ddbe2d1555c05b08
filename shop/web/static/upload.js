// Photos in a <form data-upload>: seen before they are sent, and how far they have been sent.

document.addEventListener("change", async ({ target }) => {
  const place = target.type === "file" && target.closest(".field").querySelector("[data-preview]");
  if (!place) return;
  const pictures = await Promise.allSettled([...target.files].map(draw));
  place.replaceChildren(...pictures.flatMap((p) => (p.status === "fulfilled" ? [p.value] : [])));
});

async function draw(file) {
  const bitmap = await createImageBitmap(file, { resizeWidth: 480, resizeQuality: "medium" });
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", file.name);
  return canvas;
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || !form.matches("[data-upload]")) return;
  event.preventDefault();
  const data = new FormData(form, event.submitter);
  const bar = form.querySelector("progress");
  const request = new XMLHttpRequest();
  request.open("POST", form.getAttribute("action") ?? "");
  // The page that follows is loaded once more for the person, who must still find its message.
  request.setRequestHeader("X-Upload", "1");
  request.upload.onprogress = ({ loaded, total }) => (bar.value = (100 * loaded) / total);
  request.onload = () => {
    // What was taken always leads on, be it to this same page.
    if (request.status < 400) {
      location.assign(request.responseURL);
      return;
    }
    const answer = new DOMParser().parseFromString(request.responseText, "text/html");
    const main = answer.getElementById("main");
    main ? document.getElementById("main").replaceWith(main) : sendPlainly(form);
  };
  request.onerror = () => sendPlainly(form);
  bar.hidden = false;
  request.send(data);
});

const sendPlainly = (form) => HTMLFormElement.prototype.submit.call(form);
