/** Cards are dragged with the pointer; a finger scrolls instead, and has the menu of each card. */

import { move } from "./actions.js";
import { mayWrite, state } from "./store.js";

const THRESHOLD = 6; // pixels after which a press is a drag

let drag = null;

/** Take hold of a card; it follows when the pointer moves. */
export function grab(event) {
  const card = event.target.closest(".card");
  if (!card || event.button !== 0 || event.pointerType === "touch" || event.target.closest("button")) return;
  if (!mayWrite()) return;
  const item = shown(Number(card.dataset.id));
  drag = { item, card, x: event.clientX, y: event.clientY, ghost: null, target: null };
  addEventListener("pointermove", follow);
  addEventListener("pointerup", drop);
  addEventListener("pointercancel", end);
  addEventListener("keydown", cancel, true);
}

const shown = (id) => state.board.columns.flatMap(({ items }) => items).find((item) => item.id === id);

function follow({ clientX: x, clientY: y }) {
  if (!drag.ghost && Math.hypot(x - drag.x, y - drag.y) < THRESHOLD) return;
  drag.ghost ??= lift();
  drag.ghost.style.translate = `${x - drag.x}px ${y - drag.y}px`;
  aim(document.elementFromPoint(x, y)?.closest(".column"));
}

function lift() {
  const box = drag.card.getBoundingClientRect();
  const ghost = document.createElement("div");
  ghost.className = "ghost";
  ghost.append(drag.card.cloneNode(true));
  drag.card.classList.add("lifted");
  Object.assign(ghost.style, { left: `${box.left}px`, top: `${box.top}px`, width: `${box.width}px` });
  ghost.inert = true;
  document.body.append(ghost);
  document.documentElement.classList.add("dragging");
  return ghost;
}

function aim(column) {
  if (column === drag.target) return;
  drag.target?.classList.remove("target");
  drag.target = column;
  column?.classList.add("target");
}

function drop() {
  const { item, target, ghost } = drag;
  end();
  if (!ghost) return;
  addEventListener("click", swallow, { capture: true, once: true });
  setTimeout(() => removeEventListener("click", swallow, true));
  const to = target?.dataset.column;
  if (to && to !== item.state) move(item, to);
}

/** The click that ends a drag opens nothing. */
function swallow(event) {
  event.preventDefault();
  event.stopPropagation();
}

function cancel(event) {
  if (event.key !== "Escape") return;
  event.stopPropagation();
  end();
}

function end() {
  aim(null);
  drag.ghost?.remove();
  drag.card.classList.remove("lifted");
  drag = null;
  document.documentElement.classList.remove("dragging");
  removeEventListener("pointermove", follow);
  removeEventListener("pointerup", drop);
  removeEventListener("pointercancel", end);
  removeEventListener("keydown", cancel, true);
}
