// A scored cloud or mesh in plotly: grey below the cut, heat colours from the cut upwards.
(function () {
  "use strict";
  const byId = (id) => document.getElementById("cloud-" + id);
  const setup = JSON.parse(byId("setup").textContent);
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
  const scores = new Float32Array(bytes(setup.scores));
  const packed = new Float32Array(bytes(setup.points));
  // Back to the file's own coordinates, in double precision.
  const axis = (at) => Float64Array.from(scores, (_, point) => packed[3 * point + at] + setup.offset[at]);
  const x = axis(0), y = axis(1), z = axis(2);

  const heatColours = setup.scale.map((colour, at) => [at / (setup.scale.length - 1), colour]);
  const bar = { title: { text: "anomaly score" }, thickness: 14, len: 0.75, outlinewidth: 0 };
  const place = "x %{x:.4~g}, y %{y:.4~g}, z %{z:.4~g}<br>";
  // The camera looks at the worst region at first.
  const upright = Math.abs(setup.eye[2]) < 0.9;
  const camera = {
    eye: { x: 2 * setup.eye[0], y: 2 * setup.eye[1], z: 2 * setup.eye[2] },
    up: upright ? { x: 0, y: 0, z: 1 } : { x: 0, y: 1, z: 0 },
  };
  const traces = setup.faces ? [meshTrace()] : pointTraces();

  function meshTrace() {
    const corners = new Uint32Array(bytes(setup.faces));
    const corner = (at) => corners.filter((_, i) => i % 3 === at);
    return {
      type: "mesh3d", x: x, y: y, z: z, i: corner(0), j: corner(1), k: corner(2),
      intensity: scores, cmin: 0, cmax: 1, colorscale: heatColours, colorbar: bar, flatshading: false,
      lighting: { ambient: 0.5, diffuse: 0.7, specular: 0.15, roughness: 0.7, fresnel: 0.05 },
      lightposition: { x: 6e4, y: 8e4, z: 1e5 },  // turns with the camera
      hovertemplate: place + "score %{intensity:.2f}<extra></extra>",
    };
  }

  function pointTraces() {
    const size = scores.length > 2000 ? 3 : 5;
    const common = { type: "scatter3d", mode: "markers", hovertemplate: place + "score %{text}<extra></extra>" };
    const marker = (extra) => Object.assign({ size: size, opacity: 1, line: { width: 0 }, cmin: 0, cmax: 1 }, extra);
    return [
      Object.assign({}, common, { marker: marker({ colorscale: [[0, "#454b54"], [1, "#d5d9de"]] }) }),
      Object.assign({}, common, { marker: marker({ size: size, colorscale: heatColours, colorbar: bar }) }),
    ];
  }

  // The colour scale of a mesh: one grey up to the cut, then the heat colours at their own scores.
  function cutScale(cut) {
    const grey = "#9aa1aa";
    const after = heatColours.filter(([score]) => score > cut);
    const at = setup.scale[Math.round(cut * (setup.scale.length - 1))];
    return [[0, grey], [cut, grey], [cut, at], ...after, ...(after.length ? [] : [[1, at]])];
  }

  // Points come sorted by score, the highest first: the first `hot` of them are coloured.
  function split(cut) {
    let hot = 0;
    while (hot < scores.length && scores[hot] >= cut) hot++;
    const shades = Float32Array.from(new Uint8Array(bytes(setup.shades)), (value) => value / 255);
    const part = (from, to) => [x.subarray(from, to), y.subarray(from, to), z.subarray(from, to)];
    const [cold, warm] = [part(hot), part(0, hot)];
    const text = Array.from(scores, (score) => score.toFixed(2));
    return {
      x: [cold[0], warm[0]], y: [cold[1], warm[1]], z: [cold[2], warm[2]],
      "marker.color": [shades.subarray(hot), scores.subarray(0, hot)], text: [text.slice(hot), text.slice(0, hot)],
    };
  }

  const dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
  const ink = dark ? "#9aa3ad" : "#5c6570";
  const side = (name) => ({
    title: { text: setup.unit ? name + " (" + setup.unit + ")" : name },
    showbackground: false, gridcolor: dark ? "#31363d" : "#dde1e6", zeroline: false, nticks: 5,
  });
  const layout = {
    margin: { l: 0, r: 0, t: 0, b: 0 }, paper_bgcolor: "rgba(0,0,0,0)", font: { color: ink, size: 12 }, showlegend: false,
    modebar: { bgcolor: "rgba(0,0,0,0)", color: ink },
    scene: { aspectmode: "data", xaxis: side("x"), yaxis: side("y"), zaxis: side("z"), dragmode: "orbit", camera: camera },
  };
  Plotly.newPlot(byId("plot"), traces, layout, { responsive: true, displaylogo: false }).then(function () {
    function cut() {
      const value = byId("cut").value / 100;
      byId("cut-value").textContent = value.toFixed(2);
      const change = setup.faces ? { colorscale: [cutScale(value)] } : split(value);
      Plotly.restyle(byId("plot"), change);
    }
    byId("cut").addEventListener("input", cut);
    cut();
  });
})();
