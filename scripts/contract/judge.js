// Reads AsyncAPI documents, a JSON list of texts, from standard input, and prints a JSON list of what the parser in the file that is
// named says against each: its errors and warnings, none if all is well.
"use strict";
const { readFileSync } = require("node:fs");

globalThis.self = globalThis.window = globalThis; // the file is made for browsers, and is whole
const Parser = require(process.argv[2]);

async function judge(text) {
  const { document, diagnostics } = await new Parser().parse(text);
  const said = diagnostics.filter((d) => d.severity <= 1).map((d) => `${d.path.join(".")}: ${d.message}`);
  return document || said.length > 0 ? said : ["there is no document"];
}

Promise.all(JSON.parse(readFileSync(0, "utf8")).map(judge)).then((all) => console.log(JSON.stringify(all)));
