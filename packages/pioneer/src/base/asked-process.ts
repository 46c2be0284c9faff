// A process of our own that answers questions: what it computes holds up nobody, and what brings it down stays with it.
import { type ChildProcess, fork } from "node:child_process";

/** From outside; inside is `answerParent`. One answer for each question, in order. */
export class AskedProcess<Question extends object, Answer> {
  readonly #process: ChildProcess;
  readonly #does: string;
  readonly #failed: (why: string) => Answer;
  readonly #waiting: ((answer: Answer) => void)[] = [];

  /**
   * @param file   the built file: a process cannot be started on TypeScript sources
   * @param given  arguments, after our process id
   * @param does   as in "the process that ... ended"
   * @param failed the answer where the process gives none
   */
  constructor(file: string, given: readonly string[], does: string, failed: (why: string) => Answer) {
    this.#does = does;
    this.#failed = failed;
    this.#process = fork(file, [String(process.pid), ...given], {
      // ONNX Runtime from 1.29 on tells Microsoft of its use unless it is told not to.
      env: { ...process.env, ORT_DISABLE_TELEMETRY: "1" },
      // Those of who called us (--input-type, --inspect) are not for it.
      execArgv: [],
      serialization: "advanced",
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.#process.on("message", (answer: Answer) => this.#waiting.shift()?.(answer));
    const lost = () => this.#giveUp(`the process that ${does} ended; perhaps for lack of memory`);
    this.#process.on("exit", lost);
    this.#process.on("error", lost);
  }

  async ask(question: Question): Promise<Answer> {
    if (!this.#process.connected) return this.#failed(`the process that ${this.#does} has ended`);
    return await new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#process.send(question);
    });
  }

  /** Ends the process. @param why what it computes fails */
  close(why: string): void {
    this.#process.removeAllListeners("exit");
    if (this.#process.connected) this.#process.disconnect();
    // What it is computing would hold up the news for as long as that takes.
    this.#process.kill("SIGKILL");
    this.#giveUp(why);
  }

  #giveUp(why: string): void {
    for (const tell of this.#waiting.splice(0)) tell(this.#failed(why));
  }
}
