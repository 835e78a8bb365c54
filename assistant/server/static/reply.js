// An answer as elements of the page that other sites show in a frame; they are the ones the chat
// has, with the same classes. Whatever the guide or a reader says is put in as text.

const html = document.documentElement;
export const root = new URL(html.dataset.root, location.href);

// -- words and elements ------------------------------------------------------------------------

export function say(name, named = {}) {
  const words = document.querySelector(`meta[name="say-${name}"]`)?.content ?? "";
  return words.replace(/\{(\w+)\}/g, (blank, key) => named[key] ?? blank);
}

export function element(name, kind = "", ...inside) {
  const made = document.createElement(name);
  if (kind) {
    made.className = kind;
  }
  made.append(...inside);
  return made;
}

// Words of the guide's or a reader's, which may be written in another direction than ours.
export function words(name, kind, text) {
  const made = element(name, kind, text);
  made.dir = "auto";
  return made;
}

export function link(url, kind, ...inside) {
  const made = element("a", kind, ...inside);
  made.href = url;
  made.target = "_blank";
  made.rel = "noopener noreferrer";
  return made;
}

function listed(heading, name, kind, items) {
  return items.length ? [element("h3", "", say(heading)), element(name, kind, ...items)] : [];
}

export function asks(question) {
  const made = words("button", "chip asks", question);
  made.type = "button";
  made.value = question;
  return made;
}

// A message with an element of its own in a blank.
function around(message, blank, inside) {
  const [before, after] = say(message).split(`{${blank}}`);
  return [before, inside, after];
}

// -- where things are read: the rules of the chat's own links ----------------------------------

const WEB = /^https?:\/\//;
const ITEM = /^( *)(?:- |(\d+\. ))/;
const ENDS = 8; // words at each end of a quote that are named in its link

const quoted = (text) => encodeURIComponent(text).replace(/-/g, "%2D");
const page = (path) => `${root.pathname}guide/${path.split("/").map(encodeURIComponent).join("/")}`;
export const crumbs = (headings) => headings.join(" › ");

export function section(place) {
  return WEB.test(place.url) ? place.url : `${page(place.path)}#${encodeURIComponent(place.anchor)}`;
}

function cited(citation) {
  const url = section(citation);
  const ends = first_and_last(citation);
  if (!ends.length) {
    return url;
  }
  let [place, anchor = ""] = url.split(/#(.*)/s);
  if (!WEB.test(url)) {
    const query = { section: decodeURIComponent(anchor), first: ends[0], last: ends.at(-1) };
    place += `?${new URLSearchParams(query)}`;
  }
  return `${place}#${anchor}:~:text=${ends.map(quoted).join(",")}`;
}

function first_and_last(citation) {
  const cells = citation.quote
    .split("\n")
    .filter((line) => line !== citation.headings.at(-1))
    .flatMap((line) => line.replace(ITEM, "").split(" | "))
    .map((cell) => cell.split(/\s+/).filter(Boolean))
    .filter((cell) => cell.length);
  if (!cells.length) {
    return [];
  }
  const [first, last] = [cells[0], cells.at(-1)];
  return cells.length === 1 && first.length <= 2 * ENDS
    ? [first.join(" ")]
    : [first.slice(0, ENDS).join(" "), last.slice(-ENDS).join(" ")];
}

function resource(found) {
  if (WEB.test(found.url)) {
    return found.url;
  }
  if (/^[a-z][a-z0-9+.-]*:/i.test(found.url)) {
    return section({ ...found, url: "" });
  }
  const there = new URL(found.url, new URL(page(found.path), root));
  return there.pathname + there.hash;
}

// -- an answer ---------------------------------------------------------------------------------

function quote(citation) {
  const made = words("blockquote", "", "");
  citation.quote.split("\n").filter((line) => line.trim()).forEach((line, number) => {
    const item = ITEM.exec(line);
    const depth = item && Math.min(3, Math.floor(item[1].length / 2));
    const heading = !number && line === citation.headings?.at(-1);
    const shown = element("p", item ? `item item-${depth}` : heading ? "quoted-heading" : "");
    shown.append(...(item ? [element("span", "marker", item[2] ?? "•"), " "] : []));
    shown.append(item ? line.slice(item[0].length) : line);
    made.append(shown);
  });
  if (citation.path) { // else only its words have come so far
    const number = link(cited(citation), "number", `[${citation.n}]`);
    number.title = say("source", { n: citation.n });
    made.lastChild?.append(" ", number);
  }
  return made;
}

// One source for the quotes that follow each other in a section.
function sources(citations) {
  const found = [];
  for (const citation of citations.filter((one) => one.path)) {
    const last = found.at(-1)?.at(-1);
    if (last?.path === citation.path && last.anchor === citation.anchor) {
      found.at(-1).push(citation);
    } else {
      found.push([citation]);
    }
  }
  return found.map((together) => {
    const numbers = together.map((citation) => `[${citation.n}]`).join(" ");
    const { path, headings } = together[0];
    const where = words("span", "", link(cited(together[0]), "", crumbs(headings)));
    return element("li", "", element("span", "numbers", numbers), " ", where, " ", words("span", "page", path));
  });
}

function card(found) {
  const kind = say(found.kind) + (found.minutes ? ` · ${say("minutes", { n: found.minutes })}` : "");
  const text = element("span", "", words("span", "title", found.title), element("span", "kind", kind));
  return element("li", "", link(resource(found), "", element("span", `icon icon-${found.kind}`), text));
}

function related(heading, answer) {
  const items = answer.related.map((place) => {
    const item = words("li", "", "");
    item.append(link(section(place), "", crumbs(place.headings)));
    return item;
  });
  return listed(heading, "ul", "sections", items);
}

function understood(answer) {
  const plain = (text) => text.normalize("NFKC").trim().replace(/\s+/g, " ").toLowerCase();
  if (!answer.understood_as || plain(answer.question) === plain(answer.understood_as)) {
    return [];
  }
  const meant = element("bdi", "", answer.understood_as);
  return [element("p", "understood", ...around("understood", "question", meant))];
}

function others(answer) {
  const offered = answer.other_readings.flatMap((reading) => [" ", asks(reading)]);
  return offered.length ? [element("p", "others", say("meant"), ...offered)] : [];
}

function gap(answer) {
  const named = answer.missing.map((side) => say("quoted", { words: side })).join(` ${say("or")} `);
  return named ? [words("p", "gap", say("gap", { side: named }))] : [];
}

// Whether a quote is the line in which the guide lists what it recommends.
function lists(citation, resources) {
  const line = citation.quote.replaceAll(" | ", " ");
  return resources.some((one) =>
    one.path === citation.path && one.anchor === citation.anchor && line.includes(one.title));
}

export function reply(answer) {
  const proof = listed("sources", "ol", "sources", sources(answer.citations));
  const cards = listed("recommended", "ul", "cards", answer.resources.map(card));
  const quotes = [...answer.citations.map(quote), ...gap(answer)];
  if (answer.resources.length && answer.citations.every((one) => lists(one, answer.resources))) {
    // The cards say all that the quotes say, and link it: they come first.
    const rest = element("details", "", element("summary", "", say("as_listed")), ...quotes, ...proof);
    return [...understood(answer), ...others(answer), ...cards, rest, ...related("related", answer)];
  }
  return [
    ...understood(answer), ...others(answer), ...quotes, ...proof, ...cards, ...related("related", answer),
  ];
}

export function refusal(answer) {
  const looked = element("q", "", element("bdi", "", answer.understood_as));
  const form = html.dataset.form;
  return [element(
    "div",
    "notice refusal",
    element("p", "verdict", say("refused")),
    element("p", "", ...around("looked_for", "question", looked)),
    ...others(answer),
    ...gap(answer),
    ...related("nearest", answer),
    element("p", "", say("rephrase")),
    ...(form ? [element("p", "", link(form, "", say("tell")))] : []),
  )];
}

export function next(answer) {
  const offered = answer.next_questions.flatMap((question) => [asks(question), " "]);
  const heading = element("h3", "", say("next"));
  return offered.length ? [element("div", "next", heading, element("p", "", ...offered))] : [];
}
