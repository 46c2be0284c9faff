import type { FaceTemplate } from "pioneer-runtime";

/** Where the model's training photos had eyes and mouth: rings, and an arc. */
export function Ghost({ template: { eyeLeft, eyeRight, mouth } }: { readonly template: FaceTemplate }) {
  const [x, y] = mouth;
  const smile = `M${x - 0.08} ${y - 0.012}Q${x} ${y + 0.05} ${x + 0.08} ${y - 0.012}`;
  return (
    <svg className="ghost" viewBox="0 0 1 1" aria-hidden="true">
      <circle cx={eyeLeft[0]} cy={eyeLeft[1]} r={0.045} strokeDasharray="0.02 0.012" />
      <circle cx={eyeRight[0]} cy={eyeRight[1]} r={0.045} strokeDasharray="0.02 0.012" />
      <path d={smile} strokeDasharray="0.02 0.012" />
    </svg>
  );
}
