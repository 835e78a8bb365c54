// Lets a reader copy an answer as Markdown and rate it: in the chat, in the widget and on the
// answer's own page. The messages are in the page's <meta name="say-…">.
(() => {
  "use strict";
  const root = new URL("..", document.currentScript.src);
  const MAX_COMMENT = 2000; // characters

  function say(name, values = {}) {
    const message = document.querySelector(`meta[name="say-${name}"]`)?.content ?? "";
    return message.replace(/\{(\w+)\}/g, (blank, key) => values[key] ?? blank);
  }

  function element(name, css = "", ...children) {
    const made = document.createElement(name);
    if (css) {
      made.className = css;
    }
    made.append(...children);
    return made;
  }

  // -- copying -------------------------------------------------------------------------------------

  function showBriefly(button, words) {
    const label = button.textContent;
    button.textContent = words;
    button.setAttribute("aria-live", "polite");
    setTimeout(() => (button.textContent = label), 2500);
  }

  async function copy(button) {
    const ownLinks = /(\]\()(\/)/g; // addresses of this server begin with a slash
    try {
      await navigator.clipboard.writeText(button.value.replace(ownLinks, `$1${root.origin}$2`));
      showBriefly(button, say("copied"));
    } catch {
      showBriefly(button, say("copy_refused"));
    }
  }

  // -- rating --------------------------------------------------------------------------------------

  const votes = {}; // of this tab, by answer: a second rating of an answer replaces the first

  function newVote() {
    const parts = crypto.getRandomValues(new Uint32Array(4));
    return Array.from(parts, (part) => part.toString(36)).join("-");
  }

  function sendFeedback(feedback) {
    return fetch(new URL("feedback", root), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(feedback),
    }).then((response) => response.ok, () => false);
  }

  async function rate(button) {
    const place = button.closest(".helpful");
    const vote = (votes[button.value] ??= newVote());
    const feedback = { answer: button.value, helpful: button.name === "yes", vote };
    for (const choice of place.querySelectorAll(".rate")) {
      choice.setAttribute("aria-pressed", String(choice === button));
    }
    place.querySelector(".opinion")?.remove();
    const saved = await sendFeedback(feedback);
    place.append(commentForm(feedback, saved));
    place.querySelector(".opinion input")?.focus();
  }

  function commentForm(feedback, saved) {
    const status = element("output", "", say(saved ? "thanks" : "feedback_not_saved"));
    const form = element("form", "opinion", status);
    if (!saved) {
      return form;
    }
    const box = element("input");
    const label = element("label", "", say("comment_label"), box);
    const button = element("button", "action", say("send"));
    box.maxLength = MAX_COMMENT;
    box.dir = "auto";
    form.append(label, button);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const sent = await sendFeedback({ ...feedback, comment: box.value });
      status.textContent = say(sent ? "thanks" : "feedback_not_saved");
      if (sent) {
        label.remove();
        button.remove();
      }
    });
    return form;
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button.copy, button.rate, .reader:not(.embed) button.asks");
    if (button?.matches(".copy")) {
      copy(button);
    } else if (button?.matches(".rate")) {
      rate(button);
    } else if (button) {
      location.assign(new URL(`?q=${encodeURIComponent(button.value)}`, root));
    }
  });
  document.documentElement.classList.add("scripted");
  window.guide = { root, say, element };
})();
