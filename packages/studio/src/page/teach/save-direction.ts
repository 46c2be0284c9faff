import type { NewDirections } from "../../shared/models.ts";
import { sendJson } from "../api/client.ts";
import { modelNow, rereadDirections } from "../state/models.ts";
import { notify, report } from "../state/notices.ts";
import type { Direction } from "../state/shelf.ts";
import { download } from "../ui/download.ts";

/** Adds a direction to the model folder's directions.json, and says so; one of the same name gives way. */
export async function saveIntoModel(name: string, direction: Direction): Promise<void> {
  const body: NewDirections = { directions: { [name]: direction } };
  try {
    await sendJson("PUT", `api/models/${encodeURIComponent(modelNow().id)}/directions`, body);
    await rereadDirections();
    notify("done", `“${name}” is saved into the model's directions.json`);
  } catch (error) {
    report(error);
  }
}

/** A directions.json with this one direction, which `pioneer import` and the project know. */
export function downloadDirections(name: string, direction: Direction): void {
  const content = { format: 1, latent: modelNow().config.latent, directions: { [name]: direction } };
  download(new Blob([JSON.stringify(content, null, 2)], { type: "application/json" }), `${name} directions.json`);
}
