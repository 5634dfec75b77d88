/** What the page shows is fetched here, at most four times a second. */

import { read } from "./api.js";
import { inProject, state, update } from "./store.js";

const PAGE = 100;
const MIN_INTERVAL = 250; // ms

let running = null;
let again = false;

/** Fetch everything that is shown, once more if it is asked for meanwhile. */
export function reload() {
  again = true;
  running ??= loadWhileAsked().finally(() => {
    running = null;
  });
  return running;
}

async function loadWhileAsked() {
  while (again) {
    again = false;
    const pause = new Promise((resolve) => setTimeout(resolve, MIN_INTERVAL));
    await load();
    if (again) await pause;
  }
}

async function load() {
  const route = state.route;
  if (!route.project) return;
  try {
    const parts = await Promise.all([loadBoard(route), loadView(route), loadItem(route)]);
    if (state.route === route) update(Object.assign({ problem: null, now: Date.now() }, ...parts));
    if (state.route !== route || state.board.event < state.heard) again = true;
  } catch (problem) {
    update({ problem });
  }
}

async function loadBoard({ view, text, epic }) {
  const limit = view === "board" ? PAGE : 1;
  const board = await read(inProject("board"), { text, epic, limit });
  if (view === "board") await Promise.all(board.columns.map((column) => fill(column, { text, epic })));
  return { board };
}

/** Fetch the further pages of a column that the person has asked for. */
async function fill(column, filters) {
  while (column.next && column.items.length < (state.shown[column.name] ?? PAGE)) {
    const page = await read(inProject(`column/${column.name}`), { ...filters, after: column.next, limit: PAGE });
    column.items.push(...page.items);
    column.next = page.next;
  }
}

/** Show a further page of a column. */
export function more(column) {
  update({ shown: { ...state.shown, [column.name]: column.items.length + PAGE } });
  return reload();
}

async function loadView({ view, text, epic }) {
  if (view === "tree") return { tree: await read(inProject("tree"), { text, epic, all: state.finished ? 1 : null }) };
  if (view === "graph" && epic) return { graph: await read(inProject("graph"), { epic }) };
  if (view === "deleted") return { deleted: await loadDeleted({ text, epic }) };
  if (view === "activity") return { activity: await loadActivity() };
  return {};
}

async function loadDeleted(filters) {
  const column = await read(inProject("column/deleted"), { ...filters, limit: PAGE });
  await fill(column, filters);
  return column;
}

async function loadActivity() {
  const seen = state.activity?.entries.length ?? 0;
  const found = await read(inProject("activity"));
  while (found.next && found.entries.length < seen) await extend(found);
  return found;
}

async function extend(found) {
  const page = await read(inProject("activity"), { before: found.next });
  found.entries.push(...page.entries);
  found.next = page.next;
}

/** Show older entries of the activity. */
export async function older() {
  const found = { ...state.activity, entries: [...state.activity.entries] };
  await extend(found);
  update({ activity: found });
}

async function loadItem({ item }) {
  if (!item) return { item: null };
  try {
    return { item: await read(inProject(`items/${item}`)) };
  } catch (error) {
    if (error.status !== 404) throw error;
    return { item: { missing: error } };
  }
}
