// A list of pairs, of any length: each is drawn when it comes near the window, and emptied when it
// has gone far from it.
const AHEAD = "800px";

class PairList {
  #root;
  #threshold = 0;
  #near = new Set();
  #observer = new IntersectionObserver((entries) => this.#see(entries), { rootMargin: AHEAD });

  constructor(root) {
    this.#root = root;
    let width = root.clientWidth;
    new ResizeObserver(() => {
      if (root.clientWidth === width) return;
      width = root.clientWidth;
      this.#drawAgain();
    }).observe(root);
    document.fonts?.ready.then(() => this.#drawAgain());
  }

  // Each pair with a name, and what else is told of it.
  show(entries, threshold) {
    this.#threshold = threshold;
    this.#observer.disconnect();
    this.#near.clear();
    const articles = entries.map(({ pair, name, note = "" }) => {
      const box = create("div", { class: "pair" });
      const head = create("p", { class: "head" }, create("span", { class: "name" }, name), note);
      const article = create("article", {}, head, box);
      Object.assign(article, { box, pair, name });
      return article;
    });
    this.#root.replaceChildren(...articles);
    for (const article of articles) this.#observer.observe(article);
  }

  #see(entries) {
    for (const { target: article, isIntersecting } of entries) {
      if (isIntersecting) {
        this.#near.add(article);
        this.#draw(article);
      } else if (this.#near.delete(article) && !article.contains(document.activeElement)) {
        article.style.minHeight = `${article.offsetHeight}px`;
        article.box.replaceChildren();
      }
    }
  }

  #draw(article) {
    article.style.minHeight = "";
    drawPair(article.box, article.pair, this.#threshold, `${article.name}: arrow keys go from word to word`);
  }

  #drawAgain() {
    for (const article of this.#near) this.#draw(article);
  }
}
