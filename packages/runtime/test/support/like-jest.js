// node like-jest.js ENVIRONMENT TEST: runs a test in an environment, both files of CommonJS, as jest does: in a global
// object of its own, with the arrays of bytes that Node has, each module evaluated in it.
import { readFileSync } from "node:fs";
import { createRequire, isBuiltin } from "node:module";
import { dirname, resolve } from "node:path";
import { createContext, runInContext, runInThisContext } from "node:vm";

class TestEnvironment {
  constructor() {
    this.context = createContext();
    this.global = runInContext("globalThis", this.context);
    for (const name of Object.getOwnPropertyNames(globalThis)) {
      if (!(name in this.global)) this.global[name] = globalThis[name];
    }
    Object.assign(this.global, { ArrayBuffer, Uint8Array, console });
  }
}

const loaded = new Map();

/** @param context undefined: as Node does */
function load(path, context) {
  const known = loaded.get(path);
  if (known) return known.exports;
  const native = createRequire(path);
  const module = { exports: {} };
  loaded.set(path, module);
  const require = (name) => {
    if (name === "jest-environment-node") return { TestEnvironment };
    const found = native.resolve(name);
    return isBuiltin(name) || /\.(node|json)$/.test(found) ? native(name) : load(found, context);
  };
  require.resolve = native.resolve;
  const code = `(function (module, exports, require, __filename, __dirname) {${readFileSync(path, "utf8")}\n})`;
  const run = context ? runInContext(code, context) : runInThisContext(code);
  run(module, module.exports, require, path, dirname(path));
  return module.exports;
}

const [environment, test] = process.argv.slice(2).map((path) => resolve(path));
const { context } = new (load(environment))();
load(test, context);
