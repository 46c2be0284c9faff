import type { FaceTemplate } from "pioneer-runtime";
import { templateText } from "../../config/face-template.ts";

/** "crop center", or "aligned to 0.32,0.387,0.68,0.387,0.5,0.781": how photos became squares. */
export function describeCrop({ crop, align }: { readonly crop: string; readonly align: FaceTemplate | null }): string {
  return align === null ? `crop ${crop}` : `aligned to ${templateText(align)}`;
}
