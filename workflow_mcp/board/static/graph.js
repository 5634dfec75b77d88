/** The dependencies of an epic from left to right: who blocks stands left of who waits. */

import { html, svg } from "./lit-html.js";
import { emptyState, stateDot, stateName } from "./pieces.js";
import { go, hrefTo, state } from "./store.js";

const WIDTH = 248;
const HEIGHT = 56;
const GAP_X = 64;
const GAP_Y = 18;
const MARGIN = 24;
const SWEEPS = 4;

/** The graph, or the choice of an epic. */
export function graphView() {
  const { epic } = state.route;
  if (!epic) return html`<main>${emptyState("Choose an epic", html`<p>Its items and what they wait for are drawn here.</p>`,
    html`<div class="choice">${(state.board?.epics ?? []).map(({ id, title }) =>
      html`<button @click=${() => go({ epic: id })}>${title}</button>`)}</div>`)}</main>`;
  if (!state.graph) return html`<main></main>`;
  if (!state.graph.nodes.length) return html`<main>${emptyState("This epic has no items yet",
    html`<p>Create some with the epic as their parent.</p>`)}</main>`;
  return drawing(layout(state.graph));
}

const drawing = ({ places, edges, width, height }) => html`<main class="graph" tabindex="0" aria-label="Dependency graph">
  <svg width=${width} height=${height} viewBox="0 0 ${width} ${height}" role="group" aria-label="Items, from left to right">
    <defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
      <path d="M0 0 8 4 0 8z"></path></marker></defs>
    ${edges.map((edge) => svg`<path class="edge" d=${curve(edge)} marker-end="url(#head)"></path>`)}
    ${places.map(node)}</svg></main>`;

function curve({ from, to }) {
  const [x1, y1, x2, y2] = [from.x + WIDTH, from.y + HEIGHT / 2, to.x - 2, to.y + HEIGHT / 2];
  const bend = Math.max(28, (x2 - x1) / 2);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

const node = ({ item, x, y }) => svg`<foreignObject x=${x} y=${y} width=${WIDTH} height=${HEIGHT}>
  <a class="node ${item.state}" href=${hrefTo({ item: item.id })} data-key="node-${item.id}" title=${item.title}
    ><span class="small">${stateDot(item.state)} #${item.id} · ${stateName(item.state)}${item.holder ? ` · ${item.holder}` : ""}</span
    ><span dir="auto">${item.title}</span></a></foreignObject>`;

/** Where each node stands. Layers are longest paths; within a layer, nodes stand near those they are joined to. */
export function layout({ nodes, edges }) {
  const known = new Map(nodes.map((item) => [item.id, item]));
  const pairs = edges.filter(([from, to]) => known.has(from) && known.has(to));
  const layers = ordered(layersOf(nodes, pairs), pairs);
  const tallest = Math.max(...layers.map((layer) => layer.length));
  const height = 2 * MARGIN + tallest * (HEIGHT + GAP_Y) - GAP_Y;
  const places = layers.flatMap((layer, column) => stacked(layer, column, height).map(
    ({ id, ...place }) => ({ item: known.get(id), ...place })));
  const at = new Map(places.map((place) => [place.item.id, place]));
  return {
    places,
    edges: pairs.map(([from, to]) => ({ from: at.get(from), to: at.get(to) })),
    width: 2 * MARGIN + layers.length * (WIDTH + GAP_X) - GAP_X,
    height,
  };
}

function layersOf(nodes, pairs) {
  const depth = new Map(nodes.map(({ id }) => [id, 0]));
  for (let round = 0, moved = true; moved && round < nodes.length; round += 1) {
    moved = false;
    for (const [from, to] of pairs) {
      if (depth.get(to) > depth.get(from)) continue;
      depth.set(to, depth.get(from) + 1);
      moved = true;
    }
  }
  const layers = [];
  for (const [id, at] of depth) (layers[at] ??= []).push(id);
  return layers.filter(Boolean);
}

function ordered(layers, pairs) {
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const place = new Map(layers.flatMap((layer) => layer.map((id, index) => [id, index / layer.length])));
    const mean = (id) => {
      const near = pairs.flatMap(([from, to]) => (from === id ? [to] : to === id ? [from] : []));
      return near.length ? near.reduce((sum, other) => sum + place.get(other), 0) / near.length : place.get(id);
    };
    const weight = new Map([...place.keys()].map((id) => [id, mean(id)]));
    for (const layer of layers) layer.sort((a, b) => weight.get(a) - weight.get(b));
  }
  return layers;
}

function stacked(layer, column, height) {
  const top = (height - layer.length * (HEIGHT + GAP_Y) + GAP_Y) / 2;
  return layer.map((id, row) => ({ id, x: MARGIN + column * (WIDTH + GAP_X), y: top + row * (HEIGHT + GAP_Y) }));
}
