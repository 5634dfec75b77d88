/** The board in the frame of an MCP host (MCP Apps, SEP-1865): it asks the server by the host's tool calls. */

import { tell } from "./actions.js";
import { Refused } from "./api.js";
import { start } from "./board.js";
import { stop } from "./live.js";
import { call, notify, serve } from "./rpc.js";
import { state } from "./store.js";

const PROTOCOL = "2026-01-26";
const POLL = 3000; // ms between two looks at what has changed
const MAX_POLL = 30000; // ms, while there is no answer

let here = ""; // the address
let session = null; // the handle, if the server gave one
let shown = null;
const result = new Promise((resolve) => {
  shown = resolve;
});

const HANDLERS = {
  ping: () => ({}),
  "ui/notifications/tool-result": (given) => shown(given),
  "ui/notifications/tool-cancelled": ({ reason }) => shown({ isError: true, content: [{ text: reason ?? "It was cancelled." }] }),
  "ui/notifications/host-context-changed": adapt,
  "ui/resource-teardown": stop,
};

/** Take over how the host looks. */
function adapt({ theme }) {
  if (theme) document.documentElement.dataset.theme = theme;
}

async function enter() {
  const appInfo = { name: "workflow-mcp", version: document.documentElement.dataset.version };
  const { hostContext } = await call("ui/initialize", { appInfo, appCapabilities: {}, protocolVersion: PROTOCOL });
  adapt(hostContext ?? {});
  notify("ui/notifications/initialized");
  const given = await result;
  if (given.isError) throw refusal(given);
  const { project, session: handle } = given.structuredContent ?? {};
  session = handle ?? null;
  if (project) here = `#${new URLSearchParams({ project })}`;
}

const refusal = ({ content }) => new Refused(0, { code: "UNREACHABLE", message: content?.[0]?.text ?? "The host says no more." });

async function request(path, body) {
  const given = Object.entries({ path, body, session }).filter(([, value]) => value !== null);
  const answered = await call("tools/call", { name: "board_request", arguments: Object.fromEntries(given) }).catch(failed);
  if (answered.isError) throw refusal(answered);
  return answered.structuredContent ?? JSON.parse(answered.content[0].text);
}

const failed = ({ message }) => ({ isError: true, content: [{ text: message }] });

/** Look again and again at what has changed, less often while there is no answer. */
function listen(place, heard) {
  let timer = null;
  let seen = null;
  let pause = POLL;
  const look = async () => {
    const after = seen ?? state.board?.event ?? 0;
    try {
      const { status, answer } = await request(`${place}changes?after=${after}`, null);
      if (status !== 200) throw new Error(status);
      seen = answer.event;
      pause = POLL;
      heard.opened();
      if (seen !== after) heard.changed(answer.items);
      else if (state.problem) heard.greeted(seen);
    } catch {
      pause = Math.min(2 * pause, MAX_POLL);
      heard.lost(false);
    }
    if (timer !== null) timer = setTimeout(look, pause);
  };
  timer = setTimeout(look, 0);
  return {
    close() {
      clearTimeout(timer);
      timer = null;
    },
  };
}

const address = () => here;

function replace(hash) {
  here = hash;
}

function go(hash) {
  if (hash === here) return;
  here = hash;
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** The frame has no address to go to: links lead within the page, or are opened by the host. */
function followLink(event) {
  const href = event.target.closest("a[href]")?.getAttribute("href");
  if (href === undefined) return;
  event.preventDefault();
  if (href.startsWith("#")) go(href);
  else call("ui/open-link", { url: href }).catch(failed).then(({ isError }) => isError && tell(`${href} was not opened.`, { bad: true }));
}

/** A frame may be forbidden to submit forms, which then says nothing: a form's button submits it to the page itself. */
function submit(event) {
  const submitter = event.target.closest("form button:not([type=button])");
  if (!submitter) return;
  event.preventDefault();
  const { form } = submitter;
  if (form.reportValidity()) form.dispatchEvent(new SubmitEvent("submit", { bubbles: true, cancelable: true, submitter }));
}

serve(HANDLERS);
addEventListener("click", followLink);
addEventListener("click", submit);
start({ enter, request, listen, address, go, replace, toggleTheme: null });
