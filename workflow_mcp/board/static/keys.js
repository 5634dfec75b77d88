/** The keyboard: every action of the pointer has a key, and none of them disturbs who writes. */

import { cardMenu } from "./menu.js";
import { close, go, mayWrite, open, state } from "./store.js";

const ARROWS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

/** Serve a key that was pressed anywhere. */
export function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const writing = event.target.closest("input, textarea, select");
  if (event.key === "Escape") return writing ? writing.blur() : leave();
  if (state.overlay || writing) return;
  const run = ARROWS[event.key] ? () => step(...ARROWS[event.key]) : { "/": search, n: create, m: menu, "?": help }[event.key];
  if (run && run() !== false) event.preventDefault();
}

function leave() {
  if (state.overlay?.kind === "menu") return close();
  if (state.overlay || !state.route.item) return;
  const card = `[data-key="card-${state.route.item}"]`;
  go({ item: null });
  document.querySelector(card)?.focus();
}

const search = () => document.querySelector("[data-key=search]")?.focus();
const help = () => open({ kind: "help" });
const create = () => mayWrite() && open({ kind: "form" });

function menu() {
  const card = document.activeElement.closest(".card");
  const id = Number(card?.dataset.id ?? state.route.item);
  const item = state.board.columns.flatMap(({ items }) => items).find((one) => one.id === id) ?? state.item?.item;
  const button = document.querySelector(`[data-key="menu-${id}"], [data-key="panel-menu"]`);
  if (item && button && mayWrite()) cardMenu(item, button, document.activeElement.dataset.key);
}

/** From a card to the next one; from nowhere to the first card. */
function step(across, down) {
  const columns = [...document.querySelectorAll(".column")].map((one) => [...one.querySelectorAll("a.title")]);
  const at = columns.findIndex((links) => links.includes(document.activeElement));
  if (at < 0) return document.activeElement === document.body && columns.length ? columns.flat()[0]?.focus() : false;
  const row = columns[at].indexOf(document.activeElement);
  if (down) return columns[at][row + down]?.focus();
  let to = at + across;
  while (columns[to] && !columns[to].length) to += across;
  const next = columns[to];
  return next?.[Math.min(row, next.length - 1)].focus();
}
