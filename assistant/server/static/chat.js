// Controls the chat page: shows a question while it waits for its answer, announces a new answer
// and scrolls to it, closes the earlier ones, keeps the focus in the question box, and holds a
// question that is sent before the page is ready. The tab keeps the id of its conversation, and
// nothing of what it says.
(() => {
  "use strict";
  const { say, element, prepare, closePanel, toMarkdown } = window.guide;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const mouse = matchMedia("(hover: hover) and (pointer: fine)");
  const SLOW = 700; // milliseconds after which a question is shown as queued
  const PAUSE = 500; // milliseconds before a page that is not ready yet tries again; doubled each time
  const TAB = "conversation"; // where the tab keeps the id
  let talk, box, ask, status, shown = 0, waiting = 0;

  function conversationId() {
    try {
      if (!sessionStorage[TAB]) {
        const parts = crypto.getRandomValues(new Uint32Array(5));
        sessionStorage[TAB] = Array.from(parts, (part) => part.toString(36)).join("-");
      }
      return sessionStorage[TAB];
    } catch {
      return ""; // a browser that keeps nothing: the conversation ends when the page is left
    }
  }

  // -- a question that waits for its answer -------------------------------------------------------

  function pending(question) {
    settled();
    const place = element("section", "exchange pending");
    const note = element("p", "looking", say("searching"));
    place.append(element("h2", "asked", question.slice(0, 300)), note);
    place.firstChild.dir = "auto";
    talk.after(place);
    document.documentElement.classList.add("talking");
    waiting = setTimeout(() => (note.textContent = say("queued")), SLOW);
    place.scrollIntoView({ block: "start", behavior: still.matches ? "auto" : "smooth" });
  }

  function settled() {
    clearTimeout(waiting);
    document.querySelector(".pending")?.remove();
  }

  function failed(message, hint) {
    const place = document.querySelector(".pending");
    if (place) {
      clearTimeout(waiting);
      const notice = element("div", "notice failure");
      notice.append(element("p", "", message), element("p", "", hint));
      place.querySelector(".looking, .notice")?.replaceWith(notice);
    }
  }

  // Gradio's client does not say why a question was refused; the response does. The page sends the
  // first request itself, to become ready: it is repeated until the server accepts it.
  const originalFetch = window.fetch;
  window.fetch = async (...request) => {
    if (!String(request[0]?.url ?? request[0]).includes("/queue/join")) {
      return originalFetch(...request);
    }
    for (let tries = 0; ; tries += 1) {
      const early = !ask || ask.disabled;
      try {
        const [address, options = {}] = request;
        const headers = new Headers(options.headers);
        headers.set("X-Conversation", conversationId());
        const response = await originalFetch(address, { ...options, headers });
        const busy = response.status === 429 || response.status === 503;
        if (!(early && busy)) {
          if (!response.ok) {
            const refused = await response.clone().json().catch(() => ({}));
            failed(busy ? say("busy") : refused.detail, busy ? say("busy_hint") : refused.hint ?? refused.mend);
          }
          return response;
        }
      } catch (error) {
        failed(say("connection_lost"), say("connection_lost_hint"));
        if (!early) {
          throw error;
        }
      }
      await new Promise((over) => setTimeout(over, PAUSE * 2 ** Math.min(tries, 4)));
    }
  };

  function put(question) {
    Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(box, question);
    box.dispatchEvent(new Event("input", { bubbles: true }));
    hideList(); // a question that is asked needs no completion
    // Later, because Gradio has to read the box first.
    setTimeout(() => (ask.disabled ? hold(true) : ask.click()), 0);
  }

  // -- a new answer -------------------------------------------------------------------------------

  function follow() {
    const exchanges = [...talk.querySelectorAll(".exchange")];
    document.documentElement.classList.toggle("talking", exchanges.length > 0);
    const count = exchanges.length;
    if (count === shown) {
      return;
    }
    shown = count;
    if (location.search) {
      history.replaceState(null, "", location.pathname); // a section is asked about once
    }
    settled();
    hideList();
    closePanel();
    exchanges.forEach(prepare);
    exchanges.slice(0, -1).forEach((turn) => turn.removeAttribute("open"));
    box.placeholder = say(count ? "follow_up" : "placeholder");
    const last = exchanges.at(-1);
    status.textContent = last ? announce(last) : "";
    last?.scrollIntoView({ block: "start", behavior: still.matches ? "auto" : "smooth" });
    if (mouse.matches) {
      box.focus({ preventScroll: true });
    }
  }

  function announce(turn) {
    const section = turn.querySelector(".pill .section")?.textContent;
    const plain = turn.querySelector(".failure, .verdict, .about")?.textContent;
    return plain ?? (section ? say("answer_ready", { section }) : "");
  }

  // -- questions that complete what is typed ------------------------------------------------------

  const TYPING = 80; // milliseconds without a key before questions are looked up
  let list, chosen = -1, typing = 0, looked = 0;

  function buildList() {
    list = element("ul");
    list.id = "completions";
    list.hidden = true;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", say("examples"));
    list.addEventListener("mousedown", (event) => event.preventDefault()); // the box keeps the focus
    list.addEventListener("click", (event) => complete(event.target.closest("li")));
    document.getElementById("composer").append(list);
    for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-controls", list.id]]) {
      box.setAttribute(name, value);
    }
    hideList();
    box.addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(lookUp, TYPING);
    });
    box.addEventListener("blur", hideList);
  }

  function hideList() {
    clearTimeout(typing);
    looked += 1; // what is still on its way is for nothing
    chosen = -1;
    list.hidden = true;
    box.setAttribute("aria-expanded", "false");
    box.removeAttribute("aria-activedescendant");
  }

  async function lookUp() {
    const typed = box.value.trim();
    const own = (looked += 1);
    const fits = typed.length > 1 && typed.length <= 200 && !typed.includes("\n");
    const address = new URL(`suggest?q=${encodeURIComponent(typed)}`, window.guide.root);
    const answered = fits ? await originalFetch(address).catch(() => null) : null;
    const questions = answered?.ok ? await answered.json().catch(() => []) : [];
    if (own !== looked || chosen >= 0) {
      return; // a later one is on its way, or the reader is choosing
    }
    hideList();
    list.replaceChildren(...questions.map((question, number) => {
      const option = element("li", "", question);
      option.id = `completion-${number}`;
      option.dir = "auto";
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      return option;
    }));
    list.hidden = !questions.length;
    box.setAttribute("aria-expanded", String(!list.hidden));
  }

  function choose(number) {
    chosen = number;
    [...list.children].forEach((option, place) => option.setAttribute("aria-selected", String(place === number)));
    number < 0 ? box.removeAttribute("aria-activedescendant") : box.setAttribute("aria-activedescendant", `completion-${number}`);
  }

  function complete(option) {
    if (option) {
      hideList();
      put(option.textContent);
    }
  }

  // Whether a key was for the list.
  function steer(event) {
    if (!list || list.hidden || event.target !== box) {
      return false;
    }
    const count = list.children.length;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      choose(((chosen + 1 + step + count + 1) % (count + 1)) - 1);
    } else if (event.key === "Escape") {
      hideList();
    } else if (entered(event) && chosen >= 0) {
      complete(list.children[chosen]);
    } else {
      return false;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
    return true;
  }

  // -- saving the conversation --------------------------------------------------------------------

  function save() {
    const answers = [...talk.querySelectorAll(".copy")].map(toMarkdown);
    const link = element("a");
    link.href = URL.createObjectURL(new Blob([`${answers.join("\n\n---\n\n")}\n`], { type: "text/markdown" }));
    link.download = `${document.title.replace(/[^\p{L}\p{N}]+/gu, "-").toLowerCase()}.md`;
    link.click();
    URL.revokeObjectURL(link.href);
  }

  // -- a question before the page is ready --------------------------------------------------------

  function entered(event) {
    return event.key === "Enter" && !event.shiftKey && !event.isComposing && event.target === box;
  }

  let held = false;
  function holdQuestion() {
    if (box.value.trim()) {
      held = true;
      pending(box.value);
    }
  }

  function hold(already = false) {
    if (already) {
      holdQuestion();
    }
    const early = (event) => {
      if (entered(event)) {
        holdQuestion();
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
          held = false;
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

  // The page's language is that of its catalogue; Gradio would set the browser's.
  const html = document.documentElement;
  const { lang } = html;
  new MutationObserver(() => {
    if (html.lang !== lang) {
      html.lang = lang;
    }
  }).observe(html, { attributes: true, attributeFilter: ["lang"] });

  // -- start --------------------------------------------------------------------------------------

  function begin() {
    talk = document.getElementById("talk");
    box = document.querySelector("#question textarea");
    ask = document.getElementById("ask");
    if (!talk || !box || !ask) {
      return false;
    }
    hold();
    document.querySelector(".brand-letter")?.setAttribute("aria-hidden", "true");
    talk.setAttribute("role", "log");
    talk.setAttribute("aria-live", "off"); // one line says that there is an answer
    talk.setAttribute("aria-label", say("conversation"));
    status = element("p", "unseen");
    status.setAttribute("role", "status");
    document.body.append(status);
    buildList();
    box.setAttribute("aria-label", say("box_label"));
    box.id = "box";
    box.dir = "auto";
    box.maxLength = 4000;
    const skip = element("a", "skip", say("skip"));
    skip.href = "#box";
    skip.addEventListener("click", (event) => {
      event.preventDefault();
      box.focus();
    });
    document.body.prepend(skip);
    new MutationObserver(follow).observe(talk, { childList: true, subtree: true });
    document.addEventListener("keydown", (event) => {
      if (steer(event)) {
        return;
      }
      if (entered(event) && !ask.disabled && box.value.trim()) {
        hideList();
        pending(box.value);
      } else if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.target.matches("input, textarea")) {
        event.preventDefault();
        box.focus();
      }
    }, true);
    document.addEventListener("click", (event) => {
      const button = event.target.closest?.("button");
      if (button === ask && box.value.trim()) {
        pending(box.value);
      } else if (button?.matches(".asks")) {
        put(button.value);
      } else if (button?.matches(".save")) {
        save();
      }
    }, true);
    const asked = new URLSearchParams(location.search).get("q");
    if (asked) {
      history.replaceState(null, "", location.pathname); // a question is asked once
      put(asked);
    }
    follow();
    return true;
  }

  if (!begin()) {
    const awaited = new MutationObserver(() => begin() && awaited.disconnect());
    awaited.observe(document.documentElement, { childList: true, subtree: true });
  }
})();
