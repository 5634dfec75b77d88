/** What was deleted, and the way back. */

import { restore } from "./actions.js";
import { more } from "./data.js";
import { html, nothing } from "./lit-html.js";
import { emptyState, itemLink, priority } from "./pieces.js";
import { focusOn, go, hrefTo, mayWrite, state } from "./store.js";

/** All deleted items. */
export function deletedView() {
  const { deleted } = state;
  if (!deleted) return html`<main></main>`;
  if (!deleted.items.length) return html`<main>${nothingDeleted()}</main>`;
  return html`<main class="page deleted"><h2 class="above">Deleted items <span class="count">${deleted.count}</span></h2>
    <ul>${trees(deleted.items).map(row)}</ul>
    ${deleted.next ? html`<button class="more" data-key="more-deleted" @click=${() => more(deleted)}>Show more</button>` : nothing}</main>`;
}

function nothingDeleted() {
  if (state.route.text || state.route.epic) {
    const all = html`<button @click=${() => go({ text: null, epic: null })}>Show all deleted items</button>`;
    return emptyState("No deleted item matches", html`<p>Nothing fits the search and the epic.</p>`, all);
  }
  return emptyState("Nothing is deleted", html`<p>What is deleted is kept here, and can be restored.</p>`,
    html`<p><a href=${hrefTo({ view: "board" })}>Back to the board</a></p>`);
}

/** The items whose parent is not among them, each with those below it, which come back with it or after it. */
function trees(items) {
  const known = new Map(items.map((item) => [item.id, { item, below: [] }]));
  const roots = [];
  for (const node of known.values()) (known.get(node.item.parent)?.below ?? roots).push(node);
  return roots;
}

const row = ({ item, below }, index, roots) => html`<li><div class="row">${itemLink(item)}<span class="type">${item.type}</span>
    ${priority(item.priority)}${mayWrite() ? restoreButton(item, roots[index + 1] ?? roots[index - 1]) : nothing}</div>
  ${below.length ? html`<ul>${below.map(within)}</ul>` : nothing}</li>`;

const within = ({ item, below }) => html`<li><div class="row">${itemLink(item)}<span class="type">${item.type}</span></div>
  ${below.length ? html`<ul>${below.map(within)}</ul>` : nothing}</li>`;

const restoreButton = (item, neighbour) => html`<button data-key="restore-${item.id}" aria-label="Restore #${item.id}"
  @click=${async () => (await restore(item)) && focusOn(neighbour ? `restore-${neighbour.item.id}` : "view-deleted")}>Restore</button>`;
