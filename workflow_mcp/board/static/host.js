/** The board in the frame of an MCP host (MCP Apps, SEP-1865): it asks the server by the host's tool calls. */

import { tell } from "./actions.js";
import { read, Refused } from "./api.js";
import { start } from "./board.js";
import { stop } from "./live.js";
import { call, notify, serve } from "./rpc.js";
import { state, update } from "./store.js";

const PROTOCOL = "2026-01-26";
const POLL = 3000; // ms between two looks at what has changed
const MAX_POLL = 30000; // ms, while there is no answer
const HEIGHT = 640; // pixels that the page would have where it may choose
const MODES = ["inline", "fullscreen"];

let context = {}; // what the host says of itself
let here = ""; // the address
let session = null; // the handle, if the server gave one
let inView = true; // a conversation goes on below the page
let shown = null;
const result = new Promise((resolve) => {
  shown = resolve;
});

const HANDLERS = {
  ping: () => ({}),
  "ui/notifications/tool-result": (given) => shown(given),
  "ui/notifications/tool-cancelled": ({ reason }) => shown(failed({ message: reason ?? "It was cancelled." })),
  "ui/notifications/host-context-changed": adapt,
  "ui/resource-teardown": stop,
};

/** Look as the host does, and take as much room as it gives. */
function adapt(changes) {
  context = { ...context, ...changes };
  const { theme, displayMode = "inline", containerDimensions: { height, maxHeight = HEIGHT } = {} } = context;
  if (theme) document.documentElement.dataset.theme = theme;
  if (displayMode === "inline" && !height) notify("ui/notifications/size-changed", { height: Math.min(HEIGHT, maxHeight) });
  update({});
}

function look() {
  if (!context.availableDisplayModes?.includes("fullscreen")) return null;
  const full = context.displayMode === "fullscreen";
  const run = () => call("ui/request-display-mode", { mode: full ? "inline" : "fullscreen" }).then(
    ({ mode }) => adapt({ displayMode: mode }), ({ message }) => tell(message, { bad: true }));
  return { key: "screen", label: full ? "Back to the conversation" : "Full screen", icon: full ? "reduce" : "enlarge", run };
}

async function enter() {
  const appInfo = { name: "workflow-mcp", version: document.documentElement.dataset.version };
  const appCapabilities = { availableDisplayModes: MODES };
  const { hostContext } = await call("ui/initialize", { appInfo, appCapabilities, protocolVersion: PROTOCOL });
  notify("ui/notifications/initialized");
  adapt(hostContext ?? {});
  const given = await result;
  if (given.isError) throw refusal(given);
  const { project, actor, session: handle } = given.structuredContent ?? {};
  session = handle ?? null;
  return project ? { project, actor } : null; // a host may keep it to itself
}

const failed = ({ message }) => ({ isError: true, content: [{ text: message }] });

/** What a tool's error says; ours are of the form `CODE: what. Next: what to do.` */
function refusal({ content }) {
  const text = content?.[0]?.text ?? "The host does not say why.";
  const [, code, message, next] = /^([A-Z_]+): (.*) Next: (.*)$/s.exec(text) ?? [null, "UNREACHABLE", text, ""];
  return new Refused(0, { code, message, next_step: next });
}

async function request(path, body) {
  const given = Object.entries({ path, body, session }).filter(([, value]) => value !== null);
  const answered = await call("tools/call", { name: "board_request", arguments: Object.fromEntries(given) }).catch(failed);
  if (answered.isError) throw refusal(answered);
  return answered.structuredContent ?? JSON.parse(answered.content[0].text);
}

/** Ask again and again what has changed, less often while there is no answer, and not at all while nobody can see it. */
function listen(place, heard) {
  let seen; // the last event that was told
  let pause = POLL;
  let closed = false;
  const ask = async () => {
    const after = seen ?? state.board?.event;
    const { event, items } = await read(`${place}changes`, { after });
    seen = event;
    pause = POLL;
    heard.opened();
    if (after !== undefined && after !== event) heard.changed(items);
    else heard.greeted(event);
  };
  const lost = () => {
    pause = Math.min(2 * pause, MAX_POLL);
    heard.lost(false);
  };
  const turn = async () => {
    if (closed) return;
    if (inView) await ask().catch(lost);
    setTimeout(turn, pause);
  };
  turn();
  return {
    close() {
      closed = true;
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

new IntersectionObserver((entries) => {
  inView = entries.at(-1).isIntersecting;
}).observe(document.body);
serve(HANDLERS);
addEventListener("click", followLink);
addEventListener("click", submit);
start({ enter, request, listen, address, go, replace, look });
