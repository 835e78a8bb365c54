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
    const label = button.querySelector(".label") ?? button;
    const before = (button.dataset.label ??= label.textContent);
    label.textContent = words;
    label.setAttribute("aria-live", "polite");
    setTimeout(() => (label.textContent = before), 2500);
  }

  // An answer as Markdown; addresses of this server begin with a slash.
  function toMarkdown(button) {
    return button.value.replace(/(\]\()(\/)/g, `$1${root.origin}$2`);
  }

  async function copy(button, text) {
    try {
      await navigator.clipboard.writeText(text);
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
    const place = button.closest(".actions");
    const vote = (votes[button.value] ??= newVote());
    const feedback = { answer: button.value, helpful: button.name === "yes", vote };
    for (const choice of place.querySelectorAll(".rate")) {
      choice.setAttribute("aria-pressed", String(choice === button));
    }
    place.querySelector(".opinion")?.remove();
    const saved = await sendFeedback(feedback);
    if (button.getAttribute("aria-pressed") !== "true") {
      return; // the reader changed their mind
    }
    place.querySelector(".opinion")?.remove();
    place.append(feedback.helpful ? thanks(saved) : commentForm(feedback, saved));
    place.querySelector(".opinion input")?.focus();
  }

  function thanks(saved) {
    return element("form", "opinion", element("output", "", say(saved ? "thanks" : "feedback_not_saved")));
  }

  function commentForm(feedback, saved) {
    const form = thanks(saved);
    const status = form.firstChild;
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

  // -- the passage of a source ---------------------------------------------------------------------

  const wide = matchMedia("(min-width: 60.01rem)");
  let panel = null, opener = null;

  function buildPanel() {
    const close = element("button", "close", "×");
    close.setAttribute("aria-label", say("close"));
    close.addEventListener("click", closePanel);
    const heading = element("h2");
    heading.id = "preview-heading";
    heading.tabIndex = -1;
    heading.dir = "auto";
    const copying = element("button", "button", element("span", "label", say("copy_quote")));
    copying.addEventListener("click", () => {
      const quote = Array.from(panel.querySelectorAll("mark"), (mark) => mark.innerText).join(" ");
      copy(copying, quote);
    });
    panel = element(
      "dialog", "preview",
      element("header", "", element("span"), close),
      element("div", "body", heading, element("div", "passage")),
      element("footer", "", element("a", "button main", say("open_in_guide")), copying),
    );
    panel.id = "preview";
    panel.setAttribute("aria-labelledby", heading.id);
    panel.addEventListener("cancel", (event) => {
      event.preventDefault();
      closePanel();
    });
    panel.addEventListener("click", (event) => event.target === panel && closePanel());
    (document.querySelector(".gradio-container") ?? document.body).append(panel);
  }

  function closePanel() {
    panel?.close();
    document.documentElement.classList.remove("previewing");
    opener?.setAttribute("aria-expanded", "false");
    opener?.focus();
    opener = null;
  }

  function openPanel(pill) {
    if (!panel?.isConnected) {
      buildPanel();
    }
    const again = opener === pill;
    closePanel();
    if (again) {
      return;
    }
    const pills = [...pill.closest(".sources").querySelectorAll(".pill")];
    const [count, body] = [panel.querySelector("header span"), panel.querySelector(".passage")];
    count.textContent = say("source_of", { n: pills.indexOf(pill) + 1, total: pills.length });
    panel.querySelector("h2").textContent = pill.querySelector(".section").textContent;
    body.replaceChildren(...pill.nextElementSibling.cloneNode(true).childNodes);
    const link = panel.querySelector("a.main");
    link.href = pill.href;
    // In the frame of another site, and to the published site, a link opens a tab of its own.
    const leaves = parent !== window || link.origin !== location.origin;
    link.target = leaves ? "_blank" : "";
    link.rel = "noopener";
    opener = pill;
    pill.setAttribute("aria-expanded", "true");
    document.documentElement.classList.toggle("previewing", wide.matches);
    wide.matches ? panel.show() : panel.showModal();
    panel.querySelector("h2").focus();
    panel.querySelector("mark")?.scrollIntoView({ block: "center" });
  }

  function findPill(link) {
    if (link.matches(".pill")) {
      return link;
    }
    const numbers = [...link.closest(".exchange").querySelectorAll(".pill .number")];
    return numbers.find((number) => `[${number.textContent}]` === link.textContent)?.closest(".pill");
  }

  // Sources are links without this script; with it they are buttons that open the panel.
  function prepare(exchange) {
    for (const pill of exchange.querySelectorAll(".pill:not([role])")) {
      pill.setAttribute("role", "button");
      pill.setAttribute("aria-expanded", "false");
      pill.setAttribute("aria-controls", "preview");
    }
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("#talk a:is(.pill, .number)");
    const pill = link && !event.ctrlKey && !event.metaKey && !event.shiftKey && findPill(link);
    if (pill) {
      event.preventDefault();
      openPanel(pill);
      return;
    }
    const address = event.target.closest?.("a.permalink");
    // In the frame of another site nothing may be copied: there the link opens.
    if (address && parent === window && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      copy(address, address.href);
      return;
    }
    const button = event.target.closest?.("button.copy, button.rate, .reader:not(.embed) button.asks");
    if (button?.matches(".copy")) {
      copy(button, toMarkdown(button));
    } else if (button?.matches(".rate")) {
      rate(button);
    } else if (button) {
      location.assign(new URL(`?q=${encodeURIComponent(button.value)}`, root));
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && panel?.open) {
      event.stopPropagation();
      closePanel();
    } else if (event.key === " " && event.target.matches?.(".pill")) {
      event.preventDefault();
      event.target.click();
    }
  }, true);
  document.documentElement.classList.add("scripted");
  document.querySelectorAll("#talk .exchange").forEach(prepare);
  window.guide = { root, say, element, prepare, closePanel, toMarkdown };
})();
