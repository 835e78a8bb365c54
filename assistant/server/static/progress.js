// Updates the progress of building the index, and reloads the page once the guide is ready.
(() => {
  "use strict";
  const list = document.querySelector("[data-progress]");
  const left = document.querySelector(".left");
  const say = (name) => document.querySelector(`meta[name="say-${name}"]`).content;
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const starts = new Map(); // when a step was first seen, and how much of it was done
  const ENOUGH = 3000; // milliseconds of a step after which its speed is known

  async function look() {
    try {
      const { ready, steps } = await (await fetch(list.dataset.progress)).json();
      if (ready) {
        location.reload();
        return;
      }
      show(Object.entries(steps).filter(([, [, total]]) => total));
    } catch {
      // The server cannot be reached for a moment; try again.
    }
    setTimeout(look, 400);
  }

  function show(begun) {
    const isBuilt = begun.at(-1)?.[0] === "encoding" && begun.at(-1)[1][0] >= begun.at(-1)[1][1];
    for (const [number, [name, [done, total]]] of begun.entries()) {
      const step = list.querySelector(`[data-step="${name}"]`);
      if (!step) {
        continue;
      }
      const isLast = number === begun.length - 1;
      const isFinished = !isLast || isBuilt;
      step.hidden = false;
      step.className = isFinished ? "finished" : "active";
      step.querySelector("progress").max = total;
      if (done || total > 1) {
        step.querySelector("progress").value = done;
      }
      const values = { done: done.toLocaleString(), total: total.toLocaleString() };
      step.querySelector("output").textContent =
        total > 1 ? (isFinished ? total.toLocaleString() : fill(say("progress"), values)) : "";
    }
    const opening = list.querySelector('[data-step="opening"]');
    if (begun.some(([name]) => name === "reading")) {
      opening.hidden = false;
      opening.className = isBuilt ? "active" : "waiting";
    }
    left.textContent = isBuilt ? "" : estimate(begun.at(-1));
  }

  // The time left is that of the last step, the longest: known once it has run for a moment.
  function estimate(step) {
    if (!step || step[0] !== "encoding") {
      return "";
    }
    const [name, [done, total]] = step;
    const now = performance.now();
    if (!starts.has(name)) {
      starts.set(name, [now, done]);
    }
    const [since, before] = starts.get(name);
    if (now - since < ENOUGH || done <= before) {
      return "";
    }
    const seconds = ((total - done) * (now - since)) / (done - before) / 1000;
    const minutes = Math.round(seconds / 60);
    return minutes > 1
      ? fill(say("minutes_left"), { n: minutes.toLocaleString() })
      : fill(say("seconds_left"), { n: Math.max(5, Math.ceil(seconds / 5) * 5).toLocaleString() });
  }

  look();
})();
