// What may be said of a network of pictures; apart from its reading, so that the command line knows it without libtorch.

export const ranges = ["-1..1", "0..1", "0..255", "imagenet"] as const;
/** What the values 0 to 255 of a picture become for a network. */
export type Range = (typeof ranges)[number];

export const channelOrders = ["rgb", "bgr"] as const;
export type ChannelOrder = (typeof channelOrders)[number];
