// The overlay follows the station's messages: each holds the whole picture, so nothing is ever missed.

const SILENCE = 20000;
const { events, now } = document.body.dataset;
let ahead = Date.parse(now) - Date.now();
let html = "";
let silence;

function draw(wanted) {
  if (wanted === html) return;
  html = wanted;
  const old = document.getElementById("overlay");
  const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("overlay");
  // A picture that stays, or that was waiting as the next one, is not loaded again: it would flicker.
  for (const image of fresh.querySelectorAll("img")) {
    const loaded = [...old.querySelectorAll("img")].find(({ src }) => src === image.src);
    if (loaded) {
      loaded.className = image.className;
      image.replaceWith(loaded);
    }
  }
  fresh.classList.toggle("changed", old.dataset.face !== fresh.dataset.face);
  old.replaceWith(fresh);
  tick();
}

function blank() {
  document.getElementById("overlay").replaceChildren();
}

/* A hold's clock runs on the station's time: a wrong clock in the studio does no harm. */
function tick() {
  for (const clock of document.querySelectorAll("[data-until]")) {
    const left = Math.max(0, Math.ceil((Date.parse(clock.dataset.until) - Date.now() - ahead) / 1000));
    clock.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  }
}

function listen() {
  clearTimeout(silence);
  silence = setTimeout(() => document.body.classList.add("lost"), SILENCE);
}

function connect() {
  const source = new EventSource(events);
  source.addEventListener("overlay", ({ data }) => {
    const heard = JSON.parse(data);
    ahead = Date.parse(heard.now) - Date.now();
    document.body.classList.remove("lost");
    listen();
    draw(heard.html);
  });
  source.addEventListener("revoked", () => {
    source.close();
    clearTimeout(silence);
    blank();
  });
  // The browser tries again by itself, unless a proxy answered in the station's place.
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 3000);
  };
}

if (events) {
  connect();
  listen();
}
setInterval(tick, 1000);
tick();
