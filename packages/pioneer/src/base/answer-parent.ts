import { endWithParent } from "./end-with-parent.ts";

/** Inside the process of an `AskedProcess`: answers what it is asked. Ends with its parent. */
export function answerParent<Question, Answer>(answer: (question: Question) => Promise<Answer>): void {
  endWithParent(Number(process.argv[2]));
  process.on("disconnect", () => process.exit(0));
  // Ctrl-C reaches the whole group; the parent decides what it means.
  process.on("SIGINT", () => undefined);
  process.on("message", (question: Question) => {
    // Where the parent has closed the channel meanwhile, there is nobody to tell.
    void answer(question).then((reply) => process.send?.(reply, undefined, {}, () => undefined));
  });
}
