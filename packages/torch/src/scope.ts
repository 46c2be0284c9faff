interface Tracked {
  dispose(): void;
  /** Called where no scope will dispose of it. */
  leaveToCollector(): void;
}

const open: Set<Tracked>[] = [];

/** Hands a new tensor to the innermost scope; without one it lives until dispose() or the garbage collector. */
export function track(tensor: Tracked): void {
  const innermost = open.at(-1);
  if (innermost) innermost.add(tensor);
  else tensor.leaveToCollector();
}

/** Takes a tensor out of every scope: it then lives until it is disposed of. */
export function keep<T extends Tracked>(tensor: T): T {
  for (const tensors of open) tensors.delete(tensor);
  tensor.leaveToCollector();
  return tensor;
}

function findKept(value: unknown, tensors: Set<Tracked>, kept: Set<Tracked>): void {
  if (typeof value !== "object" || value === null) return;
  if (tensors.has(value as Tracked)) {
    kept.add(value as Tracked);
  } else if (Array.isArray(value)) {
    for (const item of value) findKept(item, tensors, kept);
  } else if (value instanceof Map) {
    for (const item of value.values()) findKept(item, tensors, kept);
  } else if (Object.getPrototypeOf(value) === Object.prototype) {
    for (const item of Object.values(value)) findKept(item, tensors, kept);
  }
}

/**
 * Runs `body` and disposes of every tensor made inside, except those in its result (a tensor, or arrays, maps and plain
 * objects of them), which pass to the enclosing scope. Scopes nest. `body` must not be asynchronous.
 */
export function scope<T>(body: () => T): T {
  const tensors = new Set<Tracked>();
  open.push(tensors);
  const kept = new Set<Tracked>();
  try {
    const result = body();
    if (result instanceof Promise) throw new TypeError("scope: the body returned a promise; scopes are synchronous");
    findKept(result, tensors, kept);
    return result;
  } finally {
    open.pop();
    for (const tensor of tensors) {
      if (kept.has(tensor)) track(tensor);
      else tensor.dispose();
    }
  }
}
