/** Requests to the board's JSON interface, and the page's place in the session. */

const ROOT = new URL("../api/", import.meta.url);

/** What the server refused: its error's code, message and next step, and the item as it is now if that is why. */
export class Refused extends Error {
  constructor(status, { code, message, next_step: next, current = null }) {
    super(sentence(message));
    Object.assign(this, { status, code, next: sentence(next ?? ""), current });
  }
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** The URL of a path of the interface, with those parameters that have a value. */
export function urlOf(path, parameters = {}) {
  const url = new URL(path, ROOT);
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined && value !== "") url.searchParams.set(name, value);
  }
  return url;
}

/** Read what a path answers. Throws Refused. */
export const read = (path, parameters) => answered(fetch(urlOf(path, parameters)));

/** Send a change. Throws Refused. */
export function write(path, body = {}) {
  const headers = { "content-type": "application/json" };
  return answered(fetch(urlOf(path), { method: "POST", headers, body: JSON.stringify(body) }));
}

async function answered(sent) {
  const response = await sent.catch(() => null);
  if (!response) throw unreachable(0);
  if (response.ok) return response.status === 204 ? null : response.json();
  const answer = await response.json().catch(() => null);
  throw answer?.error ? new Refused(response.status, answer.error) : unreachable(response.status);
}

function unreachable(status) {
  const message = status ? `The server answered ${status}.` : "The server does not answer.";
  return new Refused(status, { code: "UNREACHABLE", message, next_step: "Try again when it runs." });
}

/** Trade the one-time key in the address, if there is one, for a cookie. One that was used leaves the cookie of then. */
export async function enter() {
  const found = new URLSearchParams(location.hash.slice(1));
  const key = found.get("key");
  if (!key) return;
  found.delete("key");
  history.replaceState(null, "", `#${found}`);
  await write("session", { key }).catch((error) => {
    if (error.status !== 401) throw error;
  });
}
