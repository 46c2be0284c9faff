import { latentRow } from "pioneer-runtime";
import type { LatentsAnswer } from "../../shared/computing.ts";
import { request } from "../api/client.ts";
import { planesOfRgba } from "../image/planes.ts";
import type { Engine } from "./engine.ts";
import type { OpenModel } from "./open-model.ts";

/** A model that the server computes. */
export function serverEngine({ id, config }: OpenModel): Engine {
  const stopping = new AbortController();
  const { signal } = stopping;
  const address = (call: string) => `api/models/${encodeURIComponent(id)}/${call}`;
  return {
    place: "server",
    label: "ONNX Runtime",
    async decode(latents) {
      const rows = Array.from({ length: latents.length / config.latent }, (_, i) => [
        ...latentRow(latents, config.latent, i),
      ]);
      const response = await request(address("decode"), {
        method: "POST",
        signal,
        headers: { "Content-Type": "application/json", Accept: "application/octet-stream" },
        body: JSON.stringify({ latents: rows }),
      });
      return planesOfRgba(new Uint8Array(await response.arrayBuffer()), config.resolution);
    },
    async encode(image) {
      const response = await request(address("encode"), {
        method: "POST",
        signal,
        headers: { "Content-Type": "application/octet-stream" },
        body: image as Float32Array<ArrayBuffer>,
      });
      const { latents } = (await response.json()) as LatentsAnswer;
      return Float32Array.from(latents[0] ?? []);
    },
    close: () => stopping.abort(),
  };
}
