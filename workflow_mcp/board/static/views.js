/** The views beside the board: the tree of all items, and what has happened. */

import { older, reload } from "./data.js";
import { html, nothing } from "./lit-html.js";
import { emptyState, holder, icon, itemLink, priority, summaryOf, time } from "./pieces.js";
import { go, hrefTo, state, update } from "./store.js";

/** All items below their parents. */
export function treeView() {
  const roots = state.tree?.roots;
  if (!roots) return html`<main></main>`;
  if (!roots.length) return html`<main>${emptyState("No items", html`<p>Plan some, or clear the search.</p>`)}</main>`;
  return html`<main class="page tree">${finishedToo()}<ul>${roots.map(branch)}</ul></main>`;
}

const finishedToo = () => html`<div class="above"><label class="finished"><input type="checkbox" .checked=${state.finished} @change=${({ target }) => {
  update({ finished: target.checked });
  reload();
}}>Finished items too</label><a href=${hrefTo({ view: "deleted" })}>Deleted items</a></div>`;

function branch(item) {
  const inner = item.children?.length ? item.children : null;
  const folded = state.collapsed.has(item.id);
  return html`<li><div class="row ${item.state}">
      ${inner ? toggle(item, folded) : html`<span class="gap"></span>`}
      ${itemLink(item)}<span class="type">${item.type}</span>${priority(item.priority)}${holder(item)}</div>
    ${inner && !folded ? html`<ul>${inner.map(branch)}</ul>` : nothing}</li>`;
}

const toggle = ({ id }, folded) => html`<button class="quiet fold" data-key="fold-${id}" aria-expanded=${!folded}
  aria-label="Items below #${id}" @click=${() => fold(id)}>${icon("open")}</button>`;

function fold(id) {
  const collapsed = new Set(state.collapsed);
  if (!collapsed.delete(id)) collapsed.add(id);
  update({ collapsed });
}

/** What happened, the newest first. */
export function activityView() {
  const { activity } = state;
  if (!activity) return html`<main></main>`;
  const hint = html`<p>Each change of an item is listed here as it is made.</p>`;
  if (!activity.entries.length) return html`<main>${emptyState("Nothing has happened yet", hint)}</main>`;
  return html`<main class="page activity"><ol>${activity.entries.map(entry)}</ol>
    ${activity.next ? html`<button class="more" @click=${older}>Show older</button>` : nothing}</main>`;
}

const entry = ({ at, by, item, title, ...rest }) => html`<li>${time(at)}<b>${by}</b>
  <span>${item ? html`<a href=${hrefTo({ item })}>#${item}</a> <bdi>${title}</bdi> ` : nothing}<span class="muted">${summaryOf(rest)}</span></span></li>`;

/** The epics above each view: how far they are; a click shows one alone. */
export function epicStrip() {
  const epics = state.board?.epics ?? [];
  if (!epics.length) return nothing;
  return html`<nav class="epics" aria-label="Epics">${epics.map(epicButton)}</nav>`;
}

function epicButton({ id, title, done, total }) {
  const chosen = state.route.epic === id;
  return html`<button class="epic" data-key="epic-${id}" aria-pressed=${chosen} @click=${() => go({ epic: chosen ? null : id })}>
    <span class="name" dir="auto">${title}</span><span class="muted">${done}/${total}</span>
    <progress max=${total || 1} value=${done} aria-label="${title}: ${done} of ${total} done"></progress></button>`;
}
