/** JSON-RPC 2.0 with the window around this one, and with no other. */

const METHOD_NOT_FOUND = -32601;

const waiting = new Map(); // what settles a request, by its id
let last = 0;

// Nothing that is sent here is a secret from whoever shows this page; their origin is not known before they answer.
const send = (message) => parent.postMessage({ jsonrpc: "2.0", ...message }, "*");

/** Tell something that is not answered. */
export const notify = (method, params = {}) => send({ method, params });

/** The result of a request; throws its error. */
export function call(method, params = {}) {
  last += 1;
  send({ id: last, method, params });
  return new Promise((resolve, reject) => waiting.set(last, { resolve, reject }));
}

/** Do what the window around this one asks, by the names of its methods; what a handler returns is the result. */
export function serve(handlers) {
  addEventListener("message", ({ source, data }) => {
    if (source !== parent || data?.jsonrpc !== "2.0") return;
    if (data.method === undefined) settle(data);
    else answer(data, handlers[data.method]);
  });
}

function settle({ id, result, error }) {
  const { resolve, reject } = waiting.get(id) ?? {};
  waiting.delete(id);
  if (error) reject?.(new Error(error.message));
  else resolve?.(result);
}

function answer({ id, method, params }, handler) {
  const result = handler?.(params ?? {}) ?? {};
  if (id === undefined) return;
  send(handler ? { id, result } : { id, error: { code: METHOD_NOT_FOUND, message: `There is no ${method}.` } });
}
