import { request } from "node:http";
import { onTestFinished } from "vitest";
import type { StudioEvents } from "../../src/shared/runs.ts";

type Event = { [E in keyof StudioEvents]: { readonly event: E; readonly data: StudioEvents[E] } }[keyof StudioEvents];

/** What api/events tells, from now to the end of the test. */
export class Events {
  readonly seen: Event[] = [];
  #rest = "";
  #wake: () => void = () => undefined;

  static async open(url: string): Promise<Events> {
    const events = new Events();
    await new Promise<void>((resolve, reject) => {
      const asked = request(`${url}/api/events`, (response) => {
        response.setEncoding("utf8").on("data", (text: string) => {
          events.#read(text);
          resolve();
        });
        response.on("error", () => undefined);
      });
      asked.on("error", reject);
      asked.end();
      onTestFinished(() => void asked.destroy());
    });
    return events;
  }

  /** Waits until one is told that fits. */
  async until<E extends keyof StudioEvents>(
    event: E,
    fits: (data: StudioEvents[E]) => boolean = () => true,
  ): Promise<StudioEvents[E]> {
    for (;;) {
      const found = this.seen.find((one) => one.event === event && fits(one.data as StudioEvents[E]));
      if (found) return found.data as StudioEvents[E];
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #read(text: string): void {
    const blocks = (this.#rest + text).split("\n\n");
    this.#rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
      if (event !== undefined && data !== undefined) this.seen.push({ event, data: JSON.parse(data) } as Event);
    }
    this.#wake();
  }
}
