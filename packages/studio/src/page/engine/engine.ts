/** What computes a model: a worker of this page, or the server. */
export interface Engine {
  readonly place: Place;
  /** What computes there, such as "WebAssembly". */
  readonly label: string;
  /** Ends when it is sure what computes there: another may have taken over, with another time. */
  readonly settled?: Promise<unknown>;
  /**
   * @param latents [count * latent], rows of length 1
   * @returns images [count, 3, r, r], about [-1, 1]
   */
  decode(latents: Float32Array): Promise<Float32Array>;
  /** @param image [3, r, r] in [-1, 1] @returns its latent, length 1 */
  encode(image: Float32Array): Promise<Float32Array>;
  close(): void;
}

export type Place = "page" | "server";

/** Milliseconds for one picture: the median of a few, after one that is not counted. */
export async function timeEngine(engine: Engine, latent: Float32Array): Promise<number> {
  await engine.decode(latent);
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    const start = performance.now();
    await engine.decode(latent);
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[2] as number;
}
