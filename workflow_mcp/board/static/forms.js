/** The dialog that creates an item, or edits one. What was typed and not sent is there again the next time. */

import { create, edit } from "./actions.js";
import { html, nothing } from "./lit-html.js";
import { cancelled, close, PRIORITIES, state, TYPES } from "./store.js";

const drafts = new Map();
const draftOf = ({ item }) => (item ? `${item.id}@${item.version}` : "new");

/** The dialog. */
export function formView() {
  const { item, error } = state.overlay;
  const shown = drafts.get(draftOf(state.overlay)) ?? textsOf(item) ?? { ...EMPTY, parent: state.overlay.parent ?? state.route.epic ?? "" };
  return html`<dialog class="form" aria-labelledby="form-title" @cancel=${cancelled}>
    <form @submit=${submit} @input=${keepDraft}>
      <h2 id="form-title">${item ? `Edit #${item.id}` : "New item"}</h2>
      ${error ? html`<p role="alert" class="error">${error}</p>` : nothing}
      ${field("Title", html`<input name="title" required maxlength="200" autofocus .value=${shown.title}>`)}
      <div class="pair">${field("Type", html`<select name="item_type">${TYPES.map((name) => option(name, name, shown.item_type))}</select>`)}
        ${field("Priority", html`<select name="priority">${PRIORITIES.map((name, value) => option(String(value), `P${value} ${name}`, shown.priority))}</select>`)}</div>
      ${field("Description", html`<textarea name="description" rows="6" .value=${shown.description}></textarea>`, "Markdown")}
      ${field("Acceptance", html`<textarea name="acceptance" rows="2" .value=${shown.acceptance}></textarea>`, "a criterion per line")}
      <div class="pair">${field("Labels", html`<input name="labels" .value=${shown.labels}>`, "separated by commas")}
        ${field("Part of", html`<input name="parent" inputmode="numeric" pattern="#?[0-9]*" placeholder="#12" .value=${shown.parent}>`)}</div>
      ${item ? nothing : field("Waits for", html`<input name="depends_on" placeholder="#4, #7" .value=${shown.depends_on}>`, "numbers of items")}
      <footer><button type="button" @click=${discard}>Cancel</button>
        <button class="primary">${item ? "Save" : "Create"}</button></footer>
    </form></dialog>`;
}

const EMPTY = { title: "", item_type: "task", priority: "2", description: "", acceptance: "", labels: "", parent: "", depends_on: "" };

const field = (name, input, hint = null) => html`<label class="field"><span>${name}${
  hint ? html` <span class="muted">${hint}</span>` : nothing}</span>${input}</label>`;

const option = (value, text, chosen) => html`<option value=${value} .selected=${value === chosen}>${text}</option>`;

/** An item's fields as the form has them. */
const textsOf = (item) => item && {
  title: item.title,
  item_type: item.type,
  priority: String(item.priority),
  description: item.description,
  acceptance: item.acceptance.map(({ text }) => text).join("\n"),
  labels: item.labels.join(", "),
  parent: item.parent ? String(item.parent) : "",
};

const textsIn = (form) => Object.fromEntries(new FormData(form));

function keepDraft({ currentTarget }) {
  drafts.set(draftOf(state.overlay), textsIn(currentTarget));
}

function discard() {
  drafts.delete(draftOf(state.overlay));
  close();
}

let sending = false;

async function submit(event) {
  event.preventDefault();
  if (sending) return; // an impatient second press creates no second item
  sending = true;
  await send(event).finally(() => {
    sending = false;
  });
}

async function send(event) {
  const { item } = state.overlay;
  const texts = textsIn(event.currentTarget);
  const draft = draftOf(state.overlay);
  const sent = item ? await edit(item, valuesOf(changed(texts, textsOf(item)))) : await create(valuesOf(filled(texts)));
  if (sent || state.overlay?.kind === "conflict") drafts.delete(draft);
}

const changed = (texts, before) => Object.fromEntries(Object.entries(texts).filter(([name, text]) => text !== before[name]));
const filled = (texts) => Object.fromEntries(Object.entries(texts).filter(([, text]) => text.trim()));

const numbers = (text) => (text.match(/\d+/g) ?? []).map(Number);
const parts = (text, separator) => text.split(separator).map((one) => one.trim()).filter(Boolean);

const READERS = {
  priority: Number,
  labels: (text) => parts(text, ","),
  acceptance: (text) => parts(text, "\n"),
  parent: (text) => numbers(text)[0] ?? null,
  depends_on: numbers,
};

const valuesOf = (texts) => Object.fromEntries(
  Object.entries(texts).map(([name, text]) => [name, READERS[name]?.(text) ?? (name === "parent" ? null : text)]));
