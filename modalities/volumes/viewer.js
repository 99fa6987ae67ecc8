// Three planes through a volume: brainsprite draws them; this adds scrolling, sliders and a readout.
(function () {
  "use strict";
  const byId = (id) => document.getElementById("volume-" + id);
  const setup = JSON.parse(byId("setup").textContent);
  const palette = Uint8Array.from(atob(setup.palette), (c) => c.charCodeAt(0));
  const planes = ["X", "Y", "Z"];
  const counts = { X: setup.shape[0], Y: setup.shape[1], Z: setup.shape[2] };

  window.addEventListener("load", start);  // by then both sprites are there

  // Scores as grey values 0 to 255, one for each pixel of the sprite.
  function readScores(image) {
    const canvas = document.createElement("canvas");
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0);
    const rgba = context.getImageData(0, 0, canvas.width, canvas.height).data;
    return Uint8Array.from({ length: rgba.length / 4 }, (_, at) => rgba[4 * at]);
  }

  function start() {
    const scores = readScores(byId("heat"));
    const layer = byId("layer");
    layer.width = byId("heat").naturalWidth;
    layer.height = byId("heat").naturalHeight;
    const pixels = layer.getContext("2d").createImageData(layer.width, layer.height);

    function paint(cut) {
      const colours = new Uint32Array(palette.buffer.slice(0)).map((colour, level) => (level < 255 * cut ? 0 : colour));
      const target = new Uint32Array(pixels.data.buffer);
      for (let at = 0; at < scores.length; at++) target[at] = colours[scores[at]];
      layer.getContext("2d").putImageData(pixels, 0, 0);
    }

    paint(0);
    const brain = brainsprite({
      canvas: "volume-canvas",
      sprite: "volume-anatomy",
      nbSlice: counts,
      overlay: { sprite: "volume-layer", nbSlice: counts, opacity: 1 },
      numSlice: { X: setup.start[0], Y: setup.start[1], Z: setup.start[2] },
      colorBackground: "#000000",
      crosshair: false,
      showLR: false,
      smooth: true,
      onclick: report,
    });

    // Thin lines with a gap around the point, so that what they point at stays visible.
    function crosshair(left, width, height, x, y) {
      const top = (brain.heightCanvas.max - height) / 2;
      const [column, row, gap] = [Math.round(left + x * width) + 0.5, Math.round(top + y * height) + 0.5, width / 12];
      const lines = [
        [left, row, column - gap, row], [column + gap, row, left + width, row],
        [column, top, column, row - gap], [column, row + gap, column, top + height],
      ];
      brain.context.save();
      brain.context.beginPath();
      brain.context.rect(left, top, width, height);
      brain.context.clip();
      brain.context.beginPath();
      for (const [fromX, fromY, toX, toY] of lines) {
        brain.context.moveTo(fromX, fromY);
        brain.context.lineTo(toX, toY);
      }
      brain.context.strokeStyle = "rgb(64 224 255 / 75%)";
      brain.context.stroke();
      brain.context.restore();
    }

    // The patient's sides, on the coronal and the axial plane.
    function sides(left, width) {
      brain.context.save();
      brain.context.font = "16px sans-serif";
      brain.context.textBaseline = "middle";
      brain.context.fillStyle = "#e8eaed";
      brain.context.fillText("R", left + 6, brain.heightCanvas.max / 2);
      brain.context.textAlign = "right";
      brain.context.fillText("L", left + width - 6, brain.heightCanvas.max / 2);
      brain.context.restore();
    }

    const drawPlanes = brain.drawAll;
    brain.drawAll = function () {
      drawPlanes();
      const [x, y, z] = planes.map((plane) => (brain.numSlice[plane] + 0.5) / counts[plane]);
      const { widthCanvas: width, heightCanvas: height } = brain;
      crosshair(0, width.X, height.X, y, 1 - z);
      crosshair(width.X, width.Y, height.Y, x, 1 - z);
      crosshair(width.X + width.Y, width.Z, height.Z, x, 1 - y);
      sides(width.X, width.Y);
      sides(width.X + width.Y, width.Z);
    };

    function transform(matrix) {
      const at = [brain.numSlice.X, brain.numSlice.Y, brain.numSlice.Z, 1];
      return matrix.slice(0, 3).map((row) => Math.round(row.reduce((sum, value, i) => sum + value * at[i], 0)));
    }

    function scoreHere() {
      const columns = layer.width / counts.Y;
      const x = (brain.numSlice.X % columns) * counts.Y + brain.numSlice.Y;
      const y = Math.floor(brain.numSlice.X / columns) * counts.Z + counts.Z - 1 - brain.numSlice.Z;
      return scores[y * layer.width + x] / 255;
    }

    function report() {
      for (const plane of planes) byId(plane).value = brain.numSlice[plane];
      let place = "voxel " + transform(setup.toVoxel).join(", ");
      if (setup.toWorld) {
        const signed = transform(setup.toWorld).map((value) => (value > 0 ? "+" : "") + value);
        place = "x, y, z = " + signed.join(", ") + " mm (RAS) · " + place;
      }
      byId("readout").textContent = place + " · score " + scoreHere().toFixed(2);
    }

    function redraw() {
      brain.init();
      brain.drawAll();
      report();
    }

    function move(plane, slice) {
      brain.numSlice[plane] = Math.min(Math.max(slice, 0), counts[plane] - 1);
      redraw();
    }

    function planeAt(x) {
      if (x < brain.widthCanvas.X) return "X";
      return x < brain.widthCanvas.X + brain.widthCanvas.Y ? "Y" : "Z";
    }

    brain.canvas.addEventListener("wheel", function (event) {
      event.preventDefault();
      const plane = planeAt(event.clientX - brain.canvas.getBoundingClientRect().left);
      move(plane, brain.numSlice[plane] + (event.deltaY < 0 ? 1 : -1));
    }, { passive: false });

    for (const plane of planes) {
      byId(plane).max = counts[plane] - 1;
      byId(plane).addEventListener("input", function () { move(plane, Number(this.value)); });
    }
    byId("opacity").addEventListener("input", function () {
      brain.overlay.opacity = this.value / 100;
      redraw();
    });
    byId("cut").addEventListener("input", function () {
      byId("cut-value").textContent = (this.value / 100).toFixed(2);
      paint(this.value / 100);
      redraw();
    });

    function nameWidths() {
      [...byId("names").children].forEach(function (name, at) { name.style.width = brain.widthCanvas[planes[at]] + "px"; });
    }
    window.addEventListener("resize", nameWidths);
    nameWidths();
    redraw();
  }
})();
