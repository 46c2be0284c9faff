// What to do where a page, or where in it the package runs, does not let ONNX Runtime start.

/** Where onnxruntime-web could not be imported. */
export function importProblem(): string {
  if ("ServiceWorkerGlobalScope" in globalThis) {
    return "a service worker may not import() onnxruntime-web: compute in the page or in a Worker of it, or bundle all into one file";
  }
  return "the package onnxruntime-web is not there: npm install onnxruntime-web, and name it in the import map of a page without a bundler";
}

/** Where WASM could not be started. @param message of ONNX Runtime */
export function wasmMend(message: string): string {
  if (/unsafe-eval|Content.Security.Policy/i.test(message)) {
    return "add 'wasm-unsafe-eval' to script-src of the page's Content-Security-Policy";
  }
  return "does the server have ONNX Runtime's .wasm files? npx pioneer-runtime copy-wasm DIR writes them, wasmPaths says where";
}
