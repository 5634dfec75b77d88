/** Everything that changes work items. What is refused is told; what is in conflict is shown from both sides. */

import { read, write } from "./api.js";
import { reload } from "./data.js";
import { close, focusOn, go, inProject, open, state, update } from "./store.js";

const TOAST = 8000; // ms

/** Tell something, with a button perhaps, until the time is over. */
export function tell(text, { action = null, bad = false } = {}) {
  const toast = { text, action, bad };
  update({ toast });
  setTimeout(() => state.toast === toast && update({ toast: null }), action ? 2 * TOAST : TOAST);
}

// What is added to a change that was refused, when the person insists on it; other refusals are final.
const OVERRIDES = {
  VERSION_CONFLICT: {},
  ITEM_CLAIMED: { force: true },
  ITEM_UNFINISHED: { force: true },
  CHILDREN_NEED_CONFIRM: { confirm: true },
};

const told = (error) => `${error.message} ${error.next ?? ""}`.trim();

let sent = Promise.resolve();
const own = new Map(); // an item and its version before a change of our own, and after it

/** Send a change when those before it are answered: what they made of the item is no conflict. */
function inTurn({ id, version: seen }, path, body) {
  const place = inProject(`items/${id}`);
  sent = sent.catch(() => null).then(async () => {
    let version = seen;
    while (own.has(`${place}@${version}`)) version = own.get(`${place}@${version}`);
    const { item } = await write(place + path, { version, ...body });
    if (item.version === version + 1) own.set(`${place}@${version}`, item.version);
  });
  return sent;
}

/** Change an item, of which `base` is what the person saw. True when it is done. */
export async function change(base, path, body = {}) {
  try {
    await inTurn(base, path, body);
    if (state.overlay) close();
    await reload();
    return true;
  } catch (error) {
    if (OVERRIDES[error.code]) await ask(base, path, { ...body, ...OVERRIDES[error.code] }, error);
    else if (state.overlay?.kind === "form") update({ overlay: { ...state.overlay, error: told(error) } });
    else tell(told(error), { bad: true });
    return false;
  }
}

/** Ask which side holds, with all of the item as it is now. */
async function ask(base, path, body, error) {
  const { item: current } = await read(inProject(`items/${base.id}`));
  document.querySelector("dialog[open]")?.close();
  open({ kind: "conflict", base, path, body, error, current, back: `card-${base.id}` });
  reload();
}

export const move = (item, to) => change(item, "/move", { to });
export const edit = (item, fields) => change(item, "", fields);
export const claim = (item) => change(item, "/claim");
export const release = (item) => change(item, "/release");
// Notes and links hold whatever else has changed.
export const note = (item, text) => change(item, "/notes", { text, version: undefined });
export const link = (item, other, kind, remove = false) => change(item, "/links", { other, kind, remove, version: undefined });

/** Delete an item, and offer to bring it back. */
export async function remove(item) {
  if (!(await change(item, "/delete"))) return;
  if (state.route.item === item.id) go({ item: null });
  const action = { label: "Undo", run: () => restore(item) };
  tell(`#${item.id} was deleted.`, { action });
}

/** Bring a deleted item back, with what was deleted together with it. True when it is done. */
export async function restore(item) {
  try {
    await write(inProject(`items/${item.id}/restore`));
    tell(`#${item.id} was restored.`, { action: { label: "Open", run: () => go({ view: "board", item: item.id }) } });
    await reload();
    return true;
  } catch (error) {
    tell(told(error), { bad: true });
    return false;
  }
}

/** Create an item, and give its card the focus. True when it is done. */
export async function create(fields) {
  try {
    const { item } = await write(inProject("items"), fields);
    close();
    update({ cursor: item.id });
    tell(`#${item.id} was created.`, { action: { label: "Open", run: () => go({ item: item.id }) } });
    await reload();
    focusOn(`card-${item.id}`);
    return true;
  } catch (error) {
    update({ overlay: { ...state.overlay, error: told(error) } });
    return false;
  }
}
