// bench/RESULTS.md, from the JSON files beside it.
import { fasterOfNewest, ratiosOf, type StepComparison, type Timing } from "./compare.ts";
import type { Direction } from "./onnx-trial.ts";
import { keyOf, type Part, type Results } from "./results.ts";
import { hiddenShare } from "./scaling.ts";
import type { Latency, StudioTiming } from "./studio.ts";
import { convolutionsAsked, precisionAsked } from "./trial.ts";

/** What we want of a step at n = 512, on two cores with amx_bf16. */
const goals = [
  { phase: 4, batch: 8, toEagerFp32: 10, toEagerBf16: 1.8, ofLimit: 0.75 },
  { phase: 3, batch: 16, toEagerFp32: 7, toEagerBf16: 1.6, ofLimit: 0.7 },
  { phase: 2, batch: 32, toEagerFp32: 5.5, toEagerBf16: 1.5, ofLimit: 0.65 },
  { phase: 5, batch: 4, toEagerFp32: 8, toEagerBf16: 1.7, ofLimit: 0.7 },
] as const;
const goalToNewest = 1.3;
const goalUnit = "amx_bf16";

const none = "not measured";

/** @param files newest first @returns Markdown; the same files give the same text */
export function reportOf(files: readonly ResultsFile[]): string {
  const machines = new Map<string, ResultsFile[]>();
  for (const file of files) {
    const { cpu, cores } = file.results.machine;
    const key = `${cpu}, ${cores} cores`;
    machines.set(key, [...(machines.get(key) ?? []), file]);
  }
  const sections = [...machines].flatMap(([title, [newest, ...older]]) =>
    newest ? [machineSection(title, newest, older), olderList(older.map(({ name }) => name))] : [],
  );
  return `${[
    "# Results",
    "Made by `make bench` from the files in [results](results); [README.md](README.md) says what is measured, and how. Do not edit.",
    ...(sections.length > 0 ? sections : ["Nothing was measured yet."]),
    "## GPU",
    gpuSection(files),
  ]
    .filter((part) => part !== "")
    .join("\n\n")
    .split("\n\n")
    .map((block) => (/^[#|]/.test(block) ? block : wrapped(block)))
    .join("\n\n")}\n`;
}

/** A paragraph in lines of at most 120 columns; a word that is longer has a line of its own. */
function wrapped(paragraph: string): string {
  const lines: string[] = [];
  for (const word of paragraph.split(" ")) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= 120) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines.join("\n");
}

interface ResultsFile {
  readonly name: string;
  readonly results: Results;
}

/** A step, and the commit it was measured at. */
type MeasuredStep = StepComparison & { readonly commit: string };

/** Of each workload the newest measurement. */
function newestSteps(files: readonly ResultsFile[]): MeasuredStep[] {
  const found = new Map<string, MeasuredStep>();
  for (const { results } of files) {
    for (const step of results.steps) {
      const key = keyOf(step);
      if (!found.has(key)) found.set(key, { ...step, commit: results.commit });
    }
  }
  return [...found.values()];
}

/** Each part is of the newest file that has it, of steps each workload. */
function machineSection(title: string, newest: ResultsFile, older: readonly ResultsFile[]): string {
  const { machine, versions } = newest.results;
  const files = [newest, ...older];
  const steps = newestSteps(files).filter(({ device }) => device !== "cuda");
  // A newer file may have gone without one of the Pythons.
  const torch = (which: "systemTorch" | "newestTorch") => {
    const found = files.find((each) => each.results.versions[which] !== null);
    return found ? `PyTorch ${found.results.versions[which]}` : none;
  };
  const facts = [
    machine.bf16.length > 0 ? `bf16 units: ${machine.bf16.join(", ")}` : "no bf16 unit",
    `${machine.memoryGiB} GiB`,
    machine.system,
    `Node ${versions.node.replace("v", "")}`,
    `libtorch ${versions.libtorch}`,
    `baselines (a), (b): ${torch("systemTorch")}`,
    `(c): ${torch("newestTorch")}`,
  ];
  const other = machine.bf16.includes(goalUnit)
    ? ""
    : `The figures wanted below are for two cores with ${goalUnit}. This machine has no ${goalUnit}: they do not bind here, and are shown for orientation only.`;
  const from = ({ name, results: { date, commit } }: ResultsFile) =>
    `${date.slice(0, 10)}, commit ${commit}, [${name}](results/${name}).`;
  /** With nothing measured on this machine there is no section. */
  const section = (which: Part, title: string, of: (results: Results) => string, words = ""): string[] => {
    const file = files.find(({ results }) => (results[which] ?? []).length > 0);
    return file ? [`### ${title}`, words, file === newest ? "" : from(file), of(file.results)] : [];
  };
  const wasStepped = files.some(({ results }) => results.steps.length > 0);
  const stepSections = [
    "### Wanted and reached, n = 512",
    goalTable(steps, machine.cores),
    "### Training step, images/s",
    "(a) the authors' step, eager float32; (b) the same mathematics with PyTorch's best settings; (c) the same on the newest PyTorch, eager and under torch.compile. Medians; in brackets the fastest and the slowest step.",
    stepTable(steps, machine.cores),
    "### Peak memory of a step's process, MiB",
    memoryTable(steps, machine.cores),
  ];
  return [
    `## ${title}`,
    `${from(newest)} ${facts.join("; ")}.`,
    steps.length > 0 ? other : "",
    ...(wasStepped ? stepSections : []),
    ...section(
      "scaling",
      "Several processes",
      scalingTable,
      "A step of as many processes of one thread as there are cores, beside one process of as many threads; medians. Sums: those of gradients, alone. Waited: in the step, for sums. Hidden: the share of the sums that lies behind a process's own work. Nothing summed: each process with its share at the same time, without sums.",
    ),
    ...section("inference", "Encode and decode, float32", inferenceTable),
    ...section(
      "exported",
      "Exported models, float32",
      exportedTable,
      "Encode and decode by ONNX Runtime, milliseconds for each image, beside the authors' modules in eager float32 PyTorch with weights prepared once; medians. Cold start: from nothing loaded to the first decoded image.",
    ),
    ...section("prepare", "Packs", prepareTable),
    ...section("commands", "Commands", commandTable),
    ...section("studio", "The studio's page", ({ studio = [] }) => `${loadOf(studio)}\n\n${studioTable(studio)}`),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function olderList(names: readonly string[]): string {
  return names.length === 0 ? "" : `Earlier: ${names.map((name) => `[${name}](results/${name})`).join(", ")}.`;
}

/** The goals are those of bf16, which (b) computes in, on all cores, with the precision and convolutions that we choose. */
function goalTable(steps: readonly MeasuredStep[], cores: number): string {
  const rows = goals.map((goal) => {
    const found = steps.find(
      (step) =>
        step.n === 512 &&
        step.phase === goal.phase &&
        step.batch === goal.batch &&
        precisionAsked(step) !== "fp32" &&
        !step.forced &&
        step.threads === cores,
    );
    const ratios = found && ratiosOf(found);
    const pair = (wanted: string, reached: string | null | undefined) => `${wanted} / ${reached ?? none}`;
    return [
      `${goal.phase}, ${4 * 2 ** goal.phase}x${4 * 2 ** goal.phase}, ${goal.batch}`,
      pair(`${goal.toEagerFp32}x`, times(ratios?.toEagerFp32)),
      pair(`${goal.toEagerBf16}x`, times(ratios?.toEagerBf16)),
      pair(`${goalToNewest}x`, times(ratios?.toNewest)),
      pair(`${100 * goal.ofLimit} %`, percent(ratios?.ofLimit)),
      pair("at most (b)'s", found?.eagerBf16 && times(found.ours.peakRssMiB / found.eagerBf16.peakRssMiB)),
      found?.commit ?? "",
    ];
  });
  return table(["phase, size, batch", "(a)", "(b)", "faster of (c)", "of the limit", "peak memory", "commit"], rows);
}

const times = (ratio: number | null | undefined) => (typeof ratio === "number" ? `${ratio.toFixed(2)}x` : null);
const percent = (share: number | null | undefined) =>
  typeof share === "number" ? `${(100 * share).toFixed(0)} %` : null;

const sorted = <T extends StepComparison>(steps: readonly T[]) =>
  [...steps].sort((a, b) => b.n - a.n || a.phase - b.phase || a.batch - b.batch);

/** Ours, whether it was measured to be the faster one, and that of the baselines where it is another one. */
const precisionCell = (step: StepComparison) => {
  const { precision, baselinePrecision = precision } = step;
  const ours = precisionAsked(step) === "auto" ? `auto: ${precision}` : precision;
  return baselinePrecision === precision ? ours : `${ours} ((b), (c): ${baselinePrecision})`;
};

const workloadCells = (step: StepComparison, cores: number) => {
  const { n, phase, batch, forced, threads } = step;
  const settings = [
    precisionCell(step),
    ...(forced ? [convolutionsAsked(step)] : []),
    ...(threads === cores ? [] : [`${threads} threads`]),
  ];
  return [`${n}`, `${phase}`, `${batch}`, settings.join(", ")];
};

/** The median, and the fastest and the slowest step. */
const speed = (timing: Timing | null) => {
  if (!timing) return none;
  const at = (seconds: number) => figure((timing.imagesPerSecond * timing.seconds.median) / seconds);
  return `${figure(timing.imagesPerSecond)} (${at(timing.seconds.min)} to ${at(timing.seconds.max)})`;
};

/** Steps on GPUs, of all machines. */
function gpuSection(files: readonly ResultsFile[]): string {
  const gpus = [...new Set(files.map(({ results }) => results.machine.gpu).filter((gpu) => gpu !== undefined))];
  const rows = gpus.flatMap((gpu) =>
    sorted(newestSteps(files.filter(({ results }) => results.machine.gpu === gpu)))
      .filter(({ device }) => device === "cuda")
      .map((step) => {
        const { toEagerBf16, ofLimit, ofMatrixRate } = ratiosOf(step);
        const { n, phase, batch, ours, eagerFp32, eagerBf16, commit } = step;
        const memory = eagerBf16 && times(ours.peakRssMiB / eagerBf16.peakRssMiB);
        const shares = [times(toEagerBf16), percent(ofLimit), percent(ofMatrixRate), memory].map(
          (cell) => cell ?? none,
        );
        const speeds = [ours, eagerFp32, eagerBf16].map(speed);
        return [gpu, `${n}`, `${phase}`, `${batch}`, precisionCell(step), ...speeds, ...shares, commit];
      }),
  );
  if (rows.length === 0) return table(["what", "figure"], [["training step, any phase", none]]);
  const heads = [
    "ours, images/s",
    "(a)",
    "(b)",
    "against (b)",
    "of the limit",
    "of the bf16 matrix rate",
    "memory against (b)",
  ];
  return table(["GPU", "n", "phase", "batch", "precision", ...heads, "commit"], rows);
}

function stepTable(steps: readonly MeasuredStep[], cores: number): string {
  if (steps.length === 0) return none;
  const rows = sorted(steps).map((step) => [
    ...workloadCells(step, cores),
    speed(step.ours),
    speed(step.oursOnNewest),
    speed(step.eagerFp32),
    speed(step.eagerBf16),
    speed(step.newestEager),
    speed(step.newestCompiled),
    step.limit ? figure(step.batch / step.limit.seconds) : none,
    step.commit,
  ]);
  const heads = ["ours", "ours on (c)'s libtorch", "(a)", "(b)", "(c) eager", "(c) compiled", "limit", "commit"];
  return table(["n", "phase", "batch", "precision", ...heads], rows);
}

function memoryTable(steps: readonly StepComparison[], cores: number): string {
  if (steps.length === 0) return none;
  const peak = (timing: Timing | null) => (timing ? timing.peakRssMiB.toFixed(0) : none);
  const rows = sorted(steps).map((step) => [
    ...workloadCells(step, cores),
    peak(step.ours),
    peak(step.eagerFp32),
    peak(step.eagerBf16),
    peak(fasterOfNewest(step)),
  ]);
  return table(["n", "phase", "batch", "precision", "ours", "(a)", "(b)", "faster of (c)"], rows);
}

function scalingTable({ scaling = [] }: Results): string {
  const rows = [...scaling]
    .sort((a, b) => b.n - a.n || a.phase - b.phase)
    .map((timing) => {
      const { n, phase, batch, precision, ranks, one, together, apart, waited, sums, bytes } = timing;
      const seconds = [one, together, apart, sums, waited].map((each) => each.toPrecision(3));
      const rest = [`${(one / together).toFixed(2)}x`, percent(hiddenShare(timing)) ?? none, `${figure(bytes / 1e6)}`];
      return [`${n}`, `${phase}`, `${batch}`, precision, `${ranks}`, ...seconds, ...rest];
    });
  const times = [
    "one process, s",
    "all, s",
    "nothing summed, s",
    "sums, s",
    "waited, s",
    "faster",
    "hidden",
    "MB summed",
  ];
  return table(["n", "phase", "batch", "precision", "processes", ...times], rows);
}

function inferenceTable({ inference }: Results): string {
  const rows = [...inference]
    .sort((a, b) => b.n - a.n || a.phase - b.phase)
    .flatMap(({ n, phase, batch, ...timings }) =>
      (["encode", "decode"] as const).map((direction) => {
        const { latencyMs, imagesPerSecond } = timings[direction];
        const spread = `${figure(latencyMs.median)} (${figure(latencyMs.min)} to ${figure(latencyMs.max)})`;
        return [`${n}`, `${phase}`, direction, spread, `${batch}`, figure(imagesPerSecond)];
      }),
    );
  return table(["n", "phase", "", "one image, ms", "batch", "images/s"], rows);
}

function exportedTable({ exported = [] }: Results): string {
  const rows = [...exported]
    .sort((a, b) => b.n - a.n || a.phase - b.phase)
    .flatMap(({ n, phase, batch, onnx, eager }) =>
      (["single", "batch"] as const).map((kind) => {
        const count = kind === "single" ? 1 : batch;
        const ms = (direction: Direction) => (1000 * direction[kind].median) / count;
        const pair = ({ encode, decode }: { encode: Direction; decode: Direction }) =>
          `${figure(ms(encode))}, ${figure(ms(decode))}`;
        const sum = ({ encode, decode }: { encode: Direction; decode: Direction }) => ms(encode) + ms(decode);
        return [
          `${n}`,
          `${phase}`,
          `${count}`,
          pair(onnx),
          eager ? pair(eager) : none,
          eager ? `${(sum(eager) / sum(onnx)).toFixed(2)}x` : none,
          kind === "single" ? `${onnx.cold.decode.toFixed(2)} s` : "",
        ];
      }),
    );
  return table(["n", "phase", "images at once", "ONNX Runtime", "PyTorch", "faster", "cold start"], rows);
}

function prepareTable({ prepare }: Results): string {
  const rows = prepare.map(({ source, resolution, images, imagesPerSecond }) => [
    `\`dataset prepare\` of ${source}, ${images} images to ${resolution}x${resolution}`,
    figure(imagesPerSecond),
  ]);
  return table(["pack", "images/s"], rows);
}

function commandTable({ commands }: Results): string {
  const rows = commands.map(({ command, seconds }) => [
    `\`${command}\``,
    `${figure(seconds.median)} (${figure(seconds.min)} to ${figure(seconds.max)})`,
  ]);
  return table(["command", "seconds to the first picture (`info`: to its answer)"], rows);
}

/** In a quiet machine nothing else wants to compute. */
function loadOf(studio: readonly StudioTiming[]): string {
  const [{ chromium, load }] = studio as [StudioTiming];
  const processes = load.processes.toFixed(1);
  return `Chromium ${chromium}, without a graphics processor. ${processes} processes wanted to compute at the end, on ${load.cores} cores${load.processes > load.cores ? ": the machine was busy with other work, so that these are upper bounds" : ""}.`;
}

export function studioTable(studio: readonly StudioTiming[]): string {
  const rows = studio.flatMap(({ model, slider, request, firstVisit }) => {
    const size = `${model.resolution}x${model.resolution}, n ${model.latent}`;
    const pair = ({ median, p95 }: Latency) => `${figure(median)}, ${figure(p95)} ms`;
    const { seconds, bytes, bytesInAll } = firstVisit;
    const MiB = (count: number) => `${(count / 2 ** 20).toFixed(1)} MiB`;
    return [
      [`slider to pixels in the page, ${size}`, "p95 under 100 ms", pair(slider.page)],
      [`slider to pixels by way of the server, ${size}`, "", pair(slider.server)],
      ["one picture asked of the server", "p95 under 33 ms", pair(request)],
      [
        "first visit to the first reconstruction",
        "at most 3 s",
        `${figure(seconds.median)} s (${figure(seconds.min)} to ${figure(seconds.max)})`,
      ],
      ["sent by then; until the page computes too", "", `${MiB(bytes)}; ${MiB(bytesInAll)}`],
    ];
  });
  return table(["what", "wanted", "reached: median, p95"], rows);
}

/** Three digits, without an exponent. */
const figure = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(heads), line(heads.map(() => "---")), ...rows.map(line)].join("\n");
}
