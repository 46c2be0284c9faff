import type { ServerResponse } from "node:http";
import type { StudioEvents } from "../../shared/runs.ts";

/** Says that it is still there, so that who is gone is noticed. */
const heartbeatMs = 20_000;
/** A reader that is behind by so much is cut off; it comes again and reads what is so then. */
const mostWaitingBytes = 8 * 2 ** 20;
export const mostListeners = 32;

/** Tells every open page what happens, by server-sent events. */
export class Hub {
  readonly #listeners = new Set<ServerResponse>();
  #heartbeat: NodeJS.Timeout | undefined;
  /** Called when the last listener has gone. */
  onSilence: () => void = () => undefined;

  get isSilent(): boolean {
    return this.#listeners.size === 0;
  }

  get isFull(): boolean {
    return this.#listeners.size >= mostListeners;
  }

  /** @param headers of the answer */
  add(response: ServerResponse, headers: NodeJS.Dict<number | string | string[]>): void {
    response.writeHead(200, { ...headers, "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    response.write("retry: 1000\n\n");
    this.#listeners.add(response);
    this.#heartbeat ??= setInterval(() => this.#write(":\n\n"), heartbeatMs);
    response.once("close", () => {
      this.#listeners.delete(response);
      if (this.isSilent) this.close();
    });
  }

  emit<E extends keyof StudioEvents>(event: E, data: StudioEvents[E]): void {
    this.#write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  close(): void {
    for (const response of this.#listeners) response.end();
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
    this.onSilence();
  }

  #write(text: string): void {
    for (const response of this.#listeners) {
      if (response.writableLength > mostWaitingBytes) response.destroy();
      else response.write(text);
    }
  }
}
