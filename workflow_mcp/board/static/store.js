/** The state of the page, its address, and the drawing that follows each change. */

import { platform } from "./platform.js";

const ROUTE = ["project", "view", "epic", "text", "item"];

export const VIEWS = { board: "Board", tree: "Tree", graph: "Graph", activity: "Activity" };
export const PLACES = { ...VIEWS, deleted: "Deleted items" };
export const COLUMNS = { backlog: "Backlog", ready: "Ready", in_progress: "In progress", done: "Done" };
export const TYPES = ["task", "bug", "feature", "epic", "research", "chore"];
export const PRIORITIES = ["Urgent", "High", "Normal", "Low", "Someday"];

export const state = {
  route: {}, // what the address says
  me: null,
  projects: null,
  board: null,
  tree: null,
  graph: null,
  activity: null,
  deleted: null,
  item: null, // the one whose page is open
  whole: false, // whether also the cards are drawn that no window shows at first
  shown: {}, // how many cards of a column were asked for
  fresh: new Set(), // ids of what has just changed
  collapsed: new Set(), // ids of rows of the tree
  finished: false, // whether the tree shows what is finished
  cursor: null, // the card that Tab leads to
  overlay: null, // the open dialog or menu
  toast: null,
  problem: null, // why nothing can be shown
  live: "off",
  heard: 0, // the last event that the stream told of
  now: Date.now(),
};

let draw = () => {};
let queued = false;

/** Name the function that draws the page. */
export function drawWith(callback) {
  draw = callback;
}

/** Change the state; the page is drawn once after any number of changes in a turn. */
export function update(changes) {
  Object.assign(state, changes);
  if (queued) return;
  queued = true;
  queueMicrotask(() => {
    queued = false;
    draw();
  });
}

/** The route in an address; ids are numbers, and what is missing is null. */
export function routeIn(hash) {
  const given = new URLSearchParams(hash.slice(1));
  const route = Object.fromEntries(ROUTE.map((name) => [name, given.get(name)]));
  route.view = Object.hasOwn(PLACES, route.view ?? "") ? route.view : "board";
  for (const name of ["epic", "item"]) route[name] = Number(route[name]) || null;
  return route;
}

/** The address of the present route with some changes. */
export function hrefTo(changes) {
  const route = { ...state.route, ...changes };
  if (route.view === "board") route.view = null;
  const kept = ROUTE.filter((name) => route[name]).map((name) => [name, route[name]]);
  return `#${new URLSearchParams(kept)}`;
}

/** Go to another place; the page's listener to the address does the rest. */
export function go(changes) {
  platform.go(hrefTo(changes));
}

/** Whether the person may change the project that is shown. */
export function mayWrite() {
  const project = state.projects?.find(({ id }) => id === state.route.project);
  return Boolean(project?.may_write) && !project.archived;
}

/** Where the project's part of the interface is. */
export const inProject = (path) => `projects/${encodeURIComponent(state.route.project)}/${path}`;

/** Open a dialog or menu, in place of another one. */
export const open = (overlay) => update({ overlay });

/** Close the dialog or menu; what had the focus before gets it back. */
export function close() {
  const back = state.overlay?.back;
  document.querySelector("dialog[open]")?.close();
  update({ overlay: null });
  if (back) focusOn(back);
}

/** Close the dialog of an event, Escape, as the page closes it. */
export function cancelled(event) {
  event.preventDefault();
  close();
}

let wanted = null;

/** Give the focus to the element with a key, as soon as it is there. */
export function focusOn(key) {
  wanted = key;
  update({});
}

const keyed = (key) => document.querySelector(`[data-key="${CSS.escape(key)}"]`);

/** Draw, and leave the focus on what had it, although its element may show something else now. */
export function keepingFocus(drawing) {
  const before = document.activeElement?.dataset?.key;
  drawing();
  const key = wanted ?? before;
  const target = key && keyed(key);
  if (target && target !== document.activeElement) target.focus({ preventScroll: key !== wanted });
  wanted = null;
}
