import { refusalOf } from "../base/disk.ts";
import { checkHeld } from "../checkpoint/run-folder.ts";
import { pairOf } from "../learner/pair.ts";
import type { Growth } from "../networks/index.ts";
import { pairInUse, seenSplit } from "./health.ts";
import type { Session } from "./session.ts";
import { chooseGridImages, writeReals, writeSnapshots } from "./snapshot.ts";

/** reals.png: the images that every later grid reconstructs, at the run's final resolution. */
export async function drawReals({ config, pack, pixels, images, recorder }: Session, phase: number): Promise<void> {
  checkHeld(config.run);
  const { tag, ...picture } = await writeReals(config.run, pixels, chooseGridImages(seenSplit(pack)), phase);
  recorder.image(images, tag, picture);
}

/** The grids of a run as it stands. A disk that refuses them is no reason to stop training. */
export async function drawPictures(session: Session, growth: Growth): Promise<void> {
  const { config, computing, pack, pixels, learner, images, recorder } = session;
  checkHeld(config.run);
  try {
    const snapshots = await writeSnapshots(
      pairOf(learner, pairInUse(session, growth)),
      pixels,
      chooseGridImages(seenSplit(pack)),
      {
        run: config.run,
        images,
        isDense: config.gridKimg < 1,
        growth,
        precision: computing.precision,
        device: computing.device,
      },
    );
    for (const { tag, ...picture } of snapshots) recorder.image(images, tag, picture);
    recorder.report({ kind: "grid", paths: snapshots.map(({ path }) => path) });
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === undefined) throw error;
    recorder.report({ kind: "log", text: `no grid was written (${refusal}); training goes on` });
  }
}
