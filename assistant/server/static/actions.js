// What can be done with an answer, in the chat and on the answer's own page: copy it as Markdown,
// say whether it helped. The words are the page's own, in its <meta name="say-…">.
(() => {
  "use strict";
  const root = new URL("..", document.currentScript.src);

  window.say = (name) => document.querySelector(`meta[name="say-${name}"]`)?.content ?? "";

  function told(button, words) {
    const before = button.textContent;
    button.textContent = words;
    button.setAttribute("aria-live", "polite");
    setTimeout(() => (button.textContent = before), 2500);
  }

  async function copy(button) {
    const links = /(\]\()(\/)/g; // our own addresses begin with a slash
    try {
      await navigator.clipboard.writeText(button.value.replace(links, `$1${root.origin}$2`));
      told(button, say("copied"));
    } catch {
      told(button, say("not_copied"));
    }
  }

  const votes = {}; // of this tab, by answer: a second opinion on it replaces the first

  function token() {
    return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("-");
  }

  function send(opinion) {
    return fetch(new URL("feedback", root), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(opinion),
    }).then((response) => response.ok, () => false);
  }

  async function rate(button) {
    const place = button.closest(".helpful");
    const vote = (votes[button.value] ??= token());
    const opinion = { answer: button.value, helpful: button.name === "yes", vote };
    for (const one of place.querySelectorAll(".rate")) {
      one.setAttribute("aria-pressed", String(one === button));
    }
    place.querySelector(".opinion")?.remove();
    const kept = await send(opinion);
    place.append(form(opinion, kept));
    place.querySelector(".opinion input")?.focus();
  }

  // Made anew and put after the buttons: the talk's own markup has no form in it.
  function form(opinion, kept) {
    const made = document.createElement("form");
    made.className = "opinion";
    const status = document.createElement("output");
    status.textContent = say(kept ? "thanks" : "not_kept");
    made.append(status);
    if (!kept) {
      return made;
    }
    const label = document.createElement("label");
    const box = document.createElement("input");
    const button = document.createElement("button");
    label.append(say("comment_label"), box);
    box.maxLength = 2000;
    box.dir = "auto";
    button.className = "action";
    button.textContent = say("send");
    made.append(label, button);
    made.addEventListener("submit", async (event) => {
      event.preventDefault();
      const sent = await send({ ...opinion, comment: box.value });
      status.textContent = say(sent ? "thanks" : "not_kept");
      if (sent) {
        label.remove();
        button.remove();
      }
    });
    return made;
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button.copy, button.rate, .reader button.asks");
    if (button?.matches(".copy")) {
      copy(button);
    } else if (button?.matches(".rate")) {
      rate(button);
    } else if (button) {
      location.assign(new URL(`?q=${encodeURIComponent(button.value)}`, root));
    }
  });
  document.documentElement.classList.add("scripted");
})();
