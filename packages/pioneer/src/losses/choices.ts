// What a run may choose of its losses; apart from them, so that the command line knows it without libtorch.

export const klDirections = ["qp", "pq"] as const;
/** qp: KL( codes || prior ), as published. pq: the other way round, with the authors' constants. */
export type KlDirection = (typeof klDirections)[number];

export const mismatches = ["L1", "L2", "cos"] as const;
/** How far apart two batches are: mean absolute difference, mean squared difference, or 2 - cos/n. */
export type Mismatch = (typeof mismatches)[number];

export const encoderOrders = ["authors", "joint"] as const;
/** Real and generated images go through E one after the other, as the authors do, or as one batch (u then moves once). */
export type EncoderOrder = (typeof encoderOrders)[number];
