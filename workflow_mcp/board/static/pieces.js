/** Small parts that several views are made of. */

import { html, nothing, svg } from "./lit-html.js";
import { COLUMNS, hrefTo, PRIORITIES, state } from "./store.js";

const ICONS = {
  more: svg`<path class="solid" d="M2 8a1.5 1.5 0 1 1 3 0 1.5 1.5 0 0 1-3 0m4.5 0a1.5 1.5 0 1 1 3 0 1.5 1.5 0 0 1-3 0M11 8a1.5 1.5 0 1 1 3 0 1.5 1.5 0 0 1-3 0"/>`,
  close: svg`<path d="m4 4 8 8m0-8-8 8"/>`,
  search: svg`<circle cx="7" cy="7" r="4.2"/><path d="m10.2 10.2 3.3 3.3"/>`,
  plus: svg`<path d="M8 3.5v9M3.5 8h9"/>`,
  theme: svg`<circle cx="8" cy="8" r="5.2"/><path class="solid" d="M8 2.8a5.2 5.2 0 0 1 0 10.4z"/>`,
  enlarge: svg`<path d="M9.5 2.5h4v4m0-4-4.2 4.2M6.5 13.5h-4v-4m0 4 4.2-4.2"/>`,
  reduce: svg`<path d="M13.5 6.5h-4v-4m0 4 4.2-4.2M2.5 9.5h4v4m0-4-4.2 4.2"/>`,
  help: svg`<path d="M5.9 6a2.1 2.1 0 1 1 3.1 1.9c-.7.4-1 .8-1 1.6m0 2.2v.2"/>`,
  folder: svg`<path d="M2 4.5h4l1.2 1.4H14v6.6H2z"/>`,
  wait: svg`<path d="M4.5 2.5h7m-7 11h7M5.2 2.5c0 3.3 5.6 3.7 5.6 0m-5.6 11c0-5 5.6-5 5.6 0"/>`,
  trash: svg`<path d="M2.5 4.5h11M6 4.3V2.7h4v1.6M4 4.5l.7 8.8h6.6l.7-8.8M6.7 7v3.8m2.6-3.8v3.8"/>`,
  open: svg`<path d="m6 4 4 4-4 4"/>`,
};

/** A drawing of 16 by 16 pixels, which says nothing to a screen reader. */
export const icon = (name) => html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true">${ICONS[name]}</svg>`;

/** The name of a state as people read it. */
export const stateName = (name) => COLUMNS[name] ?? name.charAt(0).toUpperCase() + name.slice(1);

export const stateDot = (name) => html`<span class="dot ${name}" aria-hidden="true"></span>`;

export const priority = (value) => html`<abbr class="priority p${value}" title=${PRIORITIES[value]}>P${value}</abbr>`;

export const labels = (names) => names.map((name) => html`<span class="label" dir="auto" title=${name}>${name}</span>`);

/** What a reference to an item looks like: its state, number and title, which opens its page. */
export const itemLink = (item) => html`<a class="ref ${item.state}" href=${hrefTo({ item: item.id })}
  >${stateDot(item.state)}<span class="number">#${item.id}</span> <span dir="auto">${item.title}</span
  ><span class="unseen">, ${stateName(item.state)}</span></a>`;

/** How long something lasts that ends at `until`, epoch seconds. */
export function left(until) {
  const minutes = Math.ceil((until * 1000 - state.now) / 60000);
  if (minutes <= 0) return "expired";
  return minutes < 100 ? `${minutes} min left` : `${Math.round(minutes / 60)} h left`;
}

/** Who holds an item and for how long, or whose it was. */
export function holder({ holder: name, lease_until: until, assignee }) {
  if (name) return html`<span class="holder"><b>${name}</b>${until ? html` · ${left(until)}` : nothing}</span>`;
  return assignee ? html`<span class="holder">${assignee}</span>` : nothing;
}

/** Whether the claim on an item has run out, so that somebody else can take it over. */
export const expired = (item) =>
  item.status === "in_progress" && (item.state !== "in_progress" || (item.lease_until && item.lease_until * 1000 <= state.now));

/** A point in time, epoch seconds or text in ISO 8601, as people say it. */
export function time(at) {
  const date = new Date(typeof at === "number" ? at * 1000 : at);
  const minutes = Math.floor((state.now - date) / 60000);
  const short = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" };
  const text = minutes < 1 ? "just now" : minutes < 60 ? `${minutes} min ago` : date.toLocaleString("en", short);
  return html`<time datetime=${date.toISOString()} title=${date.toLocaleString()}>${text}</time>`;
}

const SELF_EXPLAINING = ["created", "claimed", "started", "completed", "cancelled", "released", "deleted", "restored"];

/** What an entry of the history says that was done; fields are named only where the word alone does not tell. */
export const summaryOf = ({ action, text }) => (SELF_EXPLAINING.includes(action) ? action : text);

/** A path's end, which tells more than its beginning. */
export function shortPath(path) {
  const parts = path.split(/[\\/]/).filter(Boolean);
  return parts.length > 2 ? `…/${parts.slice(-2).join("/")}` : path;
}

/** What a view says that has nothing to show, and what to do about it. */
export const emptyState = (title, ...advice) => html`<div class="empty"><h2>${title}</h2>${advice}</div>`;
