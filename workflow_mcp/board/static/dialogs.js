/** The dialogs that say something, and the messages below. */

import { change } from "./actions.js";
import { html, nothing } from "./lit-html.js";
import { icon, stateName } from "./pieces.js";
import { cancelled, close, state, update } from "./store.js";

const KEYS = [
  ["/", "Search"], ["n", "New item"], ["↑ ↓ ← →", "From card to card"], ["Enter", "Open the card"],
  ["m", "Move the card, set its priority"], ["Esc", "Close what is open"], ["?", "This help"],
];
const FIELDS = { item_type: "type", to: "state" };

/** What the keys do. */
export const helpView = () => html`<dialog aria-labelledby="help-title" @cancel=${cancelled}>
  <h2 id="help-title">Keys</h2>
  <dl class="keys">${KEYS.map(([key, text]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${text}</dd></div>`)}</dl>
  <p class="muted">Cards can be dragged from column to column. You are ${state.me?.actor}.</p>
  <footer><button autofocus @click=${close}>Close</button></footer></dialog>`;

/** What the person wanted, beside what somebody else has made of the item meanwhile; they choose which holds. */
export function conflictView() {
  const { base, path, body, error, current } = state.overlay;
  const found = rows(base, current, path, body);
  const changed = error.code === "VERSION_CONFLICT";
  return html`<dialog class="conflict" aria-labelledby="conflict-title" @cancel=${cancelled}>
    <h2 id="conflict-title">${changed ? `#${current.id} has changed meanwhile` : `#${current.id} ${current.title}`}</h2>
    ${changed ? nothing : html`<p>${error.message}</p>`}
    ${found.length ? table(found) : nothing}
    <footer><button autofocus @click=${close}>Leave it as it is</button>
      <button class="primary" @click=${() => change(current, path, body)}>${changed ? "Apply mine" : "Do it all the same"}</button></footer></dialog>`;
}

const HEADINGS = ["Field", "You saw", "It is now", "You want"];

const table = (found) => html`<table><thead><tr>${HEADINGS.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
  <tbody>${found.map(([name, ...values]) => html`<tr><th scope="row">${name}</th>${values.map((value) => html`<td>${value}</td>`)}</tr>`)}</tbody></table>`;

const COMPARED = ["title", "type", "state", "priority", "labels", "parent", "holder"];
const WISHES = { "/claim": "taken", "/release": "released", "/delete": "deleted", "/notes": "a note" };

function rows(base, current, path, body) {
  const wanted = Object.fromEntries(Object.entries(body).map(([name, value]) => [FIELDS[name] ?? name, value]));
  const names = [...new Set([...COMPARED, ...Object.keys(wanted)])];
  const found = names.map((name) => [name, shown(base[name], name), shown(current[name], name), shown(wanted[name], name)])
    .filter(([, before, now, mine]) => before !== now || mine);
  return WISHES[path] ? [...found, ["action", "", "", WISHES[path]]] : found;
}

function shown(value, name) {
  if (value === null || value === undefined) return "";
  if (name === "state") return stateName(value);
  return Array.isArray(value) ? value.map((one) => one.text ?? one).join(", ") : String(value);
}

/** What was done or refused. */
export function toastView() {
  const { toast } = state;
  return html`<div class="toasts" role=${toast?.bad ? "alert" : "status"}>${toast ? html`<div class="toast ${toast.bad ? "bad" : ""}">
    <span>${toast.text}</span>
    ${toast.action ? html`<button data-key="toast-action" @click=${toast.action.run}>${toast.action.label}</button>` : nothing}
    <button class="quiet" aria-label="Dismiss" @click=${() => update({ toast: null })}>${icon("close")}</button></div>` : nothing}</div>`;
}
