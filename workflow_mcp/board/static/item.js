/** The page of one item, beside the view it was opened from. */

import * as act from "./actions.js";
import { html, nothing } from "./lit-html.js";
import { cardMenu } from "./menu.js";
import { expired, holder, icon, itemLink, labels, stateDot, stateName, summaryOf, time } from "./pieces.js";
import { go, hrefTo, mayWrite, open, PRIORITIES, state } from "./store.js";

const LINK_KINDS = { blocked_by: "Waits for", blocks: "Blocks", relates_to: "Relates to",
  duplicates: "Duplicates", duplicated_by: "Duplicated by", discovered_from: "Discovered from", led_to: "Led to" };
const NEW_LINKS = ["blocked_by", "blocks", "relates_to", "duplicates", "discovered_from"];

/** The panel, if an item is open. */
export function itemPanel() {
  if (!state.route.item) return nothing;
  const found = state.item;
  const shows = found?.item?.id === state.route.item || found?.missing;
  return html`<aside class="panel" aria-label="Item #${state.route.item}">
    ${!shows ? nothing : found.missing ? missing(found.missing) : whole(found)}</aside>`;
}

const closeButton = () => html`<button class="quiet" data-key="panel-close" aria-label="Close" title="Close (Esc)"
  @click=${() => go({ item: null })}>${icon("close")}</button>`;

const missing = ({ code, message, next }) => html`<div class="panel-top"><span></span>${closeButton()}</div>
  <p>${message}</p><p class="muted">${next}</p>
  ${code === "ITEM_DELETED" && mayWrite() ? html`<p class="actions"><button data-key="restore"
    @click=${() => act.restore({ id: state.route.item })}>Restore</button>
    <a href=${hrefTo({ view: "deleted" })}>All deleted items</a></p>` : nothing}`;

const whole = (found) => html`
  <div class="panel-top"><span class="number">#${found.item.id}</span><span class="type">${found.item.type}</span>
    <span class="state">${stateDot(found.item.state)}${stateName(found.item.state)}</span>${closeButton()}</div>
  <h2 class="headline" dir="auto">${found.item.title}</h2>
  ${mayWrite() ? buttons(found.item) : nothing}
  ${found.item.state !== "backlog" ? nothing : found.item.not_ready.map((reason) => html`<p class="why">${icon("wait")}${reason}</p>`)}
  ${facts(found)}
  ${found.item.description_html ? html`<div class="prose" .innerHTML=${found.item.description_html}></div>` : nothing}
  ${section("Acceptance", found.item.acceptance, (one, index) => criterion(found.item, one, index))}
  ${evidenceOf(found.item)}
  ${children(found)}
  ${linksOf(found)}
  ${notesOf(found)}
  ${section("History", found.history, event)}`;

function buttons(item) {
  const held = item.holder !== null && !expired(item);
  const takes = expired(item) ? "Take over" : "Take";
  const claims = item.state === "ready" || expired(item);
  return html`<div class="buttons">
    ${claims ? html`<button class="primary" data-key="claim" @click=${() => act.claim(item)}>${takes}</button>` : nothing}
    ${held ? html`<button data-key="release" @click=${() => act.release(item)}>Release</button>` : nothing}
    <button data-key="panel-menu" aria-haspopup="menu" title="m"
      @click=${({ currentTarget }) => cardMenu(item, currentTarget)}>Move to…</button>
    <button data-key="edit" @click=${() => open({ kind: "form", item, back: "edit" })}>Edit</button>
    <button class="danger" data-key="delete" @click=${() => act.remove(item)}>Delete</button></div>`;
}

function facts({ item, parent }) {
  const rows = [
    ["Priority", prioritySelect(item)],
    ["Holder", item.holder || item.assignee ? html`${holder(item)}${expired(item) ? html` <span class="late">claim expired</span>` : nothing}` : null],
    ["Directory", item.directory && html`<code>${item.directory}</code>`],
    ["Labels", item.labels.length ? labels(item.labels) : null],
    ["Part of", parent && itemLink(parent)],
    ["Imported as", item.external_ref && html`<code>${item.external_ref}</code>`],
    ["Created", html`${time(item.created_at)}${item.created_by}`],
    ["Changed", time(item.updated_at)],
    ["Completed", item.completed_at && time(item.completed_at)],
  ];
  return html`<dl class="facts">${rows.filter(([, value]) => value).map(
    ([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

function prioritySelect(item) {
  const options = PRIORITIES.map((name, value) => html`<option value=${value} .selected=${value === item.priority}>P${value} ${name}</option>`);
  const set = async ({ target }) => {
    if (!(await act.edit(item, { priority: Number(target.value) }))) target.value = item.priority;
  };
  return html`<select aria-label="Priority" data-key="priority" ?disabled=${!mayWrite()} @change=${set}>${options}</select>`;
}

const section = (title, entries, entry) => entries?.length
  ? html`<section><h3>${title}</h3><ul class=${title.toLowerCase()}>${entries.map(entry)}</ul></section>` : nothing;

const criterion = (item, { text, met }, index) => html`<li><label><input type="checkbox" data-key="met-${index}" .checked=${met}
  ?disabled=${!mayWrite()} @change=${({ target }) => tick(item, index, target)}>${text}</label></li>`;

async function tick(item, index, box) {
  const met = box.checked;
  if (!(await act.edit(item, { [met ? "met" : "unmet"]: [index + 1] }))) box.checked = !met;
}

function evidenceOf(item) {
  if (!item.evidence.length && !mayWrite()) return nothing;
  return html`<section><h3>Evidence</h3><ul class="evidence">${item.evidence.map((one) => html`<li>${one}</li>`)}</ul>
    ${mayWrite() ? html`<form class="inline" @submit=${(submitted) => addEvidence(item, submitted)}><input name="text" required
      maxlength="300" aria-label="New evidence" placeholder="commit 1a2b3c4, or tests: 12 passed" data-key="evidence"><button>Add</button></form>` : nothing}</section>`;
}

async function addEvidence(item, submitted) {
  submitted.preventDefault();
  const form = submitted.target;
  if (await act.edit(item, { evidence: [form.elements.text.value] })) form.reset();
}

const event = (entry) => html`<li>${time(entry.at)}<b>${entry.by}</b> <span>${summaryOf(entry)}</span></li>`;

function children({ item, children: found }) {
  if (!found.length && item.type !== "epic") return nothing;
  const done = found.filter(({ status }) => status === "completed" || status === "cancelled").length;
  return html`<section><h3>Items in it <span class="muted">${done}/${found.length}</span></h3>
    <ul class="refs">${found.map((one) => html`<li>${itemLink(one)}</li>`)}</ul>
    <p class="actions">${mayWrite() ? html`<button class="small" @click=${() => open({ kind: "form", parent: item.id })}>Add an item</button>` : nothing}
    ${found.length ? html`<a href=${hrefTo({ view: "graph", epic: item.id, item: null })}>Show the graph</a>` : nothing}</p></section>`;
}

function linksOf({ item, links }) {
  if (!links.length && !mayWrite()) return nothing;
  return html`<section><h3>Links</h3><ul class="refs">${links.map((one) => html`<li><span class="muted">${kindName(one.kind)}</span>
      ${itemLink(one.item)}${mayWrite() ? unlink(item, one) : nothing}</li>`)}</ul>
    ${mayWrite() ? linkForm(item) : nothing}</section>`;
}

const kindName = (kind) => LINK_KINDS[kind] ?? kind.replaceAll("_", " ");

const unlink = (item, { kind, item: other }) => html`<button class="quiet" aria-label="Remove the link to #${other.id}"
  title="Remove" @click=${() => act.link(item, other.id, kind, true)}>${icon("close")}</button>`;

const linkForm = (item) => html`<form class="inline" @submit=${(submitted) => addLink(item, submitted)}>
  <select name="kind" aria-label="Kind of link" data-key="link-kind">${NEW_LINKS.map((kind) => html`<option value=${kind}>${kindName(kind)}</option>`)}</select>
  <input name="other" inputmode="numeric" pattern="#?[0-9]+" required placeholder="#12" aria-label="Number of the other item"
    data-key="link-other"><button>Link</button></form>`;

async function addLink(item, submitted) {
  submitted.preventDefault();
  const form = submitted.target;
  const other = Number(form.elements.other.value.replace("#", ""));
  if (await act.link(item, other, form.elements.kind.value)) form.reset();
}

const notesOf = ({ item, notes }) => html`<section><h3>Notes</h3>
  <ol class="notes">${notes.map(({ at, by, html: text }) => html`<li><p class="muted"><b>${by}</b> ${time(at)}</p>
    <div class="prose" .innerHTML=${text}></div></li>`)}</ol>
  ${mayWrite() ? noteForm(item) : nothing}</section>`;

const noteForm = (item) => html`<form class="note" @submit=${(submitted) => addNote(item, submitted)}>
  <textarea name="text" rows="2" required aria-label="New note" placeholder="Write a note" data-key="note"></textarea><button>Add note</button></form>`;

async function addNote(item, submitted) {
  submitted.preventDefault();
  const form = submitted.target;
  if (await act.note(item, form.elements.text.value)) form.reset();
}
