// Adds to package-lock.json the packages of other platforms that npm left out. Run it after `npm install` changed the file.
// usage: node scripts/complete-lockfile.js
//
// sharp, biome, oxlint and others come as one small optional package per platform. npm leaves a package out of the
// lock file when the registry in use does not have it (a mirror may hold only its own platform's), and `npm ci` then
// refuses the whole file, on every machine. An entry needs no more than version, os and cpu; npm skips those of other platforms.
import { readFileSync, writeFileSync } from "node:fs";

const path = new URL("../package-lock.json", import.meta.url);
const systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const processors = ["arm", "arm64", "ia32", "loong64", "ppc64", "riscv64", "s390x", "wasm32", "x64"];

/** What a name such as @img/sharp-linuxmusl-arm64 says of its platform, as the fields of a lock file entry. */
function platform(name) {
  const words = name
    .slice(name.indexOf("/") + 1)
    .replaceAll("linuxmusl", "linux-musl")
    .split("-");
  const os = words.filter((word) => systems.includes(word));
  const cpu = words.filter((word) => processors.includes(word));
  const libc = words.some((word) => word.startsWith("musl")) ? ["musl"] : words.includes("gnu") ? ["glibc"] : [];
  return {
    ...(cpu.length > 0 && { cpu }),
    ...(libc.length > 0 && { libc }),
    ...(os.length > 0 && { os }),
  };
}

const lock = JSON.parse(readFileSync(path, "utf8"));
const added = [];
for (const [parent, entry] of Object.entries(lock.packages)) {
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    const places = [`${parent}/node_modules/${name}`, `node_modules/${name}`];
    if (places.some((place) => place in lock.packages)) continue;
    lock.packages[`node_modules/${name}`] = {
      version: range.replace(/^[~^]/, ""),
      ...(entry.dev && { dev: true }),
      optional: true,
      ...platform(name),
    };
    added.push(name);
  }
}

lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, "en")));
if (added.length > 0) writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(
  `package-lock.json: ${added.length} packages added${added.map((name) => `\n  ${name}`).join("")}\n`,
);
