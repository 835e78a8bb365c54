// Keeps the page that waits for the guide up to date, and leaves it once the guide is ready.
(() => {
  "use strict";
  const list = document.querySelector("[data-progress]");

  async function look() {
    try {
      const { ready, steps } = await (await fetch(list.dataset.progress)).json();
      if (ready) {
        location.reload();
        return;
      }
      for (const [name, [done, total]] of Object.entries(steps)) {
        const step = list.querySelector(`[data-step="${name}"]`);
        if (step && total) {
          step.classList.add("begun");
          step.querySelector("progress").max = total;
          if (done || total > 1) {
            step.querySelector("progress").value = done;
          }
          step.querySelector("output").textContent =
            total > 1 ? `${done.toLocaleString()} / ${total.toLocaleString()}` : "";
        }
      }
    } catch {
      // The server is not there for a moment; it is asked again.
    }
    setTimeout(look, 400);
  }
  look();
})();
