/** The menu of a card: where to move it, and how urgent it is. */

import { edit, move } from "./actions.js";
import { html, nothing } from "./lit-html.js";
import { COLUMNS, close, open, PRIORITIES, state } from "./store.js";

const TARGETS = ["ready", "in_progress", "done", "cancelled"];

/** Open the menu of an item beside the button that asks for it. */
export function cardMenu(item, button, back = button.dataset.key) {
  const { left, bottom } = button.getBoundingClientRect();
  open({ kind: "menu", item, at: { left, top: bottom + 4 }, back });
  queueMicrotask(() => document.querySelector("[role=menu] button:not([disabled])")?.focus());
}

/** The menu that is open. */
export function menuView() {
  const { overlay } = state;
  if (overlay?.kind !== "menu") return nothing;
  const { item } = overlay;
  return html`<div class="backdrop" @click=${close}></div>
    <div class="menu" role="menu" aria-label="Actions for #${item.id}" @keydown=${steer}>
      <div role="group" aria-labelledby="menu-move"><p id="menu-move">Move to…</p>
        ${TARGETS.map((name) => entry(COLUMNS[name] ?? "Cancelled", item.state === name, () => move(item, name)))}</div>
      <div role="group" aria-labelledby="menu-priority"><p id="menu-priority">Priority</p>
        ${PRIORITIES.map((name, value) =>
          entry(`P${value} ${name}`, item.priority === value, () => edit(item, { priority: value })))}</div>
    </div>`;
}

const entry = (text, present, run) => html`<button role="menuitemradio" aria-checked=${present} ?disabled=${present}
  tabindex="-1" @click=${run}>${text}</button>`;

/** Keep the menu within the window; called after it was drawn. */
export function placeMenu() {
  const menu = document.querySelector(".menu");
  if (!menu) return;
  const { left, top } = state.overlay.at;
  menu.style.left = `${Math.max(8, Math.min(left, innerWidth - menu.offsetWidth - 8))}px`;
  menu.style.top = `${Math.max(8, Math.min(top, innerHeight - menu.offsetHeight - 8))}px`;
}

function steer(event) {
  const entries = [...event.currentTarget.querySelectorAll("button:not([disabled])")];
  const at = entries.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
  if (event.key === "Tab") close();
  if (to === undefined && event.key !== "Tab") return;
  event.preventDefault();
  event.stopPropagation();
  entries.at(to % entries.length)?.focus();
}
