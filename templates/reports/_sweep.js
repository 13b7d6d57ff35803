// The pictures of a sweep, from the points that the page carries: a heat map of two chosen axes with
// slices for the others, and parallel coordinates of all. They are drawn here because what they show is
// chosen here; a library for these two would be larger than everything else on the page together.
{
  const data = JSON.parse(document.getElementById("sweep-data").textContent);
  const count = data.axes.length;
  const field = (name) => document.getElementById(name);
  const chosen = () => Number(field("metric").value);
  const short = (path) => path.replace(/^params\./, "");
  const shown = (value, metric) => {
    if (value === null) return "\u2013";
    const fraction = data.metrics[metric].unit === "fraction";
    const number = fraction ? value * 100 : value;
    const size = Math.abs(number);
    const digits = size >= 100 ? 0 : size >= 10 ? 1 : 2;
    return number.toFixed(digits).replace("-", "\u2212") + (fraction ? " %" : "");
  };
  const make = (name, text, attributes) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
    return element;
  };
  const known = (metric) =>
    data.values.map((row) => row[metric]).filter((value) => value !== null).sort((a, b) => a - b);

  // The share of points that a value beats, from 0 to 1: ranks, so that one outlier does not fade all.
  const share = (value, metric, sorted) => {
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle] < value) low = middle + 1;
      else high = middle;
    }
    const rank = sorted.length > 1 ? low / (sorted.length - 1) : 0.5;
    return data.metrics[metric].lower ? 1 - rank : rank;
  };
  const color = (rank) => `color-mix(in srgb, var(--s0) ${Math.round(rank * 48)}%, transparent)`;

  const slices = (others, grouping) => {
    const seen = new Map();
    data.at.forEach((at, point) => {
      const key = others.map((axis, index) => grouping[index].of(at[axis])).join(",");
      if (!seen.has(key)) seen.set(key, []);
      seen.get(key).push(point);
    });
    return [...seen].sort(([a], [b]) => {
      const [left, right] = [a.split(",").map(Number), b.split(",").map(Number)];
      const at = left.findIndex((one, index) => one !== right[index]);
      return at < 0 ? 0 : left[at] - right[at];
    });
  };

  // A random sweep has few points for its grid: then neighbouring values share a cell. How the values of
  // an axis are grouped: their names, and the group of each.
  const grouped = (axis, groups) => {
    const { values } = data.axes[axis];
    const whole = { names: values, of: (at) => at };
    if (values.length <= groups || values.some((value) => Number.isNaN(Number(value)))) return whole;
    const wide = Math.ceil(values.length / groups);
    const names = [];
    for (let at = 0; at < values.length; at += wide) {
      const last = Math.min(at + wide, values.length) - 1;
      names.push(at === last ? values[at] : `${values[at]} \u2013 ${values[last]}`);
    }
    return { names, of: (at) => Math.floor(at / wide) };
  };

  const heat = () => {
    const [x, y, metric] = [Number(field("x").value), Number(field("y").value), chosen()];
    const others = data.axes.map((_, axis) => axis).filter((axis) => axis !== x && axis !== y);
    const sorted = known(metric);
    const place = field("heat");
    place.replaceChildren();
    const grid = data.axes.reduce((size, axis) => size * axis.values.length, 1);
    const is_sparse = data.at.length < 0.25 * grid;
    // Of further axes low, middle and high values; of very many only low and high.
    const grouping = others.map((axis) => grouped(axis, is_sparse ? (others.length > 2 ? 2 : 3) : Infinity));
    const all = slices(others, grouping);
    const most = 36;
    const a_side = is_sparse ? Math.max(3, Math.round(Math.sqrt(data.at.length / all.length))) : Infinity;
    const [across, down] = [grouped(x, a_side), grouped(y, a_side)];
    for (const [, points] of all.slice(0, most)) {
      const names = others.map((axis, index) => {
        const { names, of } = grouping[index];
        return `${short(data.axes[axis].path)} = ${names[of(data.at[points[0]][axis])]}`;
      });
      const table = make("table", undefined, { class: "map" });
      const caption = names.length ? names.join(", ") : data.metrics[metric].title;
      table.append(make("caption", caption));
      const cells = new Map();
      for (const point of points) {
        const key = `${across.of(data.at[point][x])},${down.of(data.at[point][y])}`;
        if (!cells.has(key)) cells.set(key, []);
        cells.get(key).push(point);
      }
      const used = ({ names, of }, axis) => {
        const there = new Set(points.map((point) => of(data.at[point][axis])));
        return names.map((_, group) => group).filter((group) => there.has(group));
      };
      const head = make("tr");
      const corner = x === y ? short(data.axes[x].path) : `${short(data.axes[y].path)} \\ ${short(data.axes[x].path)}`;
      head.append(make("th", corner, { scope: "col" }));
      const columns = used(across, x);
      columns.forEach((group) => head.append(make("th", across.names[group], { scope: "col", class: "n" })));
      const top = make("thead");
      top.append(head);
      const body = make("tbody");
      for (const row of used(down, y)) {
        const line = make("tr");
        line.append(make("th", down.names[row], { scope: "row" }));
        for (const column of columns) {
          const inside = cells.get(`${column},${row}`) || [];
          const values = inside.map((point) => data.values[point][metric]).filter((value) => value !== null);
          const value = values.length ? values.reduce((sum, one) => sum + one, 0) / values.length : null;
          const cell = make("td", inside.length ? shown(value, metric) : "", { class: "n" });
          if (value !== null) cell.style.background = color(share(value, metric, sorted));
          if (inside.length > 1) cell.title = `the mean of ${inside.length} points`;
          if (inside.includes(data.best)) {
            cell.classList.add("peak");
            cell.prepend("\u2605 ");
          }
          line.append(cell);
        }
        body.append(line);
      }
      table.append(top, body);
      place.append(table);
    }
    if (is_sparse) {
      place.append(make("p", "There are few points for this grid: neighbouring values share a cell, which shows their mean.", { class: "soft" }));
    }
    if (all.length > most) place.append(make("p", `${all.length - most} more slices are not drawn.`, { class: "soft" }));
  };

  const parallel = () => {
    const metric = chosen();
    const place = field("parallel");
    const sorted = known(metric);
    const space = "http://www.w3.org/2000/svg";
    const [width, height, top] = [1000, 260, 24];
    const draw = (name, attributes) => {
      const element = document.createElementNS(space, name);
      for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
      return element;
    };
    const svg = draw("svg", { class: "parallel", viewBox: `0 0 ${width} ${height + top + 40}`, role: "img" });
    const title = draw("title", {});
    title.textContent = `All points along ${count} axes, and their ${data.metrics[metric].title}`;
    svg.append(title);
    const across = (axis) => 60 + (axis / count) * (width - 120);
    const low = sorted[0];
    const span = sorted[sorted.length - 1] - low || 1;
    const up = (axis, point) => {
      if (axis === count) return top + height - ((data.values[point][metric] - low) / span) * height;
      const last = data.axes[axis].values.length - 1;
      return top + height - (last ? data.at[point][axis] / last : 0.5) * height;
    };
    const line = (point) => {
      const points = [];
      for (let axis = 0; axis <= count; axis += 1) points.push(`${across(axis).toFixed(0)},${up(axis, point).toFixed(1)}`);
      return points.join(" ");
    };
    // The best are drawn last, on top of the others; of very many every so-manieth is drawn.
    const order = data.values
      .map((row, point) => [row[metric], point])
      .filter(([value]) => value !== null)
      .map(([value, point]) => [share(value, metric, sorted), point])
      .sort(([a], [b]) => a - b);
    const step = Math.ceil(order.length / 3000);
    order.forEach(([rank, point], index) => {
      if (index % step && rank < 0.99) return;
      const [stroke, width] = rank >= 0.95 ? ["var(--s1)", 2.25] : ["var(--grey)", 1];
      const style = `stroke: ${stroke}; stroke-width: ${width}; opacity: ${(0.08 + rank * 0.5).toFixed(2)}`;
      svg.append(draw("polyline", { points: line(point), style }));
    });
    if (data.best !== null) svg.append(draw("polyline", { points: line(data.best), class: "chosen" }));
    for (let axis = 0; axis <= count; axis += 1) {
      const x = across(axis);
      svg.append(draw("line", { class: "rule", x1: x, x2: x, y1: top, y2: top + height }));
      const text = (y, words) => {
        const label = draw("text", { x, y, "text-anchor": "middle" });
        label.textContent = words;
        svg.append(label);
      };
      const values = axis < count ? data.axes[axis].values : [shown(low, metric), shown(low + span, metric)];
      text(top - 8, values[values.length - 1]);
      text(top + height + 14, values[0]);
      text(top + height + 30, axis < count ? short(data.axes[axis].path) : data.metrics[metric].title);
    }
    place.replaceChildren(svg);
  };

  const options = (select, names, at) => {
    names.forEach((name, index) => select.append(make("option", name, { value: index })));
    select.value = at;
  };
  options(field("metric"), data.metrics.map((metric) => metric.title), 0);
  // The two longest axes, so that there are few slices; first those on which the best point has a value.
  const longest = data.axes.map((_, axis) => axis);
  const lacks = ({ values }, axis) => data.best !== null && values[data.at[data.best][axis]] === "\u2013";
  const lacking = data.axes.map(lacks);
  const length = (axis) => data.axes[axis].values.length;
  longest.sort((a, b) => lacking[a] - lacking[b] || length(b) - length(a) || b - a);
  const [first, second] = longest.slice(0, 2).sort((a, b) => b - a);
  options(field("x"), data.axes.map((axis) => short(axis.path)), first ?? 0);
  options(field("y"), data.axes.map((axis) => short(axis.path)), second ?? first ?? 0);
  if (data.values.length) {
    const all = () => {
      heat();
      parallel();
    };
    for (const name of ["x", "y"]) field(name).addEventListener("change", heat);
    field("metric").addEventListener("change", all);
    all();
    field("choose").hidden = false;
  }
}
