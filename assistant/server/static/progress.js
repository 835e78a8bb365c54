// Updates the progress of building the index, and reloads the page once the guide is ready.
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
      // The server cannot be reached for a moment; try again.
    }
    setTimeout(look, 400);
  }
  look();
})();
