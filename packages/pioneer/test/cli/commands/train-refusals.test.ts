// What a run refuses, and how it stops: one line with the mend, the right exit code, nothing lost.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../../../torch/test/support/folder.ts";
import { readCheckpoint, writeCheckpoint } from "../../../src/checkpoint/checkpoint.ts";
import { verifyCheckpoint } from "../../../src/checkpoint/verify.ts";
import { accv2018 } from "../../../src/config/recipe.ts";
import { digests, facts } from "../../checkpoint/support.ts";
import { bin, checkpoints, fingerprint, type Outcome, Pioneer, tiny } from "../../support/cli.ts";
import { pioneer } from "../../support/in-process.ts";
import { discs, makePack, tinyLearner } from "../../support/tiny.ts";

// Each test starts some processes, perhaps beside other tests.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const folder = temporaryFolder();
let data: string;
let training: number;
const start = (...more: string[]) => ["train", "--data", data, "--run", "new", ...tiny, ...more];
const resume = (...more: string[]) => ["train", "--run", "old", "--resume", ...more];

// A run that is not finished, with three checkpoints: 4x4 for 3.2 kimg.
beforeAll(async () => {
  const pack = await makePack(folder, 40, 8, discs);
  data = pack.path;
  training = pack.splits.train?.length ?? 0;
  const options = ["--kimg-per-phase", "4", "--checkpoint-kimg", "1", "--total-kimg", "2", "--grid-kimg", "100"];
  const { code, stderr } = await pioneer(folder, ["train", "--data", data, "--run", "old", ...tiny, ...options]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(checkpoints(join(folder, "old"))).toEqual([0, 1, 2].map((kimg) => `checkpoint-0000000${kimg}`));
});

/** One line on stderr, and no more on stdout than what was tried before. */
function expectLine({ code, stderr, stdout }: Outcome, exit: number, line: string | RegExp): void {
  if (typeof line === "string") expect(stderr).toBe(`pioneer: ${line}\n`);
  else expect(stderr).toMatch(line);
  expect(stderr.trimEnd()).not.toContain("\n");
  expect(stdout.replace(/^tried the last phase.*\n/, "")).toBe("");
  expect(code).toBe(exit);
}

describe("a run that cannot begin is refused, and leaves nothing", () => {
  const refused: [string, () => string[], number, string | RegExp | (() => string)][] = [
    [
      "an unknown option",
      () => start("--speed", "9"),
      2,
      "unknown option '--speed' (Did you mean --seed?); see pioneer train --help",
    ],
    ["a batch below 2", () => start("--batch", "1"), 2, /^pioneer: --batch: expected .* every batch from 2, got /],
    [
      "a batch below 2 at one resolution",
      () => start("--batch", "4:8,8:1"),
      2,
      /^pioneer: --batch: expected .* every batch from 2, got /,
    ],
    [
      "a resolution that is no power of two",
      () => start("--resolution", "12"),
      2,
      "--resolution: expected a power of two from 4 to 1024, got 12",
    ],
    [
      "a resolution larger than the pack",
      () => start("--resolution", "16"),
      2,
      () => `--resolution 16 is larger than the images of ${data} (8): choose at most 8, or prepare a larger pack`,
    ],
    [
      "the plan of a resolution larger than the pack",
      () => start("--resolution", "16", "--plan"),
      2,
      () => `--resolution 16 is larger than the images of ${data} (8): choose at most 8, or prepare a larger pack`,
    ],
    [
      "fewer images than a batch",
      () => start("--batch", "64"),
      1,
      () =>
        `${data} has ${training} training images (${40 - training} of its 40 are held out or of other splits), fewer than the batch of 64 at 4x4: give --batch 32`,
    ],
    [
      "data that is not there",
      () => ["train", "--data", "no/photos", "--run", "new", ...tiny],
      1,
      /^pioneer: no\/photos.*no such file or folder/,
    ],
    [
      "the plan of data that is not there",
      () => ["train", "--data", "no/photos", "--resolution", "8", "--plan", ...tiny],
      1,
      /^pioneer: no\/photos.*no such file or folder/,
    ],
    [
      "the plan of drawn images that there are not",
      () => ["train", "--data", "procedural:cats", "--resolution", "8", "--plan", ...tiny],
      1,
      "procedural:cats: unknown; there are procedural:faces and procedural:portraits",
    ],
    [
      "a run to go on with that is not there",
      () => ["train", "--run", "new", "--resume"],
      1,
      "new is not there: check the path",
    ],
    [
      "a GPU that is not there",
      () => start("--device", "cuda"),
      2,
      /^pioneer: --device cuda: libtorch .* sees no CUDA device here; use --device cpu/,
    ],
    [
      "CUDA graphs without a GPU",
      () => start("--cuda-graphs", "--device", "cpu"),
      2,
      /^pioneer: --cuda-graphs needs a CUDA device, this run computes on cpu\n$/,
    ],
  ];

  test.each(refused)("%s", async (_, args, exit, line) => {
    expectLine(await pioneer(folder, args()), exit, typeof line === "function" ? line() : line);
    expect(existsSync(join(folder, "new"))).toBe(false);
  });

  test("folders on the way to the run go as well; one that was there stays as it was", async () => {
    const refuse = (run: string) => pioneer(folder, ["train", "--data", data, "--run", run, ...tiny, "--batch", "64"]);
    const fewer = /^pioneer: .* fewer than the batch of 64 at 4x4: give --batch 32\n$/;
    expectLine(await refuse("deep/er/run"), 1, fewer);
    expect(existsSync(join(folder, "deep"))).toBe(false);
    mkdirSync(join(folder, "there"));
    expectLine(await refuse("there/run"), 1, fewer);
    expect(readdirSync(join(folder, "there"))).toEqual([]);
    writeFileSync(join(folder, "there", "notes.txt"), "mine");
    expectLine(await refuse("there"), 1, fewer);
    expect(readdirSync(join(folder, "there"))).toEqual(["notes.txt"]);
  });

  test.runIf(existsSync("/proc/self"))("a folder that the system will not make", async () => {
    const reason = "no such file or folder; check the path";
    const train = (run: string) => pioneer(folder, ["train", "--data", data, "--run", run, ...tiny]);
    expectLine(await train("/proc/nope"), 1, `/proc/nope: ${reason}`);
    expectLine(await train("/proc/nope/run"), 1, `/proc/nope/run: ${reason}`);
    const pack = await pioneer(folder, ["dataset", "prepare", "procedural:faces", "/proc/nope/faces.pack"]);
    expectLine(pack, 1, `/proc/nope: ${reason}`);
  });

  test("libtorch missing: the ways to get it, and no stack", async () => {
    const empty = join(folder, "no-build");
    mkdirSync(empty);
    const without = (args: string[]) => new Pioneer(folder, args, { PIONEER_TORCH_BUILD: empty }).end;
    const outcome = await without(start());
    expectLine(
      outcome,
      1,
      `pioneer-torch: the native addon ${join(empty, "pioneer_torch.node")} is not built: install libtorch-dev (Debian, Ubuntu) or pytorch (Homebrew), ` +
        "or set LIBTORCH to an unpacked libtorch or to the torch folder of a Python wheel, then run `make build`",
    );
    // One that cannot be loaded, as after libtorch was removed or was too old.
    writeFileSync(join(empty, "pioneer_torch.node"), "not a library");
    expectLine(await without(start()), 1, /^pioneer: pioneer-torch: .*could not be loaded \(.*\)\. .*libtorch-dev/);
    expectLine(await without(start("--plan")), 1, /^pioneer: pioneer-torch: .*could not be loaded/);
  });

  test("a folder inside a file", async () => {
    expectLine(
      await pioneer(folder, ["train", "--data", data, "--run", `${data}/run`, ...tiny]),
      1,
      /^pioneer: .*\.pack\/run: a part of this path is a file, not a folder; check the path$/m,
    );
  });

  test("an unwritable folder", async () => {
    const closed = join(folder, "closed");
    mkdirSync(closed);
    chmodSync(closed, 0o555);
    // Root may write everywhere, unless it gives that up.
    const root = process.getuid?.() === 0;
    const capabilities = "-dac_override,-dac_read_search";
    const command = root
      ? ["setpriv", `--bounding-set=${capabilities}`, `--inh-caps=${capabilities}`, process.execPath, bin]
      : [process.execPath, bin];
    const outcome = await new Pioneer(folder, ["train", "--data", data, "--run", "closed/run", ...tiny], {}, command)
      .end;
    expectLine(outcome, 1, "closed/run: no permission; choose a folder you may write to");
    expect(readdirSync(closed)).toEqual([]);
  });
});

describe("a run that cannot go on is refused, and stays as it was", () => {
  const run = join(folder, "old");
  const unchanged = async (args: string[], exit: number, line: string | RegExp) => {
    const before = fingerprint(run);
    const config = readFileSync(join(run, "config.json"), "utf8");
    expectLine(await pioneer(folder, args), exit, line);
    expect(fingerprint(run)).toEqual(before);
    expect(readFileSync(join(run, "config.json"), "utf8")).toBe(config);
  };

  test("the folder holds a run", async () => {
    const args = ["train", "--data", data, "--run", "old", ...tiny];
    await unchanged(
      args,
      1,
      "old already holds a run (old/checkpoint-00000002): go on with it by --resume, or give --run another folder",
    );
  });

  test("the folder holds a run: nothing is packed before that is said", async () => {
    const args = ["train", "--data", "procedural:faces", "--cache-dir", "packs", "--run", "old", ...tiny];
    await unchanged(args, 1, /^pioneer: old already holds a run/);
    expect(existsSync(join(folder, "packs"))).toBe(false);
  });

  test.each([
    ["--latent", "32", "16"],
    ["--seed", "5", "4"],
    ["--kimg-per-phase", "3", "4"],
  ])("another configuration: %s %s", async (flag, now, before) => {
    await unchanged(
      resume(flag, now),
      2,
      `${flag} is ${now}, but the run was started with ${before}: leave ${flag} out to go on, or start a new run with another --run`,
    );
  });

  test("a pack that is another one now", async () => {
    const other = await makePack(join(folder, "other"), 40, 8, (index, x, y) => discs(index + 1, x, y));
    await unchanged(
      resume("--data", other.path, "--total-kimg", "3"),
      1,
      /^pioneer: .* is not the pack this run was trained on \(.*photos-40-8\.pack, id [0-9a-f]{12}; now [0-9a-f]{12}\): give --data the old one, or start a new run$/m,
    );
    // The same path, but made again of other photos.
    renameSync(data, `${data}.kept`);
    cpSync(other.path, data);
    await unchanged(resume("--total-kimg", "3"), 1, /^pioneer: .* is not the pack this run was trained on/);
    renameSync(`${data}.kept`, data);
  });

  test("a newer config.json", async () => {
    const path = join(run, "config.json");
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.replace('"format": 1', '"format": 7'));
    await unchanged(resume(), 2, "old/config.json: format 7, and this version of pioneer reads 1: update pioneer");
    writeFileSync(path, text);
  });
});

describe("a damaged checkpoint is named, the newest good one offered, and the advice works", () => {
  test("cut short: networks.safetensors; edited: state.json", async () => {
    const run = join(folder, "damaged");
    cpSync(join(folder, "old"), run, { recursive: true });
    // The one before is damaged as well: it must not be offered.
    truncateSync(join(run, "checkpoint-00000001", "state.safetensors"), 100);
    const goOn = ["train", "--run", "damaged", "--resume", "--total-kimg", "0.2"];
    const mend = "mv damaged/checkpoint-00000002 damaged/damaged-checkpoint-00000002";
    const refusedFor = async (file: string, reason: string) => {
      expectLine(
        await pioneer(folder, goOn),
        1,
        `damaged/checkpoint-00000002/${file} ${reason}; to go on from checkpoint-00000000, move the damaged one away (${mend}) and --resume again`,
      );
      expect(checkpoints(run).length).toBe(3);
    };
    const newest = join(run, "checkpoint-00000002");
    const [networks, state] = [join(newest, "networks.safetensors"), join(newest, "state.json")];

    writeFileSync(state, readFileSync(state, "utf8").replace('"images": 20', '"images": 19'));
    await refusedFor("state.json", "was edited or cut short: its digest does not match");
    cpSync(join(folder, "old", "checkpoint-00000002", "state.json"), state);
    truncateSync(networks, 5000);
    await refusedFor("networks.safetensors", "was changed or cut short: its sha256 is not the one in state.json");

    expect(spawnSync("sh", ["-c", mend], { cwd: folder }).status).toBe(0);
    const next = await pioneer(folder, goOn);
    expect(next.stderr).toMatch(/checkpoint-00000001\/state\.safetensors was changed or cut short.* \(mv /);
    expect(spawnSync("sh", ["-c", /\((mv [^)]*)\)/.exec(next.stderr)?.[1] ?? "false"], { cwd: folder }).status).toBe(0);
    const good = await pioneer(folder, goOn);
    expect(good).toMatchObject({ code: 0, stderr: "" });
    expect(verifyCheckpoint(join(run, "checkpoint-00000000.200")).images).toBe(200);
  });

  test("no good one is left", async () => {
    const run = join(folder, "lost");
    cpSync(join(folder, "old"), run, { recursive: true });
    for (const name of checkpoints(run)) truncateSync(join(run, name, "networks.safetensors"), 0);
    expectLine(
      await pioneer(folder, ["train", "--run", "lost", "--resume"]),
      1,
      "lost/checkpoint-00000002/networks.safetensors was changed or cut short: its sha256 is not the one in state.json; " +
        "there is no older one in the run: restore it from a copy, or start a new run",
    );
  });
});

test("numbers that are not finite stop the run: step, loss and checkpoint named, nothing overwritten", async () => {
  const run = join(folder, "diverging");
  cpSync(join(folder, "old"), run, { recursive: true });
  const newest = join(run, "checkpoint-00000002");
  // Finite weights whose pictures are not: the largest float32 in the generator's output layer.
  const { state, learner } = readCheckpoint(newest, accv2018, 0.001);
  (learner.generator.parameter("to_rgb.0.weight").detach().view() as Float32Array).fill(3e38);
  const { sha256: _, adamSteps: __, poolImages: ___, latent: ____, channels: _____, ...said } = state;
  writeCheckpoint(run, learner, said);
  const before = digests(newest);
  const outcome = await pioneer(folder, ["train", "--run", "diverging", "--resume", "--total-kimg", "3"]);
  expect(outcome.code).toBe(1);
  expect(outcome.stderr).toMatch(
    /^pioneer: training diverged: (klFake|xRecon|encoder) is (NaN|-?Infinity) in step 251 \(2008 images\)\. The last good checkpoint is diverging\/checkpoint-00000002, nothing was overwritten: go on with `pioneer train --run diverging --resume --lr 0.0005`\n$/,
  );
  expect(digests(newest)).toEqual(before);
  expect(checkpoints(run).length).toBe(3);
});

test("photos that are all the same cannot be learnt from, and are named", async () => {
  const same = await makePack(folder, 12, 4, (_, x, y) => [x * 60, y * 60, 9]);
  const args = ["train", "--data", same.path, "--run", "same", ...tiny, "--no-mirror"];
  const { code, stderr } = await pioneer(folder, args);
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^pioneer: training stopped: klReal is Infinity in step 1 \(8 images\), because the 8 images of its batch are all equal \(00\d\d\.png, 00\d\d\.png, 00\d\d\.png, \.\.\.\), and equal images have codes without any spread: take copies out of the photos, .*; then start a new run\n$/,
  );
});

test("a pack that is cut off while it is trained on is named", async () => {
  // Larger than a page, so that some of it is beyond the end then.
  const { path, bytes } = await makePack(folder, 40, 32, discs);
  const args = ["train", "--data", path, "--run", "cut", ...tiny, "--resolution", "32", "--total-kimg", "100000"];
  const session = new Pioneer(folder, args);
  expect(await session.says(/^wrote .*checkpoint/, 2)).toBe(true);
  truncateSync(path, 4096);
  const { code, stderr } = await session.end;
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: `pioneer: ${path} is cut short: 4096 of ${bytes} bytes; copy it again, or prepare it again; it was whole when training began. Nothing before the last checkpoint is lost: put the pack back as it was, then go on with \`pioneer train --run cut --resume\`\n`,
  });
});

test("a log that cannot be written is told once, and training goes on; nothing is written through a link", async () => {
  const run = join(folder, "unlogged");
  mkdirSync(run);
  writeFileSync(join(folder, "mine.txt"), "mine");
  symlinkSync("../mine.txt", join(run, "log.txt"));
  const args = ["train", "--data", data, "--run", "unlogged", ...tiny, "--resolution", "8", "--total-kimg", "0.1"];
  const { code, stdout, stderr } = await pioneer(folder, args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout.match(/^unlogged\/log.txt is not written \(ELOOP: [^\n]+\); training goes on$/gm)?.length).toBe(1);
  expect(readFileSync(join(folder, "mine.txt"), "utf8")).toBe("mine");
  expect(checkpoints(run).at(-1)).toBe("checkpoint-00000000.104");
});

test.each(["moved", "removed", "replaced"])("a run that is %s while it is trained is not made again", async (how) => {
  const name = `run-${how}`;
  const run = join(folder, name);
  const args = ["train", "--data", data, "--run", name, ...tiny, "--resolution", "8", "--grid-kimg", "100"];
  const training = new Pioneer(folder, args);
  await training.says(/checkpoint-00000000/, 3);
  renameSync(run, `${run} away`);
  if (how === "removed") rmSync(`${run} away`, { recursive: true });
  if (how === "replaced") mkdirSync(run);
  const { code, stderr } = await training.end;
  expect(stderr).toBe(
    `pioneer: ${name} was moved, removed or replaced while it was trained, so training stopped: where its folder is now, go on from its newest checkpoint by \`pioneer train --run FOLDER --resume\`\n`,
  );
  expect(code).toBe(1);
  if (how === "replaced") expect(readdirSync(run)).toEqual([]);
  else expect(existsSync(run)).toBe(false);
  if (how !== "moved") return;
  const images = verifyCheckpoint(join(`${run} away`, checkpoints(`${run} away`).at(-1) as string)).images;
  const next = ["train", "--run", `${name} away`, "--resume", "--total-kimg", String((images + 8) / 1000)];
  expect(await pioneer(folder, next)).toMatchObject({ code: 0, stderr: "" });
});

describe("a full disk: one line, the checkpoints before it stay good, and the run goes on", () => {
  const goesOn = async (name: string) => {
    const left = checkpoints(join(folder, name));
    expect(left).toSatisfy((names: string[]) => names.every((each) => /^checkpoint-00000000(\.\d{3})?$/.test(each)));
    const [images = Number.NaN] = left.map((each) => verifyCheckpoint(join(folder, name, each)).images).reverse();
    const next = await pioneer(folder, [
      "train",
      "--run",
      name,
      "--resume",
      "--total-kimg",
      String((images + 8) / 1000),
    ]);
    expect(next).toMatchObject({ code: 0, stderr: "" });
    expect(next.stdout).toContain("going on at");
  };

  /** Bytes of networks.safetensors for so many channels. */
  const networksOf = (channels: number) =>
    statSync(
      join(
        writeCheckpoint(join(folder, "size"), tinyLearner({ latent: 16, channels }), facts()),
        "networks.safetensors",
      ),
    ).size;

  test("a limit on the size of files", async () => {
    // The networks fit, Adam's state and the pool of 200 images of 8x8 do not.
    const bytes = networksOf(12);
    const blocks = Math.ceil(bytes / 512) + 8;
    const command = ["sh", "-c", `ulimit -f ${blocks}; exec "$@"`, "sh", process.execPath, bin];
    const args = [
      "train",
      "--data",
      data,
      "--run",
      "limited",
      ...tiny,
      "--resolution",
      "8",
      "--channels",
      "12",
      "--grid-kimg",
      "100",
    ];
    const { code, stderr } = await new Pioneer(folder, args, {}, command).end;
    expect(stderr).toMatch(
      /^pioneer: limited\/checkpoint-00000000\.\d{3} could not be written: EFBIG[^\n]*; make room, then go on with --resume from the last good checkpoint, limited\/checkpoint-00000000\.\d{3}\n$/,
    );
    expect(stderr.trimEnd().endsWith(checkpoints(join(folder, "limited")).at(-1) as string)).toBe(true);
    expect(code).toBe(1);
    await goesOn("limited");
  });

  const disk = join(folder, "disk");
  mkdirSync(disk);
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]).status === 0;
  if (!mounted) console.log("skipped: a small disk needs the right to mount one");
  afterAll(() => mounted && spawnSync("umount", [disk]));

  test.skipIf(!mounted)("a small disk", async () => {
    const args = ["train", "--data", data, "--run", "disk/run", ...tiny, "--resolution", "8", "--grid-kimg", "100"];
    const { code, stderr } = await pioneer(folder, args);
    expect(stderr).toMatch(/^pioneer: disk\/run[^\n]*the disk is full[^\n]*\n$/);
    expect(code).toBe(1);
    expect(spawnSync("mount", ["-o", "remount,size=20m", disk]).status).toBe(0);
    await goesOn("disk/run");
  });
});
