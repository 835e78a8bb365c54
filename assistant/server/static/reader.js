// Keeps the marked quote in view while the page above it still grows: images load after the scroll.
(() => {
  "use strict";
  const mark = document.getElementById("quoted.words");

  function show() {
    const { top, bottom } = mark.getBoundingClientRect();
    if (bottom < 0 || top > innerHeight) {
      mark.scrollIntoView({ block: "center", behavior: "auto" });
    }
  }

  if (mark) {
    addEventListener("load", () => requestAnimationFrame(show));
  }
})();
