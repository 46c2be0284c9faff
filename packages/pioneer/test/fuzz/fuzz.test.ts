// Damaged files of every format, read in a process of its own: no crash, no hang, no memory, no error without a mend, nothing
// written where nothing should be. 1,000 of them, and `make fuzz` ten times as many; always the same ones for a number.
import { type ChildProcess, fork } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { type WholeFile, wholeFiles } from "./files.ts";
import { damage, damaged } from "./mutations.ts";

const cases = Number(process.env.FUZZ_CASES ?? 1000);
const seed = Number(process.env.FUZZ_SEED ?? 20261129);
/** Of the processor, so that other work on the machine does not count; a process that waits for ever is given longer. */
const longestSeconds = 10;
const patienceMs = 120_000;
const mostMemory = 2 ** 30;

const folder = temporaryFolder();
/** What a reader is given lies in it, under `in`. */
const place = join(folder, "place");
let whole: WholeFile[];
let reader: Reader;
beforeAll(async () => {
  whole = await wholeFiles(folder);
  mkdirSync(place);
  reader = new Reader(place);
});
afterAll(() => reader.close());

/** Lays a file among those that lie beside it. @returns its folder, and the question for the reader */
function lay({ kind, name, beside }: WholeFile, content: Buffer): { input: string; question: object } {
  const input = join(place, "in");
  if (beside === undefined) mkdirSync(input);
  else cpSync(beside, input, { recursive: true });
  writeFileSync(join(input, name), content);
  return { input, question: { kind, path: join(input, name), out: join(input, "out.pack") } };
}

interface Answer {
  readonly error?: { readonly expected: boolean; readonly text?: string };
  readonly seconds: number;
  readonly peak: number;
}

/** The process that reads, begun anew where it ended. */
class Reader {
  readonly #cwd: string;
  #process: ChildProcess | undefined;

  constructor(cwd: string) {
    this.#cwd = cwd;
  }

  /** @returns the answer, or how the process ended instead */
  async read(question: object): Promise<Answer | string> {
    this.#process ??= await this.#begin();
    const reader = this.#process;
    return await new Promise((resolve) => {
      const timer = setTimeout(() => this.#end(() => resolve("hangs")), patienceMs);
      const ended = (code: number | null, signal: string | null) => {
        clearTimeout(timer);
        this.#process = undefined;
        resolve(`crashes: ${signal ?? code}`);
      };
      reader.once("exit", ended);
      reader.once("message", (answer: Answer) => {
        clearTimeout(timer);
        reader.off("exit", ended);
        resolve(answer);
      });
      reader.send(question);
    });
  }

  close(): void {
    this.#end();
  }

  #end(then: () => void = () => undefined): void {
    this.#process?.removeAllListeners();
    this.#process?.kill("SIGKILL");
    this.#process = undefined;
    then();
  }

  async #begin(): Promise<ChildProcess> {
    const file = fileURLToPath(new URL("reader.js", import.meta.url));
    const reader = fork(file, [], { cwd: this.#cwd, execArgv: [], serialization: "advanced" });
    await new Promise((resolve) => reader.once("message", resolve));
    return reader;
  }
}

test("undamaged, each is read", async () => {
  for (const file of whole) {
    const answer = await reader.read(lay(file, file.bytes).question);
    rmSync(join(place, "in"), { recursive: true });
    expect([file.name, typeof answer === "string" ? answer : answer.error]).toEqual([file.name, undefined]);
  }
});

test(
  `${cases} damaged files, seed ${seed}`,
  async () => {
    const found: Record<string, string[]> = {
      crash: [],
      hang: [],
      memory: [],
      unexpected: [],
      outside: [],
      leftover: [],
    };
    for (const [i, { file, edits }] of fc.sample(damage(whole.length), { numRuns: cases, seed }).entries()) {
      const chosen = whole[file] as WholeFile;
      const { name } = chosen;
      const content = damaged(chosen.bytes, edits);
      const { input, question } = lay(chosen, content);
      const before = readdirSync(input);
      const note = (what: string, why = "") => found[what]?.push(`case ${i}, ${name} ${JSON.stringify(edits)} ${why}`);
      const answer = await reader.read(question);
      if (typeof answer === "string") note(answer === "hangs" ? "hang" : "crash", answer);
      else {
        if (answer.seconds > longestSeconds) note("hang", `${answer.seconds} s`);
        if (answer.error && !answer.error.expected) note("unexpected", answer.error.text);
        if (answer.peak > mostMemory + content.length) {
          note("memory", `${answer.peak} bytes`);
          reader.close();
        }
      }
      if (readdirSync(place).join() !== "in") note("outside", readdirSync(place).join());
      const more = readdirSync(input).filter((each) => !before.includes(each));
      const isPacked = typeof answer === "object" && answer.error === undefined;
      if (more.join() !== (isPacked ? more.filter((each) => each === "out.pack").join() : ""))
        note("leftover", more.join());
      for (const each of readdirSync(place)) rmSync(join(place, each), { recursive: true });
    }
    expect(found).toEqual({ crash: [], hang: [], memory: [], unexpected: [], outside: [], leftover: [] });
  },
  cases * 1000,
);
