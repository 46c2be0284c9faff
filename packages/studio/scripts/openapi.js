// Writes openapi.json, the description of the server's API, from the schemas of its routes. Build before.
// usage: node packages/studio/scripts/openapi.js
import { readFileSync, writeFileSync } from "node:fs";
import { startStudio } from "pioneer-studio";

const file = (name) => new URL(`../${name}`, import.meta.url);
const { version } = JSON.parse(readFileSync(file("package.json"), "utf8"));
const nowhere = { models: [], runs: "/nowhere", pioneer: [], cache: "/nowhere", addDirections: async () => undefined };
const studio = await startStudio({ host: "127.0.0.1", port: 0, portAsked: false, version, ...nowhere });
const api = await (await fetch(`${studio.address}api/openapi.json`)).json();
await studio.close();
writeFileSync(file("openapi.json"), `${JSON.stringify(api, null, 2)}\n`);
