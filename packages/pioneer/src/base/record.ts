/**
 * An object whose keys are names of somebody else: "constructor" and "__proto__" are names as any other, and there if they
 * were put in, not otherwise.
 */
export function recordOf<T>(entries: Iterable<readonly [string, T]> = []): Record<string, T> {
  const record = Object.create(null) as Record<string, T>;
  for (const [name, value] of entries) record[name] = value;
  return record;
}
