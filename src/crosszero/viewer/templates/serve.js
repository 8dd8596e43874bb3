// The page of `crosszero serve`: asks the server that it came from, and draws what it answers.
const list = new PairList(document.getElementById("list"));
const ask = document.getElementById("ask");
const seek = document.getElementById("seek");
let entries = [];

async function post(path, question) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(question),
  }).catch(() => {
    throw new Error("The server does not answer.");
  });
  const answer = await response.json().catch(() => ({ error: `The server answered ${response.status}.` }));
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

// Runs what a form asks for; what goes wrong is told below it.
function answerForm(form, problem, work) {
  const told = document.getElementById(problem);
  const button = form.querySelector("button");
  const run = async (event) => {
    event?.preventDefault();
    button.disabled = true;
    told.textContent = "";
    try {
      await work(form.elements);
    } catch (error) {
      told.textContent = error.message;
    }
    button.disabled = false;
  };
  form.addEventListener("submit", run);
  return run;
}

const cut = (field) => field.value.trimEnd().split("\n").map((line) => line.trim());

function showLinks() {
  const least = Number(ask.elements.threshold.value);
  document.getElementById("least").textContent = percent(least);
  list.show(entries, least);
}

const link = answerForm(ask, "problem", async ({ source, target }) => {
  if (!source.value.trim() || !target.value.trim()) throw new Error("Give a text and its translation.");
  const sides = [cut(source), cut(target)];
  const [one, other] = sides.map((lines) => lines.length);
  if (one !== other) throw new Error(`Give as many lines on both sides; these are ${one} and ${other}.`);
  const shown = (line, n) => sides.some((lines) => lines[n]);  // one empty line keeps its place
  const question = { source: sides[0].filter(shown), target: sides[1].filter(shown) };
  const [links, cosines] = await Promise.all([
    post("/api/align", question),
    post("/api/similarity", question),
  ]);
  entries = links.pairs.map((pair, n) => ({
    pair,
    name: `${n + 1}`,
    note: `similarity ${cosines.similarity[n].toFixed(2)}`,
  }));
  showLinks();
});
ask.elements.threshold.addEventListener("input", showLinks);
for (const field of [ask.elements.source, ask.elements.target]) {
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) link(event);
  });
}
link();

if (seek) {
  answerForm(seek, "unfound", async ({ text }) => {
    if (!text.value.trim()) throw new Error("Give a text.");
    const { nearest } = await post("/api/nearest", { text: text.value, count: 10 });
    const rows = nearest[0].map(({ line, text: sentence, similarity }) => {
      const bar = create("meter", { min: 0, max: 1, value: Math.max(0, similarity), "aria-hidden": "true" });
      const said = create("span", { dir: "auto", class: "sentence" }, sentence);
      return create("li", {}, bar, create("span", { class: "number" }, similarity.toFixed(2)), said,
        create("span", { class: "place" }, `line ${line}`));
    });
    document.getElementById("found").replaceChildren(...rows);
  });
}
