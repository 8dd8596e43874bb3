// Draws a text, its translation, and the links between their words.
//
// Both texts are cut into the same number of lines, and line n of the translation stands below line
// n of the text: so links stay short on a phone, too. A pair is
//   {source, target, source_words: [[..., first character, one past the last]], target_words,
//    links: [[source word, target word, how sure (0 to 1)]]}
// with characters counted as code points, as `crosszero align --format jsonl` writes it.
"use strict";

const SIDES = ["source", "target"];
const ROOM = 3; // pixels between a word and a curve
const MARGIN = 18; // pixels that the lines of a long text are moved in, and some
const percent = (score) => `${Math.round(100 * score)} %`;

function create(name, attributes = {}, ...children) {
  const drawn = ["svg", "path"].includes(name);
  const element = drawn
    ? document.createElementNS("http://www.w3.org/2000/svg", name)
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// A word, and what of the text around it belongs on the same line.
function cutUnits(text, words) {
  const letters = Array.from(text);
  const say = (start, end) => letters.slice(start, end).join("");
  const spans = words.map((word) => word.slice(-2));
  let before = say(0, spans.length ? spans[0][0] : letters.length);
  const units = spans.map(([start, end], n) => {
    const gap = say(end, n + 1 < spans.length ? spans[n + 1][0] : letters.length);
    const cut = n + 1 < spans.length ? findBreak(gap) : gap.length;
    const unit = { before, word: say(start, end), after: gap.slice(0, cut) };
    before = gap.slice(cut);
    return unit;
  });
  return units.length ? units : [{ before, word: "", after: "" }];
}

// Where a line may end between two words: behind the last space, or before an opening bracket.
function findBreak(gap) {
  const space = gap.match(/\s(?=\S*$)/u);
  return space ? space.index + 1 : gap.length - gap.match(/[\p{Ps}\p{Pi}]*$/u)[0].length;
}

// Where the lines begin, of `count` lines of about the same width; nothing if one does not fit.
function spread(widths, count, room) {
  const total = widths.reduce((sum, width) => sum + width, 0);
  const starts = [0];
  let sum = 0;
  let line = 0;
  for (const [n, width] of widths.entries()) {
    const full = sum + width / 2 > (total * starts.length) / count || line + width > room;
    if (n && full && starts.length < count) {
      starts.push(n);
      line = 0;
    }
    line += width;
    sum += width;
    if (line > room && line > width) return null;
  }
  return starts;
}

function cutLines(bothWidths, room) {
  const least = bothWidths.map((widths) => {
    let [lines, line] = [1, 0];
    for (const width of widths) {
      if (line && line + width > room) [lines, line] = [lines + 1, 0];
      line += width;
    }
    return lines;
  });
  const count = Math.max(...least);
  return bothWidths.map((widths) => spread(widths, count, room) ?? spread(widths, count, Infinity));
}

function drawPair(box, pair, threshold, name) {
  const links = pair.links
    .map(([i, j, score = 1]) => ({ ends: [i, j], score }))
    .filter(({ score }) => score >= threshold);
  const units = SIDES.map((side) => cutUnits(pair[side], pair[`${side}_words`]));
  const partners = units.map((side) => side.map(() => []));
  for (const { ends, score } of links) {
    for (const side of [0, 1]) partners[side][ends[side]].push([ends[1 - side], score]);
  }
  const words = units.map((side, s) =>
    side.map((unit, n) => {
      const found = partners[s][n].map(([m, score]) => `${units[1 - s][m].word} ${percent(score)}`);
      const told = found.join(", ") || "no link";
      return create(
        "span",
        {
          class: `word${found.length ? "" : " alone"}${unit.after ? "" : " tight"}`, role: "button", tabindex: -1,
          "data-side": s, "data-word": n, "aria-description": told, "data-told": told,
        },
        unit.word,
      );
    }),
  );
  const spans = units.map((side, s) =>
    side.map((unit, n) => create("span", {}, unit.before, unit.word ? words[s][n] : "", unit.after)),
  );

  // on one line each, to see how wide everything is and where the text begins
  const trial = spans.map((side) => create("p", { class: "line trial", dir: "auto" }, ...side));
  const drawing = create("div", { class: "drawing", role: "group", "aria-label": name }, ...trial);
  const told = create("p", { class: "told" });
  box.replaceChildren(drawing, told);
  const directions = trial.map((line) => getComputedStyle(line).direction);
  const widths = spans.map((side) => side.map((span) => span.getBoundingClientRect().width));
  const starts = cutLines(widths, box.clientWidth - MARGIN);
  const count = Math.max(...starts.map((side) => side.length));
  const svg = create("svg", { "aria-hidden": "true" });
  const lines = Array.from({ length: count }, (_, n) =>
    SIDES.map((side, s) => {
      const line = create("p", { class: `line ${side}`, dir: directions[s] });
      if (n < starts[s].length) line.append(...spans[s].slice(starts[s][n], starts[s][n + 1]));
      return line;
    }),
  );
  drawing.replaceChildren(svg, ...lines.map((both) => create("div", { class: "stave" }, ...both)));

  const corner = drawing.getBoundingClientRect();
  const places = words.map((side) => side.map((word) => word.getBoundingClientRect()));
  const [first] = words.flat().filter((word) => word.isConnected);
  first?.setAttribute("tabindex", 0);
  const staves = starts.map((side) => (n) => side.findLastIndex((start) => start <= n));
  const paths = links.map(({ ends, score }) => {
    const [a, b] = ends.map((n, s) => places[s][n]);
    const down = staves[0](ends[0]) <= staves[1](ends[1]);
    const [x1, x2] = [a, b].map((place) => place.x + place.width / 2 - corner.x);
    const y1 = (down ? a.bottom + ROOM : a.top - ROOM) - corner.y;
    const y2 = (down ? b.top - ROOM : b.bottom + ROOM) - corner.y;
    const middle = (y1 + y2) / 2;
    const path = create("path", {
      d: `M${x1} ${y1}C${x1} ${middle} ${x2} ${middle} ${x2} ${y2}`,
      "stroke-width": (1 + 2.5 * score).toFixed(2),
      "stroke-opacity": (0.15 + 0.7 * score ** 2).toFixed(2),
    });
    return path;
  });
  svg.append(...paths);

  const countOf = (number, name) => `${number} ${name}${number === 1 ? "" : "s"}`;
  const alone = SIDES.map((side, s) => {
    const left = words[s].filter((word) => word.classList.contains("alone") && word.textContent);
    return left.length ? countOf(left.length, `${side} word`) : "";
  }).filter(Boolean);
  const rest = [countOf(links.length, "link"), alone.length ? `without a link: ${alone.join(", ")}` : ""]
    .filter(Boolean)
    .join("; ");
  let asked = null;
  const ask = (word) => {
    if (word === asked && told.textContent) return;
    asked = word;
    const [s, n] = word ? [Number(word.dataset.side), Number(word.dataset.word)] : [];
    drawing.classList.toggle("asked", Boolean(word));
    for (const other of drawing.querySelectorAll(".on")) other.classList.remove("on");
    told.textContent = rest;
    if (!word) return;
    word.classList.add("on");
    for (const [m] of partners[s][n]) words[1 - s][m].classList.add("on");
    links.forEach(({ ends }, k) => paths[k].classList.toggle("on", ends[s] === n));
    told.replaceChildren(create("bdi", {}, word.textContent), ": ", create("bdi", {}, word.dataset.told));
  };
  ask(null);
  answer(drawing, words, partners, directions, ask);
}

// Pointer and keys: a word that is pointed at or focused shows its partners.
function answer(drawing, words, partners, directions, ask) {
  const wordOf = (event) => event.target.closest?.(".word") ?? null;
  const focused = () => (drawing.contains(document.activeElement) ? document.activeElement : null);
  drawing.addEventListener("pointerover", (event) => ask(wordOf(event) ?? focused()));
  drawing.addEventListener("pointerleave", () => ask(focused()));
  drawing.addEventListener("focusin", (event) => ask(wordOf(event)));
  drawing.addEventListener("focusout", () => ask(null));
  const move = (word) => {
    if (!word?.isConnected) return;
    drawing.querySelector("[tabindex='0']")?.setAttribute("tabindex", -1);
    word.setAttribute("tabindex", 0);
    word.focus();
  };
  drawing.addEventListener("click", (event) => move(wordOf(event)));
  drawing.addEventListener("keydown", (event) => {
    const word = wordOf(event);
    if (!word) return;
    const [s, n] = [Number(word.dataset.side), Number(word.dataset.word)];
    const forth = directions[s] === "rtl" ? "ArrowLeft" : "ArrowRight";
    const across = { 0: "ArrowDown", 1: "ArrowUp" }[s];
    let next;
    if (event.key === forth) next = words[s][n + 1];
    else if (event.key === "ArrowRight" || event.key === "ArrowLeft") next = words[s][n - 1];
    else if (event.key === across) {
      const other = words[1 - s];
      next = other[partners[s][n][0]?.[0] ?? Math.round((n * (other.length - 1)) / words[s].length)];
    } else if (event.key === "Home") next = words[s][0];
    else if (event.key === "End") next = words[s].at(-1);
    else if (event.key === "Escape") return word.blur();
    else if (!event.key.startsWith("Arrow")) return;
    event.preventDefault();
    move(next);
  });
}
