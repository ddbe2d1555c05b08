// What was done is told to those who hear the page, too: a live region speaks when it changes.

const told = document.querySelector("main > .flash");

if (told) {
  const words = told.textContent;
  told.textContent = "";
  setTimeout(() => (told.textContent = words), 150);
}
