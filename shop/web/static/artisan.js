// Reads the page out to those who would rather listen, where the phone has a voice.

const button = document.querySelector("[data-speak]");

if (button && "speechSynthesis" in window) {
  button.hidden = false;
  button.addEventListener("click", () => {
    if (speechSynthesis.speaking) return speechSynthesis.cancel();
    const words = new SpeechSynthesisUtterance(document.getElementById("main").innerText);
    words.lang = "zh-CN";
    words.rate = 0.85;
    speechSynthesis.speak(words);
  });
  addEventListener("pagehide", () => speechSynthesis.cancel());
}
