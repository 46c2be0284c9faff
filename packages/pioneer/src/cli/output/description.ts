/** What there is to say of a thing: for machines, and line by line for people. */
export interface Description {
  readonly value: Readonly<Record<string, unknown>>;
  readonly lines: readonly string[];
}
