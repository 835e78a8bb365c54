// The page that other sites show in a frame: a question asked, its answer read as it comes, the
// talk kept in this tab and nowhere else.
import { asks, crumbs, element, link, next, refusal, reply, root, say, section, words } from "./reply.js";

const html = document.documentElement;
const options = new URLSearchParams(location.hash.slice(1));
const searching = options.get("mode") === "search";
const MOST = Number(html.dataset.most);
const TURNS = Number(html.dataset.turns);
const LONGEST_TURN = 20000; // characters
const LONGEST_BODY = 60000; // bytes; more is refused
const PATIENCE = 700; // milliseconds after which a question is said to wait for others
const PAUSE = 150; // milliseconds without a key before what is typed is searched for
const HITS = 6;
const MARGINS = 36; // pixels between the parts of the page
const SNIPPET = 180; // characters of a passage that was found
const [view, begin, talk, hits, said, asker, box, send, anew] =
  "view begin talk hits said asker box send anew"
    .split(" ")
    .map((name) => document.getElementById(name));
let turns = [], context = options.get("context") ?? "", asking = null;

// -- what readers think of it ------------------------------------------------------------------

function actions(answer) {
  if (!answer.id) {
    return []; // it is kept nowhere
  }
  const place = element("span", "helpful", say("helpful"), " ");
  const parts = crypto.getRandomValues(new Uint32Array(4));
  const vote = Array.from(parts, (part) => part.toString(36)).join("-"); // a second one replaces it
  for (const name of ["yes", "no"]) {
    const button = element("button", "action rate", say(name));
    button.type = "button";
    button.addEventListener("click", () => rate(place, button, answer.id, name === "yes", vote));
    place.append(button);
  }
  const kept = link(`${root.pathname}a/${answer.id}`, "action permalink", say("link"));
  return [element("div", "actions", place, kept)];
}

async function rate(place, button, answer, helpful, vote) {
  for (const one of place.querySelectorAll(".rate")) {
    one.setAttribute("aria-pressed", String(one === button));
  }
  place.querySelector(".opinion")?.remove();
  const status = element("output", "", "");
  const form = element("form", "opinion", status);
  place.append(form);
  const kept = await opine({ answer, helpful, vote });
  status.textContent = say(kept ? "thanks" : "not_kept");
  if (!kept) {
    return;
  }
  const comment = element("input");
  const label = element("label", "", say("comment_label"), comment);
  const button_ = element("button", "action", say("send"));
  comment.maxLength = 2000;
  comment.dir = "auto";
  form.append(label, button_);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const sent = await opine({ answer, helpful, vote, comment: comment.value });
    status.textContent = say(sent ? "thanks" : "not_kept");
    if (sent) {
      label.remove();
      button_.remove();
    }
  });
}

const opine = (opinion) => post("api/feedback", opinion).then((got) => got.ok, () => false);

// -- asking ------------------------------------------------------------------------------------

function post(path, body, signal, accept = "application/json") {
  const headers = { "Content-Type": "application/json", Accept: accept };
  return fetch(new URL(path, root), { method: "POST", headers, body: JSON.stringify(body), signal });
}

// What went wrong, in words, and what mends it.
class Trouble extends Error {
  constructor(what, mend) {
    super(what);
    this.mend = mend;
  }
}

// Whatever else happens, the server was not there, or not to the end.
function named(error) {
  return error instanceof Trouble ? error : new Trouble(say("lost"), say("busy_mend"));
}

async function refused(response) {
  const problem = await response.json().catch(() => ({}));
  return [429, 503].includes(response.status)
    ? new Trouble(say("busy"), say("busy_mend"))
    : new Trouble(problem.detail ?? say("failed", { id: response.status }), problem.mend ?? say("failed_mend"));
}

// The events of a stream, as they come.
async function* events(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) {
      return;
    }
    const whole = (held + value).split("\n\n");
    held = whole.pop();
    for (const one of whole) {
      const read = /^event: (.*)\ndata: (.*)$/.exec(one);
      if (read) {
        yield [read[1], JSON.parse(read[2])];
      }
    }
  }
}

// The talk as the question is asked with it: its last turns, and no more than may be sent.
function body(question) {
  let sent = turns.slice(-TURNS);
  const whole = () => ({ question, history: sent, context });
  while (sent.length && new Blob([JSON.stringify(whole())]).size > LONGEST_BODY) {
    sent = sent.slice(2);
  }
  return whole();
}

async function heard(question, signal, show) {
  const length = [...question].length;
  if (length > MOST) {
    throw new Trouble(say("too_long", { n: length, most: MOST }), say("too_long_mend"));
  }
  const answer = {
    question, understood_as: "", other_readings: [], citations: [], resources: [], related: [],
    missing: [], next_questions: [], found: true, id: "",
  };
  const response = await post("api/ask", body(question), signal, "text/event-stream");
  if (!response.ok) {
    throw await refused(response);
  }
  for await (const [name, data] of events(response.body)) {
    if (name === "sentence") {
      answer.citations.push({ n: data.n, quote: data.text });
    } else if (name === "citation") {
      answer.citations[data.n - 1] = data;
    } else {
      Object.assign(answer, data);
    }
    if (name === "done") {
      return answer;
    }
    show(answer);
  }
  throw new TypeError("The stream ended early.");
}

async function ask(question) {
  if (asking) {
    return;
  }
  const own = (asking = new AbortController());
  const looking = element("p", "looking", say("looking"));
  const shown = element("div", "", looking);
  const asked = question.length > 300 ? `${question.slice(0, 300)} …` : question;
  const place = element("section", "exchange", words("h2", "asked", asked), shown);
  const waiting = setTimeout(() => (looking.textContent = say("queued")), PATIENCE);
  busy(true);
  hits.replaceChildren();
  talk.append(place);
  const follow = () => view.scrollTo({ top: place.offsetTop });
  follow();
  try {
    const answer = await heard(question, own.signal, (partly) => {
      if (partly.citations.length) {
        shown.replaceChildren(...reply(partly));
      }
    });
    const told = answer.found ? reply(answer) : refusal(answer);
    shown.replaceChildren(...told, ...actions(answer), ...next(answer));
    follow();
    said.textContent = answer.found ? answer.text : say("refused");
    const quoted = answer.citations.map((citation) => citation.passage).slice(0, 100);
    turns.push(
      { role: "user", text: answer.question },
      { role: "agent", text: answer.text.slice(0, LONGEST_TURN), sources: quoted },
    );
    box.value = box.value.trim() === question ? "" : box.value;
  } catch (error) {
    if (own.signal.aborted) {
      return;
    }
    const known = named(error);
    const again = asks(question);
    again.textContent = say("ask_again");
    shown.replaceChildren(element(
      "div", "notice failure", element("p", "", known.message), element("p", "", known.mend),
      element("p", "", again),
    ));
    said.textContent = `${known.message} ${known.mend}`;
  } finally {
    clearTimeout(waiting);
    if (asking === own) {
      asking = null;
      busy(false);
    }
    fit();
  }
}

function busy(so) {
  html.classList.add("talking");
  begin.hidden = true;
  anew.hidden = false;
  send.setAttribute("aria-disabled", String(so));
}

function startAnew() {
  asking?.abort();
  asking = null;
  turns = [];
  talk.replaceChildren();
  hits.replaceChildren();
  busy(false);
  said.textContent = "";
  box.value = "";
  begin.hidden = false;
  anew.hidden = true;
  html.classList.remove("talking");
  box.focus();
  grow();
}

// -- searching while typing --------------------------------------------------------------------

let pause = 0, latest = null;

function typed() {
  clearTimeout(pause);
  latest?.abort(); // whatever comes of it is no longer what was typed
  pause = setTimeout(search, PAUSE);
}

async function search() {
  const question = box.value.trim();
  if (question.length < 2 || [...question].length > MOST || asking) {
    hits.replaceChildren();
    return;
  }
  const own = (latest = new AbortController());
  try {
    const response = await post("api/search", { question, k: HITS, context }, own.signal);
    if (!response.ok) {
      throw await refused(response);
    }
    const found = (await response.json()).hits;
    if (own === latest && !own.signal.aborted && !asking) {
      begin.hidden = true;
      const count = say(found.length === 1 ? "hits-one" : "hits-other", { n: found.length });
      said.textContent = found.length ? count : say("no_hits");
      const none = element("p", "", say("no_hits"));
      hits.replaceChildren(found.length ? element("ol", "", ...found.map(hit)) : none);
      view.scrollTo({ top: hits.offsetTop });
    }
  } catch (error) {
    if (!own.signal.aborted) {
      const known = named(error);
      hits.replaceChildren(element("p", "notice", `${known.message} ${known.mend}`));
    }
  }
}

function hit(found) {
  const heading = found.headings.at(-1);
  const text = found.text.startsWith(heading) ? found.text.slice(heading.length) : found.text;
  const snippet = words("p", "", "");
  snippet.append(...marked(text.trim().replace(/\s+/g, " "), found.why.matched));
  const above = crumbs([...found.headings.slice(0, -1), found.path]);
  const name = words("span", "", link(section(found), "", heading));
  return element("li", "", name, words("span", "page", above), snippet);
}

// A passage from its first matched word on, all of them marked.
function marked(text, matched) {
  const plain = matched.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const sought = plain.length ? new RegExp(`(?<![\\p{L}\\p{N}])(?:${plain.join("|")})[\\p{L}\\p{N}]*`, "giu") : /(?!)/g;
  const first = Math.max(0, text.search(sought));
  const from = first < SNIPPET / 2 ? 0 : text.lastIndexOf(" ", first - SNIPPET / 4) + 1;
  const short = text.length - from <= SNIPPET;
  const cut = short ? text.slice(from) : text.slice(from, text.lastIndexOf(" ", from + SNIPPET));
  const pieces = [from ? "… " : ""];
  let at = 0;
  for (const found of cut.matchAll(sought)) {
    pieces.push(cut.slice(at, found.index), element("mark", "", found[0]));
    at = found.index + found[0].length;
  }
  return [...pieces, cut.slice(at), short ? "" : " …"];
}

// -- the box -----------------------------------------------------------------------------------

function grow() {
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight + 2, 160)}px`;
}

asker.addEventListener("submit", (event) => {
  event.preventDefault();
  const question = box.value.trim();
  if (question && !asking) {
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
    asker.requestSubmit();
  }
});
box.addEventListener("input", () => {
  grow();
  if (searching) {
    typed();
  }
});
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button.asks");
  if (button) {
    button.closest(".exchange:has(.failure)")?.remove();
    ask(button.value);
    if (matchMedia("(hover: hover) and (pointer: fine)").matches) {
      box.focus({ preventScroll: true }); // the button is gone with what it offered
    }
  }
});
anew.addEventListener("click", startAnew);

if (["light", "dark"].includes(options.get("scheme"))) {
  html.style.colorScheme = options.get("scheme");
}
if (searching) {
  html.classList.add("searching");
  view.before(asker);
  box.placeholder = say("search_placeholder");
  send.textContent = say("answer_this");
}

// -- the page around this one ------------------------------------------------------------------

// Its loader says what origin it is of. Were that a lie, nothing sent there would arrive, and
// nothing that comes from elsewhere is heard.
const host = options.get("host");

function tell(message) {
  if (host && parent !== window) {
    parent.postMessage(message, host);
  }
}

function fit() {
  const parts = [begin, talk, hits, anew, asker].map((part) => part.offsetHeight);
  tell({ guide: "resize", height: parts.reduce((sum, height) => sum + height, MARGINS) });
}

addEventListener("message", (event) => {
  const told = event.data;
  const ours = host && parent !== window && event.source === parent && event.origin === host;
  if (!ours || typeof told !== "object" || told === null || told.guide !== "open") {
    return;
  }
  if (typeof told.context !== "string" || typeof told.focus !== "boolean") {
    return;
  }
  context = told.context.slice(0, 1000);
  if (told.focus) {
    box.focus({ preventScroll: true });
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.isComposing) {
    tell({ guide: "close" });
  }
});
const sizes = new ResizeObserver(fit);
[begin, talk, hits, anew, asker].forEach((part) => sizes.observe(part));
tell({ guide: "ready" });
