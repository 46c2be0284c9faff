// Several processes that compute one thing, each a rank: sums over all of them by libtorch's c10d with Gloo. See
// native/services/ranks.cc, and liveness.h for how a rank that is gone is found out.
import { DisposedError, LoadError, RanksError, TorchError } from "./errors.ts";
import { native } from "./native.ts";
import { zeros } from "./ops.ts";
import { scope } from "./scope.ts";
import { Tensor, tensor } from "./tensor.ts";

/**
 * Where ranks meet. A file: all see it, none listens but on the loopback interface; it must not be there before. A host
 * and port: a store listens there, on all interfaces; whoever reaches it can disturb it.
 */
export type Meeting =
  | { readonly file: string }
  | {
      readonly host: string;
      readonly port: number;
      /** The store is held by something else, such as torchrun; else by rank 0. */
      readonly isHeldElsewhere?: boolean;
      /** Keeps attempts that share a store apart. */
      readonly attempt?: string;
    };

export interface RanksOptions {
  /** From 0. */
  readonly rank: number;
  /** How many ranks there are. */
  readonly size: number;
  readonly meeting: Meeting;
  /** Seconds until all must have come; 300 if left out. */
  readonly patience?: number;
  /** Seconds without a sign of life after which a rank counts as gone; 20 if left out. */
  readonly deadAfter?: number;
  /** Seconds that a rank which lives may let the others wait, while it is not busy; 600 if left out. */
  readonly hungAfter?: number;
}

/**
 * This process among the others. All ranks must ask for the same sums, of the same shapes, in the same order. Whatever waits
 * for the others throws a RanksError, in a line that names the rank, once one of them is gone.
 */
export class Ranks implements Disposable {
  readonly rank: number;
  readonly size: number;
  #id: number;

  /**
   * Meets the others.
   * @throws LoadError if the addon was built without Gloo; RanksError naming those that did not come
   */
  constructor({ rank, size, meeting, patience = 300, deadAfter = 20, hungAfter = 600 }: RanksOptions) {
    if (!native.joinRanks) {
      throw new LoadError(
        "pioneer-torch: built without Gloo, which several processes need: install libgloo-dev (Debian, Ubuntu), then run `make build`",
      );
    }
    const join = native.joinRanks;
    const at = "file" in meeting ? undefined : meeting;
    this.rank = rank;
    this.size = size;
    this.#id = named(() =>
      join(
        rank,
        size,
        "file" in meeting ? meeting.file : "",
        at?.host ?? "",
        at?.port ?? 0,
        at !== undefined && rank === 0 && !at.isHeldElsewhere,
        `pioneer/${at?.attempt ?? ""}`,
        patience,
        deadAfter,
        hungAfter,
      ),
    );
  }

  /**
   * Begins to sum a tensor over all ranks, in its place. @param tensor contiguous, and left alone until then
   * @returns waits for the sum
   */
  sum(tensor: Tensor): () => void {
    const id = this.#live();
    const work = native.beginSum(id, Tensor.handleOf(tensor, "tensor"));
    return () => named(() => native.finishSum(id, work));
  }

  /** Takes one rank's values, in place. @param tensor contiguous; of one shape and dtype on all ranks */
  broadcast(tensor: Tensor, from = 0): void {
    named(() => native.broadcastFrom(this.#live(), Tensor.handleOf(tensor, "tensor"), from));
  }

  /** Waits until all ranks are here. */
  barrier(): void {
    scope(() => this.sum(zeros([1]))());
  }

  /**
   * The sum over ranks of weight times the gradients that `output` has there. It is made in buckets while backward still
   * runs, so that most of the time it takes is hidden.
   * @param output scalar  @param inputs leaves, of one dtype; the same on all ranks
   * @throws TorchError if the output does not depend on an input
   */
  gradients(output: Tensor, inputs: readonly Tensor[], weight: number): Tensor[] {
    const handles = inputs.map((input) => Tensor.handleOf(input, "input"));
    const id = this.#live();
    return named(() => native.gradientsOverRanks(id, Tensor.handleOf(output, "output"), handles, weight)).map((each) =>
      Tensor.fromHandle(each),
    );
  }

  /** What every rank says, by rank. */
  say(text: string): string[] {
    return scope(() => {
      const own = new TextEncoder().encode(text);
      const lengths = zeros([this.size], { dtype: "int64" });
      lengths.narrow(0, this.rank, 1).fill_(own.length);
      this.sum(lengths)();
      const counts = [...(lengths.toTypedArray() as BigInt64Array)].map(Number);
      const most = Math.max(1, ...counts);
      const all = zeros([this.size, most], { dtype: "uint8" });
      if (own.length > 0) all.select(0, this.rank).narrow(0, 0, own.length).copy_(tensor(own));
      this.sum(all)();
      const bytes = all.toTypedArray() as Uint8Array;
      return counts.map((count, rank) => new TextDecoder().decode(bytes.subarray(rank * most, rank * most + count)));
    });
  }

  /** For the others' part of sums, since this rank joined them: what was not hidden behind its own work. */
  get secondsWaited(): number {
    return native.secondsWaited(this.#live());
  }

  /** While busy with something of its own a rank may let the others wait. */
  setBusy(isBusy: boolean): void {
    native.setRankBusy(this.#live(), isBusy);
  }

  /** Tells the others, in a line, what this rank failed of; waits a little until they have heard. */
  fail(what: string): void {
    native.failRank(this.#live(), what.replaceAll(/\s+/g, " "));
  }

  /** Leaves. Others that still wait for this rank are told that it is gone: have a barrier before. */
  dispose(): void {
    if (this.#id === 0) return;
    native.leaveRanks(this.#id);
    this.#id = 0;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #live(): number {
    if (this.#id === 0) throw new DisposedError("the ranks were left");
    return this.#id;
  }
}

/** Errors that name ranks are told from those of computing. */
function named<T>(body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof TorchError && /^ranks? /.test(error.message)) {
      throw new RanksError(error.message, { cause: error });
    }
    throw error;
  }
}
