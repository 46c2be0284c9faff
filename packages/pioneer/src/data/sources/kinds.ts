/** What a source can be taken for; "auto" looks at it. Apart from open.ts, so that the help loads no reader. */
export const sourceKinds = ["auto", "folder", "tar", "zip", "celeba", "celebahq", "lsun", "cifar10"] as const;
export type SourceKind = (typeof sourceKinds)[number];

/** Faces that are drawn unless told otherwise. */
export const drawnFaces = 10_000;
