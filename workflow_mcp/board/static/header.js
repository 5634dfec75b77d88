/** The bar atop every view. */

import { html, nothing } from "./lit-html.js";
import { icon } from "./pieces.js";
import { platform } from "./platform.js";
import { go, hrefTo, mayWrite, open, PLACES, state, VIEWS } from "./store.js";

const PAUSE = 150; // ms after the last key before the search runs

let typing = null;

/** Project, views, search and what is always at hand. */
export function header() {
  return html`<header class="bar">
    ${projectSwitch()}
    <nav class="views" aria-label="Views">${Object.entries(VIEWS).map(viewLink)}</nav>
    <search><label class="search">${icon("search")}<span class="unseen">Search</span>
      <input type="search" data-key="search" placeholder="Search" .value=${state.route.text ?? ""}
        aria-keyshortcuts="/" @input=${searching} @keydown=${leaving}><kbd aria-hidden="true">/</kbd></label></search>
    ${liveState()}
    <a class="quiet" href=${hrefTo({ view: "deleted" })} data-key="view-deleted" aria-label=${PLACES.deleted} title=${PLACES.deleted}
      aria-current=${state.route.view === "deleted" ? "page" : nothing}>${icon("trash")}</a>
    ${lookButton(platform.look())}
    <button class="quiet" data-key="help" aria-label="Help" title="Help (?)" @click=${() => open({ kind: "help" })}>${icon("help")}</button>
    ${mayWrite() ? newButton() : nothing}
  </header>`;
}

const lookButton = (look) => look && html`<button class="quiet" data-key=${look.key} aria-label=${look.label} title=${look.label}
  @click=${look.run}>${icon(look.icon)}</button>`;

const newButton = () => html`<button class="primary new" data-key="new" title="New item (n)"
  @click=${() => open({ kind: "form" })}>${icon("plus")}<span>New item</span></button>`;

function projectSwitch() {
  const projects = state.projects ?? [];
  if (projects.length < 2) return html`<h1>${projects[0]?.name ?? "Board"}</h1>`;
  return html`<h1><select aria-label="Project" data-key="project"
    @change=${({ target }) => go({ project: target.value, epic: null, item: null, text: null })}>
    ${projects.map(({ id, name, archived }) => html`<option value=${id} .selected=${id === state.route.project}
      >${name}${archived ? " (archived)" : ""}</option>`)}</select></h1>`;
}

const viewLink = ([name, title]) => html`<a href=${hrefTo({ view: name })} data-key="view-${name}"
  aria-current=${state.route.view === name ? "page" : nothing}>${title}</a>`;

function liveState() {
  const on = state.live === "on";
  const text = on ? "Live" : "Reconnecting…";
  return html`<span class="live ${state.live}" role="status" title=${on ? "Changes appear as they are made" : text}
    ><span class="dot" aria-hidden="true"></span><span class=${on ? "unseen" : ""}>${text}</span></span>`;
}

function searching({ target }) {
  clearTimeout(typing);
  typing = setTimeout(() => {
    platform.replace(hrefTo({ text: target.value.trim() || null }));
    dispatchEvent(new HashChangeEvent("hashchange"));
  }, PAUSE);
}

function leaving(event) {
  if (event.key !== "Escape") return;
  event.stopPropagation();
  event.target.value = "";
  searching(event);
  event.target.blur();
}
