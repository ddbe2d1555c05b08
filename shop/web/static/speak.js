// Says aloud what a control stands for, where the browser has a Chinese voice. Without one the
// controls stay away, and the station's number stands there instead (artisan.css).

const MAINLAND = /^(zh|cmn)([-_]hans)?([-_]cn)?$/i;
const CHINESE = /^(zh|cmn)/i;
const speech = window.speechSynthesis;

const voice = () => {
  const voices = speech?.getVoices() ?? [];
  return voices.find(({ lang }) => MAINLAND.test(lang)) ?? voices.find(({ lang }) => CHINESE.test(lang));
};
const look = () => document.body.toggleAttribute("data-voice", Boolean(voice()));

let speaking = null;

function still() {
  speaking?.removeAttribute("aria-pressed");
  speaking = null;
  speech.cancel();
}

function say(control) {
  // A page with no words of its own is read as it stands.
  const words = control.dataset.say || document.getElementById("main").innerText;
  const spoken = new SpeechSynthesisUtterance(words);
  Object.assign(spoken, { lang: "zh-CN", voice: voice(), rate: 0.85 });
  spoken.onend = spoken.onerror = () => speaking === control && still();
  speaking = control;
  control.setAttribute("aria-pressed", "true");
  speech.speak(spoken);
}

if (speech) {
  look();
  speech.addEventListener?.("voiceschanged", look);
  document.addEventListener("click", ({ target }) => {
    const control = target.closest("[data-say]");
    if (!control) return;
    const again = control === speaking;
    still();
    if (!again) say(control);
  });
  addEventListener("pagehide", still);
}
