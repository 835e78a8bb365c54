// Shows the widget in another site's page: a button or a box, with this server's page in a frame.
// It adds one element of its own to that page, behind a closed shadow root, and changes nothing else.
// A page may have changed Array.prototype, so this script uses no array methods and no iterators.
(() => {
  "use strict";
  // The server's messages by language, and its colours.
  const SERVER = "FILLED";
  const READY_TIMEOUT = 10000; // milliseconds until the page in the frame must be ready
  const LOADED_TIMEOUT = 2000; // milliseconds from the load of the frame until its page must be ready
  const MAX_HEIGHT_SHARE = 0.8; // of the window's height, for a box that grows with its content
  const script = document.currentScript;
  if (!script?.src) {
    return;
  }
  const data = script.dataset;
  const base = new URL(".", script.src);
  const language = chooseLanguage();
  const say = SERVER.messages[language];
  const title = data.title || say.ask_guide;
  const scheme = /^(light|dark)$/.test(data.scheme) ? data.scheme : ""; // otherwise the reader's own
  const home = document.createElement("guide-assistant");
  const inside = home.attachShadow({ mode: "closed" });
  const all = element("div", "guide");
  let frame = null, panel = null, button = null, timer = 0, ready = false;

  // -- words and elements ------------------------------------------------------------------------

  function chooseLanguage() {
    for (let at = -2; at < (navigator.languages?.length ?? 0); at += 1) {
      const tag = at === -2 ? data.language : at === -1 ? SERVER.fixed : navigator.languages[at];
      const code = String(tag ?? "").slice(0, 2).toLowerCase();
      if (/^[a-z]{2}$/.test(code) && SERVER.messages[code]) {
        return code;
      }
    }
    return "en";
  }

  function element(name, kind, text = "") {
    const made = document.createElement(name);
    made.className = kind;
    made.textContent = text;
    return made;
  }

  function icon(path) {
    const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    drawing.setAttribute("viewBox", "0 0 20 20");
    drawing.setAttribute("aria-hidden", "true");
    line.setAttribute("d", path);
    drawing.append(line);
    return drawing;
  }

  // -- the frame ---------------------------------------------------------------------------------

  function load(place, wait) {
    const options = new URLSearchParams({ host: location.origin });
    if (data.mode === "search") {
      options.set("mode", "search");
    }
    if (scheme) {
      options.set("scheme", scheme);
    }
    ready = false;
    frame = element("iframe", "");
    frame.title = title;
    frame.referrerPolicy = "no-referrer";
    frame.loading = wait ? "lazy" : "eager";
    // Browsers send no fragment to a server.
    frame.src = `${base.href}embed?language=${language}#${options}`;
    frame.addEventListener("load", () => startTimeout(LOADED_TIMEOUT));
    place.append(frame);
    if (!wait) {
      startTimeout(READY_TIMEOUT);
    }
  }

  function startTimeout(timeout) {
    clearTimeout(timer);
    timer = ready ? 0 : setTimeout(showUnreachable, timeout);
  }

  // The page did not load: the server cannot be reached, or does not allow this site to frame it.
  function showUnreachable() {
    const place = frame.parentNode;
    const link = element("a", "", say.open_tab);
    link.href = base.href;
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    const note = element("div", "note");
    note.setAttribute("role", "alert");
    note.append(element("p", "", say.unreachable), link);
    frame.remove();
    frame = null;
    place.replaceChildren(note);
  }

  function sendOpen(focus) {
    if (focus) {
      frame.focus();
    }
    frame.contentWindow.postMessage({ guide: "open", context: context(), focus }, base.origin);
  }

  // The page that the reader is on; sent only where its author has chosen that.
  function context() {
    if (data.context !== "page") {
      return String(data.context ?? "").slice(0, 1000);
    }
    try {
      return decodeURIComponent(location.pathname).slice(0, 1000);
    } catch {
      return "";
    }
  }

  addEventListener("message", (event) => {
    const message = event.data;
    const ours = frame && event.source === frame.contentWindow && event.origin === base.origin;
    if (!ours || typeof message !== "object" || message === null) {
      return;
    }
    if (message.guide === "ready" && !ready) {
      ready = true;
      clearTimeout(timer);
      frame.className = "ready";
      sendOpen(panel?.open ?? false);
    } else if (message.guide === "close" && panel?.open) {
      panel.close();
    } else if (message.guide === "resize" && !panel && message.height > 0 && message.height < 1e5) {
      frame.style.height = `${Math.min(Math.ceil(message.height), innerHeight * MAX_HEIGHT_SHARE)}px`;
    }
  });

  // -- opening and closing -----------------------------------------------------------------------

  function open() {
    if (!panel) {
      home.scrollIntoView({ block: "nearest" });
      if (frame && ready) {
        sendOpen(true);
      }
      return;
    }
    if (panel.open) {
      return;
    }
    panel.showModal();
    button?.setAttribute("aria-expanded", "true");
    if (!frame) {
      panel.lastChild.replaceChildren();
      load(panel.lastChild, false);
    } else if (ready) {
      sendOpen(true);
    }
  }

  function addPanel() {
    const close = element("button", "close");
    const top = element("header", "");
    close.type = "button";
    close.setAttribute("aria-label", say.close);
    close.append(icon("M5 5l10 10M15 5L5 15"));
    close.addEventListener("click", () => panel.close());
    top.append(element("h2", "", title), close);
    panel = element("dialog", "panel");
    panel.setAttribute("aria-label", title);
    panel.setAttribute("aria-modal", "true");
    panel.append(top, element("div", "sheet"));
    panel.addEventListener("click", (event) => event.target === panel && panel.close());
    panel.addEventListener("close", () => button?.setAttribute("aria-expanded", "false"));
    all.append(panel);
  }

  function addButton() {
    button = element("button", "open");
    button.type = "button";
    button.setAttribute("aria-haspopup", "dialog");
    button.setAttribute("aria-expanded", "false");
    button.append(icon("M3 4.5h14v9H9l-4 3.5v-3.5H3z"), element("span", "", title));
    button.addEventListener("click", open);
    all.prepend(button);
  }

  function begin() {
    const web = /^https?:$/.test(location.protocol) && location.origin !== "null";
    const there = data.target && document.getElementById(data.target);
    const here = data.mode === "inline" && document.body.contains(script) && script;
    const placed = Boolean(there || here);
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE + SERVER.colours);
    inside.adoptedStyleSheets[0] = sheet;
    all.lang = language;
    all.dir = say.direction;
    all.style.colorScheme = scheme;
    all.classList.add(placed ? "placed" : "floating");
    inside.append(all);
    if (!web) {
      all.append(element("p", "note", say.needs_web));
    } else if (placed) {
      all.append(element("div", "sheet"));
    } else {
      addPanel();
      if (data.mode !== "link") {
        addButton();
      }
    }
    // Not in the body: a page may have style rules for the last element in it.
    if (there) {
      there.append(home);
    } else if (here) {
      script.after(home);
    } else {
      document.documentElement.append(home);
    }
    if (!web) {
      return;
    }
    if (placed) {
      load(all.lastChild, true);
    }
    document.addEventListener("click", (event) => {
      const plain = !event.button && !event.ctrlKey && !event.metaKey && !event.shiftKey;
      const link = event.target instanceof Element && event.target.closest('a[href="#ask"]');
      if (link && plain && !event.defaultPrevented) {
        event.preventDefault();
        open();
      }
    }, true);
    if (location.hash === "#ask") {
      open();
    }
  }

  const STYLE = `
:host { all: initial !important; display: contents !important; }
.guide { --ink: light-dark(#1a1d21, #ecebe8); --paper: light-dark(#fbfaf8, #141719);
  --sheet: light-dark(#fff, #1b1f22); --line: light-dark(#e5e2dc, #2c3236);
  color-scheme: light dark; color: var(--ink); font: 16px/1.45 system-ui, sans-serif; }
.placed { display: block; margin: 16px 0; }
.guide *, .guide ::backdrop { box-sizing: border-box; }
button, a { font: inherit; cursor: pointer; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
svg { flex: none; width: 20px; height: 20px; fill: none; stroke: currentColor; stroke-width: 1.7;
  stroke-linecap: round; stroke-linejoin: round; }
.open { position: fixed; z-index: 2147483000; inset-block-end: 20px; inset-inline-end: 20px;
  display: flex; align-items: center; gap: 9px; max-width: calc(100vw - 40px); min-height: 48px;
  padding: 11px 19px 11px 16px; border: 0; border-radius: 24px; background: var(--accent);
  box-shadow: 0 1px 3px #0003, 0 6px 20px #0003; color: var(--on-accent); font-weight: 600; }
.open:hover { filter: brightness(1.1); }
.open:focus-visible { outline-offset: 3px; }
.open span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.panel { position: fixed; inset-block: auto 20px; inset-inline: auto 20px; margin: 0; padding: 0;
  width: min(440px, 100vw - 40px); height: min(700px, 100dvh - 40px); max-width: none;
  max-height: none; border: 1px solid var(--line); border-radius: 16px; overflow: hidden;
  background: var(--paper); box-shadow: 0 12px 48px #0005; color: var(--ink); }
.panel[open] { display: flex; flex-direction: column; animation: rise .16s ease-out; }
.panel::backdrop { background: none; } /* the page stays readable */
@keyframes rise { from { opacity: 0; transform: translateY(12px); } }
header { display: flex; align-items: center; justify-content: space-between; gap: 12px;
  padding: 8px 8px 8px 18px; border-bottom: 1px solid var(--line); background: var(--sheet); }
[dir=rtl] header { padding: 8px 18px 8px 8px; }
h2 { overflow: hidden; margin: 0; font-size: 16px; font-weight: 650; text-overflow: ellipsis;
  white-space: nowrap; }
.close { display: grid; place-items: center; width: 40px; height: 40px; padding: 0; border: 0;
  border-radius: 10px; background: none; color: inherit; }
.close:hover { background: var(--line); }
.sheet { flex: 1; display: flex; flex-direction: column; min-height: 0; }
iframe { display: block; flex: 1; width: 100%; border: 0; opacity: 0; color-scheme: light dark; }
iframe.ready { opacity: 1; }
.placed iframe { flex: none; min-height: 150px; height: 230px; border: 1px solid var(--line);
  border-radius: 14px; background: var(--paper); }
.note { margin: 0; padding: 20px; }
.note p { margin: 0 0 8px; }
.note a { color: var(--accent); }
.floating > .note { position: fixed; z-index: 2147483000; inset-block-end: 20px;
  inset-inline-end: 20px; max-width: 320px; padding: 12px 16px; border: 1px solid var(--line);
  border-radius: 12px; background: var(--sheet); font-size: 14px; }
@media (max-width: 480px) { .panel { inset: 0; width: 100vw; height: 100dvh; border: 0;
  border-radius: 0; } }
@media (prefers-reduced-motion: reduce) { .panel[open] { animation: none; } }
@media print { .open, .panel, .floating > .note { display: none; } }
`;

  // An element that is added earlier would make the parser open the body too soon.
  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", begin);
  } else {
    begin();
  }
})();
