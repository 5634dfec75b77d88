// Prints what Mermaid makes of the flowchart on stdin, as JSON: its nodes with their texts and classes, its edges.
// The argument is a folder with node_modules, where mermaid and jsdom are.
import { createRequire } from "node:module";
import { join } from "node:path";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { resolve } = createRequire(join(process.argv[2], "here.js"));
const load = (name) => import(pathToFileURL(resolve(name)));

const { JSDOM } = (await load("jsdom")).default;
const { window } = new JSDOM("");
Object.assign(globalThis, { window, document: window.document });
const mermaid = (await load("mermaid")).default;
mermaid.initialize({});
const { db } = await mermaid.mermaidAPI.getDiagramFromText(readFileSync(0, "utf8"));
const nodes = [...db.getVertices().values()].map(({ id, text, classes, link, haveCallback }) => ({
  id,
  // As its renderer decodes entities, in a page.
  text: Object.assign(document.createElement("textarea"), {
    innerHTML: text.replace(/ﬂ°°/g, "&#").replace(/ﬂ°/g, "&").replace(/¶ß/g, ";"),
  }).value,
  classes,
  active: Boolean(link || haveCallback),
}));
const edges = db.getEdges().map(({ start, end, stroke }) => [start, end, stroke]);
console.log(JSON.stringify({ nodes, edges }));
