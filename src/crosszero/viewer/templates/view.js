// The page of `crosszero view`: which pairs are shown, in which order.
const PAGE = JSON.parse(document.getElementById("pairs").textContent);
const rows = PAGE.map(([source, source_words, target, target_words, links], n) => ({
  name: `${n + 1}`,
  pair: { source, target, source_words, target_words, links },
}));
const fold = (text) => text.normalize("NFKC").toLowerCase();
const list = new PairList(document.getElementById("list"));
const form = document.querySelector("form");

// How sure the links of a pair are, a word without one counting 0, and how many have none.
function judge({ source_words, target_words, links }, threshold) {
  const best = [source_words, target_words].map((words) => new Float64Array(words.length));
  for (const [i, j, score = 1] of links) {
    if (score < threshold) continue;
    best[0][i] = Math.max(best[0][i], score);
    best[1][j] = Math.max(best[1][j], score);
  }
  const linked = best.map((side, s) => {
    const some = new Set(links.filter((link) => (link[2] ?? 1) >= threshold).map((link) => link[s]));
    return some.size;
  });
  const words = source_words.length + target_words.length;
  const sum = best.reduce((all, side) => all + side.reduce((a, b) => a + b, 0), 0);
  return { alone: words - linked[0] - linked[1], sure: words ? sum / words : 0 };
}

function update() {
  const { text, threshold, words, order } = form.elements;
  const [wanted, least] = [fold(text.value.trim()), Number(threshold.value)];
  document.getElementById("least").textContent = percent(least);
  const found = [];
  for (const row of rows) {
    const { pair } = row;
    if (wanted) {
      row.folded ??= fold(`${pair.source}\n${pair.target}`);
      if (!row.folded.includes(wanted)) continue;
    }
    const { alone, sure } = judge(pair, least);
    if ((words.value === "alone" && !alone) || (words.value === "linked" && alone)) continue;
    found.push({ ...row, alone, sure, note: `mean ${percent(sure)}` });
  }
  if (order.value === "sure") found.sort((a, b) => a.sure - b.sure);
  if (order.value === "alone") found.sort((a, b) => b.alone - a.alone);
  list.show(found, least);
  const all = rows.length.toLocaleString("en");
  const some = found.length.toLocaleString("en");
  document.getElementById("count").textContent =
    found.length === rows.length ? `${all} pairs` : `${some} of ${all} pairs`;
}

let waiting = 0;
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(update, 120);
});
update();
