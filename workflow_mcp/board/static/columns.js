/** The board: a column for each state, and a card for each item. */

import { more } from "./data.js";
import { grab } from "./drag.js";
import { html, nothing } from "./lit-html.js";
import { cardMenu } from "./menu.js";
import { emptyState, expired, holder, icon, labels, priority, shortPath } from "./pieces.js";
import { COLUMNS, go, hrefTo, mayWrite, open, state, update } from "./store.js";

const FIRST = 30; // cards of a column, which fill a window

const NOTHING_IN = {
  backlog: "Nothing waits for other items.",
  ready: "Nothing is ready to be taken. What waits is in Backlog.",
  in_progress: "Nobody works on anything. Drag a card here, or let an agent claim one.",
  done: "What is completed will be listed here.",
};

/** The whole view. */
export function boardView() {
  const { columns } = state.board;
  if (columns.every(({ count }) => count === 0)) return emptyBoard();
  return html`<main class="board" @pointerdown=${grab} @focusin=${remember}>${columns.map(columnOf)}</main>`;
}

function emptyBoard() {
  const { text, epic } = state.route;
  if (text || epic) {
    const all = html`<button @click=${() => go({ text: null, epic: null })}>Show everything</button>`;
    return html`<main>${emptyState("No item matches", html`<p>Nothing fits the search and the epic.</p>`, all)}</main>`;
  }
  const first = html`<button class="primary" @click=${() => open({ kind: "form" })}>Create the first item</button>`;
  const hint = html`<p>Ask your agent: <q>Plan the log-in as work items</q>.${mayWrite() ? " Or write the first one." : ""}</p>`;
  return html`<main>${emptyState("Nothing is planned yet", hint, mayWrite() ? first : nothing)}</main>`;
}

/** The card that has the focus is the one that Tab comes back to. */
function remember({ target }) {
  const id = Number(target.closest(".card")?.dataset.id);
  if (id && id !== state.cursor) update({ cursor: id });
}

const columnOf = (column) => html`<section class="column" data-column=${column.name} aria-labelledby="of-${column.name}">
  <h2 id="of-${column.name}"><span class="dot ${column.name}" aria-hidden="true"></span>${COLUMNS[column.name]}
    <span class="count">${column.count}</span></h2>
  <div class="scroll">
    ${column.items.length ? nothing : html`<p class="hint">${NOTHING_IN[column.name]}</p>`}
    <ol>${(state.whole ? column.items : column.items.slice(0, FIRST)).map(cardOf)}</ol>
    ${column.next ? moreButton(column) : nothing}
  </div>
</section>`;

const moreButton = (column) => html`<button class="more" data-key="more-${column.name}" @click=${() => more(column)}
  >Show more <span class="muted">(${column.items.length} of ${column.count})</span></button>`;

function cardOf(item, index) {
  const reachable = index === 0 || item.id === state.cursor ? "0" : "-1";
  const classes = [item.state, state.fresh.has(item.id) && "fresh", state.route.item === item.id && "current"];
  return html`<li class="card ${classes.filter(Boolean).join(" ")}" data-id=${item.id}>
    <div class="top"><span class="number">#${item.id}</span><span class="type">${item.type}</span>
      ${priority(item.priority)}${mayWrite() ? menuButton(item, reachable) : nothing}</div>
    <a class="title" dir="auto" draggable="false" href=${hrefTo({ item: item.id })} tabindex=${reachable}
      data-key="card-${item.id}">${item.title}</a>
    ${item.why ? html`<p class="why">${icon("wait")}${item.why}</p>` : nothing}
    ${item.directory ? directory(item.directory) : nothing}
    ${footOf(item)}
  </li>`;
}

const menuButton = (item, reachable) => html`<button class="quiet" aria-label="Actions for #${item.id}" title="Move to… (m)"
  aria-haspopup="menu" tabindex=${reachable} data-key="menu-${item.id}"
  @click=${({ currentTarget }) => cardMenu(item, currentTarget)}>${icon("more")}</button>`;

const directory = (path) => html`<p class="path" title=${path}>${icon("folder")}<span>${shortPath(path)}</span></p>`;

function footOf(item) {
  const late = expired(item) ? html`<span class="late">claim expired</span>` : nothing;
  if (!item.labels.length && !item.holder && !item.assignee && late === nothing) return nothing;
  return html`<div class="foot">${labels(item.labels)}${holder(item)}${late}</div>`;
}
