// Pages of the guide: the quote in view, a list of pages that can be filtered, contents that follow.
(() => {
  "use strict";
  const say = (name) => document.querySelector(`meta[name="say-${name}"]`)?.content ?? "";

  // -- the quote -----------------------------------------------------------------------------------

  const mark = document.getElementById("quoted.words");

  function show() {
    const { top, bottom } = mark.getBoundingClientRect();
    if (bottom < 0 || top > innerHeight) {
      mark.scrollIntoView({ block: "center", behavior: "instant" });
    }
  }

  if (mark) {
    mark.focus({ preventScroll: true });
    // Images load after the first scroll, and the page above the quote grows.
    addEventListener("load", () => requestAnimationFrame(show));
  }

  // The link leads to the start; where the answer is the page before, back keeps its place.
  document.querySelector(".tool.back")?.addEventListener("click", (event) => {
    if (window.navigation?.canGoBack) {
      event.preventDefault();
      history.back();
    }
  });

  // -- the list of pages ---------------------------------------------------------------------------

  for (const list of document.querySelectorAll(".page-list")) {
    const input = list.querySelector("input");
    const groups = list.querySelector(".groups");
    const whole = [...groups.childNodes];
    const names = [...groups.querySelectorAll("li")].map((item) => [item, plain(item.textContent)]);
    const isComplete = list.dataset.list === "complete";
    let latest = 0;

    function plain(text) {
      return text.toLocaleLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");
    }

    function filterHere(words) {
      for (const [item, name] of names) {
        item.hidden = !words.every((word) => name.includes(word));
      }
      for (const section of groups.querySelectorAll("section")) {
        section.hidden = !section.querySelector("li:not([hidden])");
      }
      return groups.querySelector("li:not([hidden])");
    }

    async function filterThere(text) {
      const own = ++latest;
      const response = await fetch(`${list.querySelector("form").action}/find?q=${encodeURIComponent(text)}`);
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      if (own !== latest || !response.ok) {
        return true;
      }
      const result = document.adoptNode(page.querySelector("ul"));
      groups.replaceChildren(result);
      return result.firstChild;
    }

    async function filter() {
      const text = input.value.trim().slice(0, 200);
      list.querySelector(".no-page")?.remove();
      if (!text) {
        latest += 1;
        groups.replaceChildren(...whole);
        filterHere([]);
      } else if (!(isComplete ? filterHere(plain(text).split(/\s+/)) : await filterThere(text))) {
        const note = document.createElement("p");
        note.className = "no-page";
        note.setAttribute("role", "status");
        const link = document.createElement("a");
        link.href = `${list.querySelector("form").action}?q=${encodeURIComponent(text)}`;
        link.textContent = input.dataset.search;
        note.append(`${input.dataset.none} `, link);
        list.querySelector(".no-page")?.remove();
        groups.before(note);
      }
    }

    let pause = 0;
    input.addEventListener("input", () => {
      clearTimeout(pause);
      pause = setTimeout(() => filter().catch(() => {}), isComplete ? 0 : 120);
    });
    if (document.getElementById("pages")?.contains(list)) {
      const current = list.querySelector("[aria-current]");
      const rail = document.getElementById("pages");
      if (current && current.offsetTop > rail.clientHeight - 80) {
        rail.scrollTop = current.offsetTop - rail.clientHeight / 2;
      }
    }
  }

  // In a narrow window the list is a drawer. Without a script its link leads to all pages.
  const drawer = document.getElementById("drawer");
  const rail = document.getElementById("pages");
  if (drawer && rail) {
    const list = rail.querySelector(".page-list");
    const opener = document.querySelector('.tool.narrow[href$="/pages"]');
    opener.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || !list) {
        return;
      }
      event.preventDefault();
      drawer.append(list);
      drawer.showModal();
      drawer.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
    });
    drawer.querySelector("button").addEventListener("click", () => drawer.close());
    drawer.addEventListener("click", (event) => {
      if (event.target === drawer && event.clientX > 0) {
        const { left, right } = drawer.getBoundingClientRect();
        if (event.clientX < left || event.clientX > right) {
          drawer.close();
        }
      }
    });
    drawer.addEventListener("close", () => {
      rail.append(list);
      opener.focus();
    });
    matchMedia("(min-width: 60.01rem)").addEventListener("change", () => drawer.close());
  }

  // -- the contents --------------------------------------------------------------------------------

  const contents = document.getElementById("contents");
  const opener = document.querySelector('.tool.narrow[href="#contents"]');
  if (contents) {
    const wide = matchMedia("(min-width: 70.01rem)");
    const unfold = () => {
      contents.open = wide.matches;
    };
    unfold();
    wide.addEventListener("change", unfold);
    opener?.addEventListener("click", () => {
      contents.open = true;
      contents.querySelector("summary").focus({ preventScroll: true });
    });
    follow([...contents.querySelectorAll("a")]);
  } else {
    opener?.remove();
  }

  // Mark the section that is being read.
  function follow(links) {
    const targets = links
      .map((link) => [link, document.getElementById(decodeURIComponent(link.hash.slice(1)))])
      .filter(([, target]) => target);
    let waiting = false;

    function update() {
      waiting = false;
      const edge = innerHeight / 2;
      const passed = targets.filter(([, target]) => target.getBoundingClientRect().top < edge);
      const current = passed.at(-1)?.[0];
      for (const [link] of targets) {
        if (link === current) {
          link.setAttribute("aria-current", "true");
        } else {
          link.removeAttribute("aria-current");
        }
      }
    }

    addEventListener(
      "scroll",
      () => {
        if (!waiting) {
          waiting = true;
          requestAnimationFrame(update);
        }
      },
      { passive: true },
    );
    update();
  }

  // -- what scrolls within itself ------------------------------------------------------------------

  const scrollers = document.querySelectorAll(".scroll, pre");
  function reach() {
    for (const scroller of scrollers) {
      if (scroller.scrollWidth > scroller.clientWidth + 1) {
        scroller.tabIndex = 0;
        if (scroller.classList.contains("scroll")) {
          scroller.setAttribute("role", "group");
          scroller.setAttribute("aria-label", say("table"));
        }
      } else {
        scroller.removeAttribute("tabindex");
      }
    }
  }
  reach();
  addEventListener("resize", reach);
})();
