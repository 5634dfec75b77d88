/** The stream of changes: one for a visible tab, none for a hidden one, and made again whenever it is lost. */

import { read, urlOf } from "./api.js";
import { reload } from "./data.js";
import { inProject, state, update } from "./store.js";

const FRESH = 2500; // ms that what has changed is marked
const MAX_PAUSE = 15000; // ms between two attempts

let source = null;
let timer = null;
let attempts = 0;

/** Follow the changes of the project that is shown, and of no other one. */
export function follow() {
  stop();
  if (!state.route.project || document.hidden) return;
  source = new EventSource(urlOf(inProject("events")));
  source.onopen = opened;
  source.onerror = lost;
  source.addEventListener("hello", greeted);
  source.addEventListener("change", changed);
}

/** End the stream. */
export function stop() {
  source?.close();
  source = null;
  clearTimeout(timer);
}

function opened() {
  attempts = 0;
  update({ live: "on" });
}

/** What the stream begins with: the last event before it, which the board may have been fetched without. */
function greeted({ data }) {
  const { event } = JSON.parse(data);
  update({ heard: event });
  if (state.problem || (state.board && state.board.event !== event)) reload(); // it is lower in a restored backup
}

function changed({ data }) {
  const { items } = JSON.parse(data);
  update({ fresh: new Set([...state.fresh, ...items]) });
  setTimeout(() => update({ fresh: new Set([...state.fresh].filter((id) => !items.includes(id))) }), FRESH);
  reload();
}

/** The browser connects again by itself, except after an answer that is no stream. */
function lost() {
  update({ live: "off" });
  if (source?.readyState !== EventSource.CLOSED) return;
  const pause = Math.min(1000 * 2 ** attempts, MAX_PAUSE);
  attempts += 1;
  timer = setTimeout(retry, pause);
}

async function retry() {
  try {
    await read("me");
    follow();
  } catch (problem) {
    if (problem.status === 401) update({ problem });
    else lost();
  }
}

document.addEventListener("visibilitychange", () => (document.hidden ? stop() : follow()));
