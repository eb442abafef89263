// Places: puts the boxes into each other. Each box comes with a plan of its inside where all boxes in it are closed;
// one that is open is larger, and its neighbors make room.

const GAP = 22;

// The corner and size of every item of a box, and the size of the box, in its own coordinates.
function arranged(fold, opened, insides) {
  const plan = graph.plans[graph.plan[fold]];
  const items = graph.items[fold].map((id, slot) => {
    const [x, y, w, h] = plan.frames[slot];
    const inside = id < 0 && opened.has(-id) ? insides.get(-id) : null;
    return { id, x, y, w, h, newW: inside ? inside.w : w, newH: inside ? inside.h : h };
  });
  const grown = items.some((item) => item.newW !== item.w || item.newH !== item.h);
  if (grown) { widen(items); heighten(items); }
  if (!grown) return { items: items.map(({ id, x, y, w, h }) => ({ id, x, y, w, h })), w: plan.size[0], h: plan.size[1], ports: plan.ports, grown };
  return bounded(fold, items, plan);
}

// What was wholly to the right of another item stays so, by as much.
function widen(items) {
  const order = [...items].sort((a, b) => a.x - b.x);
  for (const item of order) {
    item.newX = item.x;
    for (const other of order) {
      if (other === item) break;
      const gap = item.x - (other.x + other.w);
      if (gap >= 0 && other.newX !== undefined) item.newX = Math.max(item.newX, other.newX + other.newW + gap);
    }
  }
}

// Items of one column keep their middles where they can, and are pushed apart where they would overlap.
function heighten(items) {
  for (const column of columns(items)) {
    keepMiddles(column);
    column.sort((a, b) => a.y - b.y);
    let bottom = -Infinity, moved = 0;
    for (const item of column) {
      const wanted = item.y + item.h / 2 - item.newH / 2;
      item.newY = Math.max(wanted, bottom + (bottom === -Infinity ? 0 : GAP));
      bottom = item.newY + item.newH;
      moved += item.newY - wanted;
    }
    for (const item of column) item.newY -= moved / column.length;
  }
}

// What shared its middle with one that has grown does so still.
function keepMiddles(column) {
  const widest = column.reduce((a, b) => (b.newW > a.newW ? b : a)), middle = widest.newX + widest.newW / 2;
  for (const item of column) {
    if (Math.abs(item.x + item.w / 2 - widest.x - widest.w / 2) < 3) item.newX = middle - item.newW / 2;
  }
}

function columns(items) {
  const found = [];
  let right = -Infinity;
  for (const item of [...items].sort((a, b) => a.newX - b.newX)) {
    if (item.newX > right) found.push([]);
    found[found.length - 1].push(item);
    right = Math.max(found[found.length - 1].length === 1 ? -Infinity : right, item.newX + item.newW);
  }
  return found;
}

function bounded(fold, items, plan) {
  const [left, top, foot] = fold ? [14, 30, 14] : [0, 0, 0];
  const minX = Math.min(...items.map((item) => item.newX)), minY = Math.min(...items.map((item) => item.newY));
  const placed = items.map((item) => ({ id: item.id, x: item.newX - minX + left, y: item.newY - minY + top, w: item.newW, h: item.newH }));
  const w = Math.max(...placed.map((item) => item.x + item.w)) + left, h = Math.max(...placed.map((item) => item.y + item.h)) + foot;
  return { items: placed, w: Math.max(w, fold ? 240 : 0), h, ports: plan.ports.map((y) => (y * h) / plan.size[1]), grown: true };
}

// Everything that is seen, in one coordinate system: values and closed boxes by id, open boxes, ports, and which item stands for a value.
function placesOf(opened) {
  const insides = new Map();
  for (let fold = graph.folds.length - 1; fold >= 0; fold -= 1) {
    if (isSeen(fold, opened) && (fold === 0 || opened.has(fold))) insides.set(fold, arranged(fold, opened, insides));
  }
  const frames = new Map(), open = new Map(), ports = new Map(), pending = [[0, 0, 0]];
  while (pending.length) {
    const [fold, x, y] = pending.pop();
    const inside = insides.get(fold);
    open.set(fold, { x, y, w: inside.w, h: inside.h, grown: inside.grown });
    inside.ports.forEach((height, k) => ports.set(`${fold}<${graph.ports[fold][k]}`, [x, y + height]));
    for (const item of inside.items) {
      if (item.id < 0 && opened.has(-item.id)) pending.push([-item.id, x + item.x, y + item.y]);
      else frames.set(item.id, { x: x + item.x, y: y + item.y, w: item.w, h: item.h });
    }
  }
  return { frames, open, ports };
}

function isSeen(fold, opened) {
  for (let f = graph.folds[fold][2]; f > 0; f = graph.folds[f][2]) if (!opened.has(f)) return false;
  return true;
}

// What stands for a value: itself, or the outermost closed box around it.
function standIn(i, opened) {
  let found = i;
  for (let f = foldOf[i]; f > 0; f = graph.folds[f][2]) if (!opened.has(f)) found = -f;
  return found;
}

function above(fold) {
  const found = [];
  for (let f = fold; f >= 0; f = graph.folds[f][2]) found.unshift(f);
  return found;
}

// The points between the ends of the line from one value to another: through ports, and along the way that was planned.
function wayOf(source, target, places, opened) {
  const from = above(foldOf[source]), to = above(foldOf[target]);
  let depth = 0;
  while (depth + 1 < from.length && from[depth + 1] === to[depth + 1]) depth += 1;
  const points = planned(from[depth], itemIn(source, from, depth), itemIn(target, to, depth), places);
  for (const fold of to.slice(depth + 1)) {
    const port = places.ports.get(`${fold}<${source}`);
    if (!places.open.has(fold)) return points;
    if (port) points.push(port, ...planned(fold, `<${source}`, target, places));
  }
  return points;
}

const itemIn = (i, path, depth) => (path.length === depth + 1 ? i : -path[depth + 1]);

const routesOf = graph.plans.map((plan) => new Map(plan.routes.map(([a, b, points]) => [`${a} ${b}`, points])));
const slotsOf = graph.items.map((items, fold) => {
  const slots = new Map(items.map((id, slot) => [id, slot]));
  graph.ports[fold].forEach((source, k) => slots.set(`<${source}`, items.length + k));
  return slots;
});

function planned(fold, a, b, places) {
  const frame = places.open.get(fold);
  if (!frame || frame.grown) return [];
  const route = routesOf[graph.plan[fold]].get(`${slotsOf[fold].get(a)} ${slotsOf[fold].get(b)}`) ?? [];
  const points = [];
  for (let k = 0; k < route.length; k += 2) points.push([frame.x + route[k], frame.y + route[k + 1]]);
  return points;
}

// A line with level ends through some points.
function curve(points) {
  let text = `M${points[0].map((x) => x.toFixed(1))}`;
  for (let k = 1; k < points.length; k += 1) {
    const [[x1, y1], [x2, y2]] = [points[k - 1], points[k]];
    const bend = x2 > x1 ? (x2 - x1) / 2 : 24;
    text += `C${[x1 + bend, y1, x2 - bend, y2, x2, y2].map((x) => x.toFixed(1))}`;
  }
  return text;
}
