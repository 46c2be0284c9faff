import { fileURLToPath } from "node:url";

export const bench = fileURLToPath(new URL("..", import.meta.url));
export const repository = fileURLToPath(new URL("../..", import.meta.url));
