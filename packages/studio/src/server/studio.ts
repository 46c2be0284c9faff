import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fastifyStatic from "@fastify/static";
import Fastify from "fastify";

/** What `vite build` made of src/page. */
const pageFolder = fileURLToPath(new URL("../../dist/page", import.meta.url));

export interface StudioOptions {
  readonly host: string;
  /** 0 takes any that is free. */
  readonly port: number;
}

export interface Studio {
  /** Where the page is, such as http://127.0.0.1:7420/. */
  readonly address: string;
  close(): Promise<void>;
}

/** Starts the server of the page. */
export async function startStudio({ host, port }: StudioOptions): Promise<Studio> {
  if (!existsSync(pageFolder)) throw new Error("the page of pioneer studio is not built yet; run: make build");
  const app = Fastify({ forceCloseConnections: true });
  await app.register(fastifyStatic, { root: pageFolder });
  const address = await app.listen({ host, port });
  return { address: `${address}/`, close: () => app.close() };
}
