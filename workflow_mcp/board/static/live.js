/** Hears of changes: by one stream for a visible page, none for a hidden one, and made again whenever it is lost. */

import { read } from "./api.js";
import { reload } from "./data.js";
import { platform } from "./platform.js";
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
  source = platform.listen(inProject(""), { opened, greeted, changed, lost });
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
function greeted(event) {
  update({ heard: event });
  if (state.problem || (state.board && state.board.event !== event)) reload(); // it is lower in a restored backup
}

function changed(items) {
  update({ fresh: new Set([...state.fresh, ...items]) });
  setTimeout(() => update({ fresh: new Set([...state.fresh].filter((id) => !items.includes(id))) }), FRESH);
  reload();
}

/** A stream that has not ended is made again by itself. */
function lost(ended) {
  update({ live: "off" });
  if (!ended) return;
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
    else lost(true);
  }
}

document.addEventListener("visibilitychange", () => (document.hidden ? stop() : follow()));
