/** The board: begins the page, and draws it after each change. */

import { read } from "./api.js";
import { boardView } from "./columns.js";
import { reload } from "./data.js";
import { deletedView } from "./deleted.js";
import { conflictView, helpView, toastView } from "./dialogs.js";
import { formView } from "./forms.js";
import { graphView } from "./graph.js";
import { header } from "./header.js";
import { itemPanel } from "./item.js";
import { pressed } from "./keys.js";
import { html, nothing, render } from "./lit-html.js";
import { follow, stop } from "./live.js";
import { menuView, placeMenu } from "./menu.js";
import { emptyState } from "./pieces.js";
import { platform, runOn } from "./platform.js";
import { drawWith, hrefTo, keepingFocus, routeIn, state, update } from "./store.js";
import { activityView, epicStrip, treeView } from "./views.js";

const REST = 100; // ms in which the first cards are painted, before the rest of them is drawn
const TICK = 10000; // ms between two looks at the clock
const DRAWN = { board: boardView, tree: treeView, graph: graphView, activity: activityView, deleted: deletedView };
const DIALOGS = { form: formView, help: helpView, conflict: conflictView };

const app = document.getElementById("app");

let drawing = null;

function drawRest() {
  drawing = null;
  update({ whole: true });
}

function draw() {
  keepingFocus(() => render(page(), app));
  document.querySelector("dialog:not([open])")?.showModal();
  placeMenu();
  if (state.board && !state.whole) drawing ??= setTimeout(drawRest, REST);
  const name = state.board?.project.name;
  document.title = name ? `${name} · board` : "Board · workflow-mcp";
}

function page() {
  if (state.problem && (!state.board || state.problem.status === 401)) return problemView(state.problem);
  if (state.projects?.length === 0) return noProject();
  if (!state.board || !state.projects) return html`<main class="wait" aria-busy="true"></main>`;
  return html`<div class="page-frame ${state.route.item ? "with-panel" : ""}">
    ${header()}${state.problem ? html`<p class="banner" role="alert">${state.problem.message} ${state.problem.next}</p>` : nothing}
    ${epicStrip()}<div class="content">${DRAWN[state.route.view]()}${itemPanel()}</div></div>
    ${menuView()}${DIALOGS[state.overlay?.kind]?.() ?? nothing}${toastView()}`;
}

const problemView = ({ status, message, next }) => html`<main>${status === 401
  ? emptyState("This board is closed", html`<p>Open it again: run <code>workflow-mcp board</code> in your project.</p>`)
  : emptyState("The board cannot be shown", html`<p>${message}</p>`, html`<p>${next}</p>`, state.projects && state.me ? nothing : again)}</main>`;

const again = html`<button @click=${() => begin(state.me)}>Try again</button>`;

const noProject = () => html`<main>${emptyState("No project yet",
  html`<p>Run <code>workflow-mcp init</code> in your repository, or tell your agent: <q>Make this a project</q>.</p>`)}</main>`;

/** Show what the address says. */
function arrive() {
  const before = state.route;
  const route = routeIn(platform.address());
  route.project ??= before.project ?? state.me?.project ?? state.projects?.[0]?.id ?? null;
  const moved = route.project !== before.project;
  const other = moved || route.view !== before.view || route.epic !== before.epic || route.text !== before.text;
  if (route.item !== before.item) for (const form of document.querySelectorAll(".panel form")) form.reset();
  update({ route, ...(other ? { shown: {} } : {}), ...(moved ? { board: null, tree: null, graph: null, activity: null, deleted: null, heard: 0, whole: false } : {}) });
  if (!moved) return reload();
  platform.replace(hrefTo({}));
  stop();
  return reload().then(follow); // nobody waits for the stream, and everybody for the board
}

/** Let leases run down; one that has ended makes its item ready for others. */
function tick() {
  const before = state.now;
  update({ now: Date.now() });
  const ended = ({ lease_until: until }) => until && until * 1000 > before && until * 1000 <= state.now;
  if (!document.hidden && state.board?.columns.some(({ items }) => items.some(ended))) reload();
}

/** Show the person's own project, without waiting for the list of all. */
function greet(me) {
  update({ me });
  if (me.project && !state.route.project) arrive();
}

/** Begin the page on a platform. */
export async function start(chosen) {
  runOn(chosen);
  drawWith(draw);
  await platform.enter().then(begin, (problem) => update({ problem }));
}

async function begin(me) {
  if (state.problem) update({ problem: null });
  try {
    if (routeIn(platform.address()).project) arrive();
    await Promise.all([me ? greet(me) : read("me").then(greet), read("projects").then(update)]);
  } catch (problem) {
    update({ problem });
    return;
  }
  if (!state.route.project) arrive();
  addEventListener("hashchange", arrive);
  addEventListener("keydown", pressed);
  addEventListener("pagehide", stop);
  addEventListener("pageshow", ({ persisted }) => persisted && follow());
  setInterval(tick, TICK);
}
