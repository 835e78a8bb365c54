// What markup alone cannot do for the chat: tell screen readers what is new, bring the newest
// question into view, keep the keyboard in the question box, and hold a question that is sent
// before the page can send it. Without it the chat still works.
(() => {
  "use strict";
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const mouse = matchMedia("(hover: hover) and (pointer: fine)");
  let shown = 0;

  function follow(talk) {
    const exchanges = talk.querySelectorAll(".exchange");
    document.documentElement.classList.toggle("talking", exchanges.length > 0);
    const last = exchanges[exchanges.length - 1];
    if (last) {
      last.scrollIntoView({ block: "start", behavior: still.matches ? "auto" : "smooth" });
    }
    if (exchanges.length !== shown && mouse.matches) {
      document.querySelector("#question textarea")?.focus({ preventScroll: true });
    }
    shown = exchanges.length;
  }

  function hold(box, ask) {
    let held = false;
    const early = (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.target === box) {
        held = true;
        event.preventDefault();
        event.stopImmediatePropagation();
      }
    };
    const ready = new MutationObserver(() => {
      if (!ask.disabled) {
        ready.disconnect();
        document.removeEventListener("keydown", early, true);
        document.removeEventListener("keypress", early, true);
        if (held) {
          ask.click();
        }
      }
    });
    if (ask.disabled) {
      document.addEventListener("keydown", early, true);
      document.addEventListener("keypress", early, true);
      ready.observe(ask, { attributes: true });
    }
  }

  function begin() {
    const talk = document.getElementById("talk");
    const box = document.querySelector("#question textarea");
    const ask = document.getElementById("ask");
    if (!talk || !box || !ask) {
      return false;
    }
    hold(box, ask);
    talk.setAttribute("role", "log");
    talk.setAttribute("aria-live", "polite");
    talk.setAttribute("aria-label", "Conversation");
    box.setAttribute("aria-label", "Your question");
    new MutationObserver(() => follow(talk)).observe(talk, { childList: true, subtree: true });
    return true;
  }

  if (!begin()) {
    const waiting = new MutationObserver(() => begin() && waiting.disconnect());
    waiting.observe(document.documentElement, { childList: true, subtree: true });
  }
})();
