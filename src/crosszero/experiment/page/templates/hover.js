// Draws the maps anew with plotly, so that a point says its word and sentence. Where this can't
// run (an old browser, scripts switched off, paper), the pictures of matplotlib stay.
(async () => {
  const packed = document.getElementById("plotly").textContent;
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);

  const paint = () => {
    const { color, backgroundColor: ground } = getComputedStyle(document.body);
    return {
      "font.color": color,
      "hoverlabel.bgcolor": ground, "hoverlabel.font.color": color,
      "modebar.bgcolor": ground, "modebar.color": color, "modebar.activecolor": color,
      "xaxis.linecolor": color, "yaxis.linecolor": color,
    };
  };
  const axis = { showticklabels: false, showgrid: false, zeroline: false, ticks: "" };
  const layout = {
    margin: { l: 8, r: 8, t: 34, b: 8 },
    paper_bgcolor: "rgba(0, 0, 0, 0)",
    plot_bgcolor: "rgba(0, 0, 0, 0)",
    hovermode: "closest",
    hoverlabel: { align: "left" },
    legend: { orientation: "h", y: -0.02 },
    dragmode: matchMedia("(pointer: fine)").matches ? "zoom" : false,
    xaxis: { ...axis, mirror: true, showline: true },
    yaxis: { ...axis, mirror: true, showline: true, scaleanchor: "x" },
  };
  const options = {
    responsive: true,
    displaylogo: false,
    modeBarButtons: [["zoomIn2d", "zoomOut2d", "resetScale2d"]],
  };
  const boxes = document.querySelectorAll(".hover");
  for (const box of boxes) {
    const data = JSON.parse(box.querySelector("script").textContent);
    const plot = document.createElement("div");
    plot.className = "plot";
    box.querySelector("figcaption").before(plot);
    box.classList.add("drawn");
    await Plotly.newPlot(plot, data, structuredClone(layout), options);
    await Plotly.relayout(plot, paint());
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const plot of document.querySelectorAll(".plot")) Plotly.relayout(plot, paint());
  });
  document.documentElement.dataset.plots = boxes.length;
})();
