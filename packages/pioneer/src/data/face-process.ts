// Finds faces in a process of its own: ONNX Runtime and libtorch do not always end well together where CUDA is in play
// (docs/design.md), and several processes find more.
import { Faces } from "pioneer-runtime";
import sharp from "sharp";
import { answerParent } from "../base/answer-parent.ts";
import { DataError } from "../base/errors.ts";
import type { FromFaces, ToFaces } from "./face-search.ts";
import { decodeWhole } from "./pixels/decode.ts";

const maxPixels = process.argv[3] === undefined ? undefined : Number(process.argv[3]);
sharp.concurrency(1);
const loading = Faces.load();
loading.catch(() => undefined);
answerParent(answer);

async function answer(image: ToFaces): Promise<FromFaces> {
  try {
    const finder = await loading;
    const { width, height, pixels } = "pixels" in image ? image : await decodeWhole(Buffer.from(image), maxPixels);
    return { faces: await finder.find({ width, height, data: pixels }) };
  } catch (error) {
    const { message } = error as Error;
    return error instanceof DataError ? { problem: message } : { failure: message };
  }
}
