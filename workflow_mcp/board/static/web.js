/** The board in a tab of a browser: it asks over HTTP, hears of changes by a stream, and has an address. */

import { write } from "./api.js";
import { start } from "./board.js";

const ROOT = new URL("api/", location.href);

/** Trade the one-time key in the address, if there is one, for a cookie. One that was used leaves the cookie of then. */
async function enter() {
  const found = new URLSearchParams(location.hash.slice(1));
  const key = found.get("key");
  if (!key) return null;
  found.delete("key");
  replace(`#${found}`);
  return write("session", { key }).catch((error) => {
    if (error.status !== 401) throw error;
    return null;
  });
}

async function request(path, body) {
  const headers = { "content-type": "application/json" };
  const options = body ? { method: "POST", headers, body: JSON.stringify(body) } : {};
  const response = await fetch(new URL(path, ROOT), options).catch(() => null);
  if (!response) return { status: 0, answer: null };
  return { status: response.status, answer: await response.json().catch(() => null) };
}

function listen(place, heard) {
  const source = new EventSource(new URL(`${place}events`, ROOT));
  source.onopen = heard.opened;
  source.onerror = () => heard.lost(source.readyState === EventSource.CLOSED); // else the browser connects again
  source.addEventListener("hello", ({ data }) => heard.greeted(JSON.parse(data).event));
  source.addEventListener("change", ({ data }) => heard.changed(JSON.parse(data).items));
  return source;
}

const address = () => location.hash;

function go(hash) {
  location.hash = hash;
}

const replace = (hash) => history.replaceState(null, "", hash);

/** The look that the person chose, else the system's. */
function applyTheme() {
  const chosen = localStorage.getItem("theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
}

function toggleTheme() {
  const present = document.documentElement.dataset.theme
    ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  localStorage.setItem("theme", present === "dark" ? "light" : "dark");
  applyTheme();
}

const look = () => ({ key: "theme", label: "Light or dark", icon: "theme", run: toggleTheme });

applyTheme();
start({ enter, request, listen, address, go, replace, look });
