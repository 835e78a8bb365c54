// Controls the page that other sites show in a frame: a reader asks, the server sends the answer as
// HTML, and only this tab stores the conversation.
(() => {
  "use strict";
  const { root, say, element, prepare, closePanel } = window.guide;
  const html = document.documentElement;
  const options = new URLSearchParams(location.hash.slice(1));
  const searching = options.get("mode") === "search";
  const limits = html.dataset; // the server's
  const SLOW = 700; // milliseconds after which a question is shown as queued
  const PAUSE = 150; // milliseconds without a key before a search
  const HITS = 6;
  const MARGINS = 36; // pixels between the parts of the page
  const SNIPPET = 180; // characters of a passage
  const byId = (name) => document.getElementById(name);
  const [view, start, talk, hits, status, form, box, send, restart] =
    "view start talk hits status form box send restart".split(" ").map(byId);
  let turns = [], context = options.get("context") ?? "", request = null;

  // -- elements and requests ---------------------------------------------------------------------

  // Text of the guide or of a reader, which may have another writing direction than the page.
  function words(name, css, ...children) {
    const made = element(name, css, ...children);
    made.dir = "auto";
    return made;
  }

  function post(path, body, signal) {
    const headers = { "Content-Type": "application/json", Accept: "application/json" };
    return fetch(new URL(path, root), { method: "POST", headers, body: JSON.stringify(body), signal });
  }

  class Failure extends Error {
    constructor(message, hint) {
      super(message);
      this.hint = hint;
    }
  }

  async function read(response) {
    if (response.ok) {
      return response.json();
    }
    const problem = await response.json().catch(() => ({}));
    throw [429, 503].includes(response.status)
      ? new Failure(say("busy"), say("busy_hint"))
      : new Failure(
          problem.detail ?? say("internal_error", { id: response.status }),
          problem.hint ?? problem.mend ?? say("internal_error_hint"),
        );
  }

  // Any other error means that the connection broke.
  function toFailure(error) {
    return error instanceof Failure ? error : new Failure(say("connection_lost"), say("busy_hint"));
  }

  // -- asking ------------------------------------------------------------------------------------

  // The question with the last turns of the conversation, as many as one request may hold.
  function body(question) {
    let history = turns.slice(-limits.maxTurns);
    const whole = () => ({ question, history, context });
    while (history.length && new Blob([JSON.stringify(whole())]).size > limits.maxBytes) {
      history = history.slice(2);
    }
    return whole();
  }

  async function answer(question, signal) {
    const length = [...question].length;
    if (length > limits.maxQuestion) {
      throw new Failure(say("too_long", { n: length, most: limits.maxQuestion }), say("too_long_hint"));
    }
    return read(await post(`embed/ask?language=${html.lang}`, body(question), signal));
  }

  // The server's HTML contains no script, and this page's policy would run none.
  function parse(markup) {
    return document.adoptNode(new DOMParser().parseFromString(markup, "text/html").body.firstChild);
  }

  function failureNotice(failure, question) {
    const again = words("button", "chip asks", say("ask_again"));
    again.type = "button";
    again.value = question;
    return element(
      "div", "notice failure",
      element("p", "", failure.message), element("p", "", failure.hint), element("p", "", again),
    );
  }

  async function ask(question) {
    if (request) {
      return;
    }
    const own = (request = new AbortController());
    const searchingNote = element("p", "looking", say("searching"));
    const shown = question.length > 300 ? `${question.slice(0, 300)} …` : question;
    let turn = element("section", "exchange", words("h2", "asked", shown), searchingNote);
    const slow = setTimeout(() => (searchingNote.textContent = say("queued")), SLOW);
    const follow = () => view.scrollTo({ top: turn.offsetTop });
    setBusy(true);
    hits.replaceChildren();
    talk.append(turn);
    follow();
    try {
      const data = await answer(question, own.signal);
      const rendered = parse(data.html);
      turn.replaceWith(rendered);
      turn = rendered;
      prepare(turn);
      turn.querySelector(".permalink")?.setAttribute("target", "_blank");
      talk.querySelectorAll(".exchange").forEach((other) => other !== turn && other.removeAttribute("open"));
      follow();
      status.textContent = data.text;
      turns.push(...data.turns);
      box.value = box.value.trim() === question ? "" : box.value;
    } catch (error) {
      if (own.signal.aborted) {
        return;
      }
      const failure = toFailure(error);
      searchingNote.replaceWith(failureNotice(failure, question));
      status.textContent = `${failure.message} ${failure.hint}`;
    } finally {
      clearTimeout(slow);
      if (request === own) {
        request = null;
        setBusy(false);
      }
      resize();
    }
  }

  function setBusy(busy) {
    html.classList.add("talking");
    start.hidden = true;
    restart.hidden = false;
    send.setAttribute("aria-disabled", String(busy));
  }

  function startAgain() {
    request?.abort();
    request = null;
    closePanel();
    turns = [];
    talk.replaceChildren();
    hits.replaceChildren();
    setBusy(false);
    status.textContent = "";
    box.value = "";
    start.hidden = false;
    restart.hidden = true;
    html.classList.remove("talking");
    box.focus();
    grow();
  }

  // -- searching while typing --------------------------------------------------------------------

  let pause = 0, latest = null;

  function searchSoon() {
    clearTimeout(pause);
    latest?.abort(); // its result would be for text that is no longer in the box
    pause = setTimeout(search, PAUSE);
  }

  async function search() {
    const question = box.value.trim();
    if (question.length < 2 || [...question].length > limits.maxQuestion || request) {
      hits.replaceChildren();
      return;
    }
    const own = (latest = new AbortController());
    try {
      const results = (await read(await post("api/search", { question, k: HITS, context }, own.signal))).hits;
      if (own === latest && !own.signal.aborted && !request) {
        start.hidden = true;
        const count = say(results.length === 1 ? "hits-one" : "hits-other", { n: results.length });
        status.textContent = results.length ? count : say("no_hits");
        const none = element("p", "", say("no_hits"));
        hits.replaceChildren(results.length ? element("ol", "", ...results.map(hit)) : none);
        view.scrollTo({ top: hits.offsetTop });
      }
    } catch (error) {
      if (!own.signal.aborted) {
        const failure = toFailure(error);
        hits.replaceChildren(element("p", "notice", `${failure.message} ${failure.hint}`));
      }
    }
  }

  function hit(result) {
    const heading = result.headings.at(-1);
    const text = result.text.startsWith(heading) ? result.text.slice(heading.length) : result.text;
    const link = element("a", "", heading);
    link.href = result.href;
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    const path = [...result.headings.slice(0, -1), result.path].join(" › ");
    const snippet = words("p", "", ...highlight(text.trim().replace(/\s+/g, " "), result.why.matched));
    return element("li", "", words("span", "", link), words("span", "page", path), snippet);
  }

  // A snippet from the first matched term on, with all matched terms marked.
  function highlight(text, terms) {
    const plain = terms.map((term) => term.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    const pattern = plain.length
      ? new RegExp(`(?<![\\p{L}\\p{N}])(?:${plain.join("|")})[\\p{L}\\p{N}]*`, "giu")
      : /(?!)/g;
    const first = Math.max(0, text.search(pattern));
    const from = first < SNIPPET / 2 ? 0 : text.lastIndexOf(" ", first - SNIPPET / 4) + 1;
    const short = text.length - from <= SNIPPET;
    const cut = short ? text.slice(from) : text.slice(from, text.lastIndexOf(" ", from + SNIPPET));
    const pieces = [from ? "… " : ""];
    let at = 0;
    for (const match of cut.matchAll(pattern)) {
      pieces.push(cut.slice(at, match.index), element("mark", "", match[0]));
      at = match.index + match[0].length;
    }
    return [...pieces, cut.slice(at), short ? "" : " …"];
  }

  // -- the question box --------------------------------------------------------------------------

  function grow() {
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight + 2, 160)}px`;
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const question = box.value.trim();
    if (question && !request) {
      clearTimeout(pause);
      latest?.abort();
      if (!searching) {
        box.value = "";
      }
      grow();
      ask(question);
    }
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  box.addEventListener("input", () => {
    grow();
    if (searching) {
      searchSoon();
    }
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button.asks");
    if (button) {
      button.closest(".exchange:has(.failure)")?.remove();
      ask(button.value);
      if (matchMedia("(hover: hover) and (pointer: fine)").matches) {
        box.focus({ preventScroll: true }); // the button may be hidden by now
      }
    }
  });
  restart.addEventListener("click", startAgain);

  if (["light", "dark"].includes(options.get("scheme"))) {
    html.style.colorScheme = options.get("scheme");
  }
  if (searching) {
    html.classList.add("searching");
    view.before(form);
    box.placeholder = say("search_placeholder");
  }

  // -- the page around this one ------------------------------------------------------------------

  // The widget's script names the origin it runs on. If the name is false, no message arrives there;
  // messages of other origins are ignored.
  const host = options.get("host");

  function tell(message) {
    if (host && parent !== window) {
      parent.postMessage(message, host);
    }
  }

  function resize() {
    const parts = [start, talk, hits, restart, form].map((part) => part.offsetHeight);
    tell({ guide: "resize", height: parts.reduce((sum, height) => sum + height, MARGINS) });
  }

  addEventListener("message", (event) => {
    const message = event.data;
    const trusted = host && parent !== window && event.source === parent && event.origin === host;
    if (!trusted || typeof message !== "object" || message === null || message.guide !== "open") {
      return;
    }
    if (typeof message.context !== "string" || typeof message.focus !== "boolean") {
      return;
    }
    context = message.context.slice(0, 1000);
    if (message.focus) {
      box.focus({ preventScroll: true });
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing) {
      tell({ guide: "close" });
    }
  });
  const sizes = new ResizeObserver(resize);
  [start, talk, hits, restart, form].forEach((part) => sizes.observe(part));
  tell({ guide: "ready" });

  // Without this script the form would load the page anew, and Enter makes a new line. A question
  // that was entered before the script ran is asked now.
  send.disabled = false;
  if (box.value.endsWith("\n")) {
    form.requestSubmit();
  }
})();
