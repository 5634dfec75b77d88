/** Requests to the board's JSON interface. */

import { platform } from "./platform.js";

/** What the server refused: its error's code, message and next step, and the item as it is now if that is why. */
export class Refused extends Error {
  constructor(status, { code, message, next_step: next, current = null }) {
    super(sentence(message));
    Object.assign(this, { status, code, next: sentence(next ?? ""), current });
  }
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** Read what a path answers to those parameters that have a value. Throws Refused. */
export function read(path, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return answered(platform.request(given.length ? `${path}?${new URLSearchParams(given)}` : path, null));
}

/** Send a change. Throws Refused. */
export const write = (path, body = {}) => answered(platform.request(path, body));

async function answered(sent) {
  const { status, answer } = await sent;
  if (status >= 200 && status < 300) return answer;
  throw answer?.error ? new Refused(status, answer.error) : unreachable(status);
}

function unreachable(status) {
  const message = status ? `The server answered ${status}.` : "The server does not answer.";
  return new Refused(status, { code: "UNREACHABLE", message, next_step: "Try again when it runs." });
}
