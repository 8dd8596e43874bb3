// Draws the maps anew with plotly, so that a point says its word and sentence. Where this can't
// run (an old browser, scripts switched off, paper), the pictures of matplotlib stay.
(async () => {
  const packed = document.getElementById("plotly").textContent;
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);

  const look = () => {
    const style = getComputedStyle(document.body);
    return { color: style.color, ground: style.backgroundColor };
  };
  const boxes = [...document.querySelectorAll(".hover")];
  for (const box of boxes) {
    const data = JSON.parse(box.querySelector("script").textContent);
    const plot = document.createElement("div");
    plot.className = "plot";
    box.append(plot);
    const axis = { showticklabels: false, showgrid: false, zeroline: false, ticks: "" };
    await Plotly.newPlot(plot, data, {
      margin: { l: 8, r: 8, t: 8, b: 8 },
      paper_bgcolor: "transparent",
      plot_bgcolor: "transparent",
      hovermode: "closest",
      hoverlabel: { align: "left", bgcolor: look().ground, font: { color: look().color } },
      font: { color: look().color },
      legend: { orientation: "h", y: -0.02 },
      dragmode: matchMedia("(pointer: fine)").matches ? "zoom" : false,
      xaxis: { ...axis, mirror: true, showline: true },
      yaxis: { ...axis, mirror: true, showline: true, scaleanchor: "x" },
    }, {
      responsive: true,
      displaylogo: false,
      modeBarButtons: [["zoomIn2d", "zoomOut2d", "resetScale2d"]],
    });
    box.classList.add("drawn");
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    const { color, ground } = look();
    for (const plot of document.querySelectorAll(".plot")) {
      Plotly.relayout(plot, {
        "font.color": color, "hoverlabel.bgcolor": ground, "hoverlabel.font.color": color,
      });
    }
  });
  document.documentElement.dataset.plots = boxes.length;
})();
